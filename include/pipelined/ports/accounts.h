// Who there is and what he was given: users, service accounts, roles, grants and tokens, as they are kept. Secrets come
// here as hashes alone. What is taken away here is gone with the next request. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipelined/access/rights.h"
#include "pipelined/base/result.h"
#include "pipelined/base/time.h"
#include "pipelined/ports/listing.h"

namespace pipelined {

enum class AccountKind : std::uint8_t { kUser, kService };  // a service account has no password

enum class GrantScope : std::uint8_t { kAll, kDag, kTag };

struct GrantRow {
  std::int64_t id = 0;
  std::string account, role;
  GrantScope scope = GrantScope::kAll;
  std::string object;  // the DAG's id or the tag
};

struct AccountRow {
  std::int64_t id = 0;
  std::string name;
  AccountKind kind = AccountKind::kUser;
  bool disabled = false;
  Instant created_at{};
  std::optional<Instant> password_changed_at;
  std::vector<GrantRow> grants;
};

// A role that is not built in.
struct RoleRow {
  std::string name, description;
  std::vector<std::string> permissions;
};

struct TokenRow {
  std::int64_t id = 0;
  std::string account, name;
  bool of_login = false;                                // ends with the password that it was given for
  std::optional<std::vector<std::string>> permissions;  // nothing: all of the account's
  std::optional<std::vector<std::string>> dag_ids;      // nothing: wherever the account may
  Instant created_at{};
  std::optional<Instant> expires_at;  // nothing: until it is revoked
  std::optional<Instant> last_used_at;
};

// Whose request it is.
struct Principal {
  AccountRow account;
  access::Rights rights;  // under the limits of the token
  std::optional<TokenRow> token;
};

class Accounts {
 public:
  virtual ~Accounts() = default;

  virtual Result<Listing<AccountRow>> List(AccountKind kind, const Page& page) = 0;
  virtual Result<AccountRow> Find(const std::string& name) = 0;  // kNotFound
  // With its grants. kConflict: the name is taken, perhaps in other letters (Ann, ann). kInvalid: there is no such role.
  virtual Status Add(const AccountRow& account, const std::string& password_hash) = 0;
  // Each kNotFound; kConflict when no admin would be left. A new password ends all log-ins, and so does being disabled.
  // `instead_of`: only while that is the hash and the user is not disabled; kNotAllowed otherwise.
  virtual Status SetPassword(const std::string& name, const std::string& password_hash,
                             const std::optional<std::string>& instead_of) = 0;
  virtual Status SetDisabled(const std::string& name, bool disabled) = 0;
  virtual Status Delete(const std::string& name) = 0;

  virtual Result<std::vector<RoleRow>> Roles() = 0;           // by name
  virtual Result<RoleRow> Role(const std::string& name) = 0;  // kNotFound
  // kConflict: `made` and there is one; kNotFound: not `made` and there is none.
  virtual Status PutRole(const RoleRow& role, bool made) = 0;
  virtual Status DeleteRole(const std::string& name) = 0;  // with its grants; kNotFound

  virtual Result<Listing<GrantRow>> Grants(const std::string& account, const Page& page) = 0;  // empty: of all
  virtual Result<GrantRow> Grant(std::int64_t id) = 0;                                         // kNotFound
  // kNotFound: the account; kInvalid: the role is not there (any more); kConflict: given already.
  virtual Result<GrantRow> AddGrant(const GrantRow& grant) = 0;
  virtual Status DropGrant(std::int64_t id) = 0;                 // kNotFound; kConflict: no admin would be left

  virtual Result<Listing<TokenRow>> Tokens(const std::string& account, const Page& page) = 0;  // empty: of all
  virtual Result<TokenRow> Token(std::int64_t id) = 0;                                         // kNotFound
  virtual Result<TokenRow> AddToken(const TokenRow& token, const std::string& sha256) = 0;     // kNotFound: the account
  virtual Status DropToken(std::int64_t id) = 0;                                               // kNotFound

  // Nothing: unknown, expired, revoked, or its account is disabled.
  virtual Result<std::optional<Principal>> OfToken(const std::string& sha256) = 0;
  virtual Result<std::optional<Principal>> OfAccount(const std::string& name) = 0;  // also of a disabled one
};

}  // namespace pipelined
