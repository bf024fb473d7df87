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
#include "pipelined/secrets/key_ring.h"

namespace pipelined::secrets {

// A JSON file of names and values, read again when it has changed. One that was good and is not any more stays in force
// as it was.
class ValueFile {
 public:
  explicit ValueFile(std::string path) : path_(std::move(path)) {}

  // Nothing: there is no such name, or no file was given. kFailed: it could not be read yet, or is no JSON object.
  Result<std::optional<Value>> Find(const std::string& name);

 private:
  struct Stamp {
    std::int64_t seconds = -1, nanos = 0, size = 0, inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  Status Read();

  std::string path_;       // empty: none
  Stamp stamp_;            // of what is known
  Stamp broken_;           // of what was no JSON object
  std::string complaint_;  // as last logged
  bool is_known_ = false;
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
    // What the vault said; also that there is none, and that it could not be asked.
    Micros remember = std::chrono::seconds(1);
  };
  // `vault` and `clock` outlive it; `vault` may be nullptr.
  TaskValues(Options options, Vault* vault, const Clock& clock);

  // PIPELINED_VAR_<KEY>, AIRFLOW_VAR_<KEY>, the file, the vault. kNotFound; kUnavailable: the vault cannot be asked
  // now; kFailed: it cannot be decrypted, or the file cannot be read.
  Result<std::string> Variable(const std::string& key);

  // PIPELINED_CONN_<ID>, AIRFLOW_CONN_<ID>, the file, the vault. The fields as of ParseConnection(); errors as above,
  // and kInvalid: what stands in the environment or in the file is no connection.
  Result<Value> Connection(const std::string& id);

 private:
  template <class T>
  struct Said {
    Result<T> answer;
    Micros at;
  };
  template <class T>
  using Memory = std::unordered_map<std::string, Said<T>>;

  Result<std::string> ReadVariable(const std::string& key) const;
  Result<Value> ReadConnection(const std::string& id) const;
  Result<std::string> Open(const Sealed& secret, VaultKind kind, const std::string& name) const;
  template <class T, class Ask>
  Result<T> Recall(Memory<T>& known, const std::string& name, Ask ask);
  bool IsFresh(Micros at) const;

  Options options_;
  Vault* vault_;
  const Clock& clock_;
  ValueFile variables_, connections_;
  Memory<std::string> known_variables_;
  Memory<Value> known_connections_;
  std::optional<Said<Value>> away_;  // the vault could not be asked
};

}  // namespace pipelined::secrets
