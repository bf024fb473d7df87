// Connections with their passwords, for those who use them: from the environment, else from the vault.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "pipelined/base/clock.h"
#include "pipelined/base/result.h"
#include "pipelined/base/value.h"
#include "pipelined/ports/vault.h"
#include "pipelined/secrets/key_ring.h"

namespace pipelined::secrets {

// {"conn_type", "host", "login", "password", "schema", "port", "extra"}: as Airflow writes a connection in a variable
// of the environment, a URI (postgres://user:password@host:5432/database?sslmode=require) or JSON. kInvalid: neither;
// the text is not repeated.
Result<Value> ParseConnection(std::string_view text);

class ConnectionSource {
 public:
  struct Options {
    // Of a variable of the environment.
    std::function<std::optional<std::string>(const std::string& name)> environment;
    // Asked each time: keys may have been added. kNotFound: there are none yet.
    std::function<Result<KeyRing>()> keys;
    Micros remember = std::chrono::seconds(1);  // what the vault said
  };
  // `vault` and `clock` outlive it; `vault` may be nullptr. Not thread-safe.
  ConnectionSource(Options options, Vault* vault, const Clock& clock)
      : options_(std::move(options)), vault_(vault), clock_(clock) {}

  // PIPELINED_CONN_<ID>, AIRFLOW_CONN_<ID>, the vault. kNotFound; kUnavailable: the vault cannot be asked now; kFailed:
  // its secrets cannot be decrypted.
  Result<Value> Find(const std::string& id);

 private:
  Result<Value> Read(const std::string& id) const;
  struct Known {
    Value connection;
    Micros read{0};
  };
  Options options_;
  Vault* vault_;
  const Clock& clock_;
  std::unordered_map<std::string, Known> known_;
};

}  // namespace pipelined::secrets
