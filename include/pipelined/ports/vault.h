// Variables and connections as they are kept. What is secret of a row is sealed before it comes here
// (secrets/key_ring.h); an implementation never sees it. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/ports/listing.h"

namespace pipelined {

// An encrypted text, and which key opens it.
struct Sealed {
  std::string key_id;
  std::string box;  // base64
  friend bool operator==(const Sealed&, const Sealed&) = default;
};

struct VariableRow {
  std::int64_t id = 0;  // given by the vault, in the order of making
  std::string key;
  std::optional<std::string> description;
  Sealed secret;  // its value
};

struct ConnectionRow {
  std::int64_t id = 0;
  std::string connection_id, conn_type;
  std::optional<std::string> description, host, login, schema;
  std::optional<std::int32_t> port;
  Sealed secret;  // password and extra
};

enum class VaultKind : std::uint8_t { kVariable, kConnection };

// What must be true of a row before it is written.
enum class Before : std::uint8_t { kAbsent, kPresent };

struct VaultPut {
  std::variant<VariableRow, ConnectionRow> row;  // without its id; everything else of a known row is replaced
  Before before = Before::kAbsent;
};
struct VaultDrop {
  VaultKind kind = VaultKind::kVariable;
  std::string name;
};
using VaultChange = std::variant<VaultPut, VaultDrop>;

// The sealed part of a row, for changing its key.
struct SealedRow {
  VaultKind kind = VaultKind::kVariable;
  std::string name;
  Sealed secret;
};

class Vault {
 public:
  virtual ~Vault() = default;

  virtual Result<Listing<VariableRow>> Variables(const TextSearch& key, const Page& page) = 0;
  virtual Result<VariableRow> Variable(const std::string& key) = 0;  // kNotFound
  virtual Result<Listing<ConnectionRow>> Connections(const TextSearch& id, const Page& page) = 0;
  virtual Result<ConnectionRow> Connection(const std::string& connection_id) = 0;  // kNotFound

  // All of it or nothing. kConflict: a row that must be absent is there; kNotFound: one that must be present, or that
  // is dropped, is not.
  virtual Status Write(const std::vector<VaultChange>& changes) = 0;

  // How many rows each key has sealed, by key.
  virtual Result<std::vector<std::pair<std::string, std::int64_t>>> KeysInUse() = 0;
  // Rows of `kind` that another key than `key_id` has sealed, by name, at most so many after `after`.
  virtual Result<std::vector<SealedRow>> SealedOtherwise(VaultKind kind, const std::string& key_id,
                                                         const std::string& after, int most) = 0;
  // False: the row was changed or dropped since `row` was read; it is left as it is.
  virtual Result<bool> Reseal(const SealedRow& row, const Sealed& fresh) = 0;
};

}  // namespace pipelined
