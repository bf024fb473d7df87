// Variables and connections as tasks use them: from the environment, else from a file, else from the vault.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "pipelined/base/clock.h"
#include "pipelined/base/result.h"
#include "pipelined/base/value.h"
#include "pipelined/ports/vault.h"
#include "pipelined/secrets/connection_source.h"
#include "pipelined/secrets/key_ring.h"

namespace pipelined::secrets {

// A JSON file of names and values, read again when it has changed.
class ValueFile {
 public:
  explicit ValueFile(std::string path) : path_(std::move(path)) {}

  // Nothing: there is no such name, or no file was given. kFailed: it cannot be read, or is no JSON object.
  Result<std::optional<Value>> Find(const std::string& name);

 private:
  struct Stamp {
    std::int64_t seconds = -1, nanos = 0, size = 0, inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  Status Read();

  std::string path_;  // empty: none
  Stamp stamp_;       // of what is known
  Stamp broken_;      // of what was no JSON object
  std::map<std::string, Value> values_;
};

// Not thread-safe.
class TaskValues {
 public:
  struct Options {
    // Of a variable of the environment.
    std::function<std::optional<std::string>(const std::string& name)> environment;
    std::string variables_file, connections_file;  // absolute; empty: none
    // Asked each time: keys may have been added. kNotFound: there are none yet.
    std::function<Result<KeyRing>()> keys;
    Micros remember = std::chrono::seconds(1);  // what the vault said
  };
  // `vault` and `clock` outlive it; `vault` may be nullptr.
  TaskValues(Options options, Vault* vault, const Clock& clock);

  // PIPELINED_VAR_<KEY>, AIRFLOW_VAR_<KEY>, the file, the vault. kNotFound; kUnavailable: the vault cannot be asked
  // now; kFailed: it cannot be decrypted, or the file cannot be read.
  Result<std::string> Variable(const std::string& key);

  // The fields as of ConnectionSource::Find(): PIPELINED_CONN_<ID>, AIRFLOW_CONN_<ID>, the file, the vault.
  Result<Value> Connection(const std::string& id);

 private:
  static Error NoVariable(const std::string& key);
  Result<std::string> ReadVariable(const std::string& key) const;
  struct Known {
    std::optional<std::string> text;  // nothing: there is none
    Micros read{0};
  };
  Options options_;
  Vault* vault_;
  const Clock& clock_;
  ValueFile variables_, connections_;
  ConnectionSource of_environment_, of_vault_;
  std::unordered_map<std::string, Known> known_;
};

}  // namespace pipelined::secrets
