// Accounts in PostgreSQL.
#pragma once

#include "pipelined/ports/accounts.h"
#include "store/session_pool.h"

namespace pipelined {

// Accounts and who shows which token are in pg_accounts.cc, roles, grants and tokens in pg_grants.cc.
class PgAccounts : public Accounts {
 public:
  explicit PgAccounts(SessionPool& pool) : pool_(pool) {}

  Result<Listing<AccountRow>> List(AccountKind kind, const Page& page) override;
  Result<AccountRow> Find(const std::string& name) override;
  Status Add(const AccountRow& account, const std::string& password_hash) override;
  Status SetPassword(const std::string& name, const std::string& password_hash,
                     const std::optional<std::string>& instead_of) override;
  Status SetDisabled(const std::string& name, bool disabled) override;
  Status Delete(const std::string& name) override;
  Result<std::vector<RoleRow>> Roles() override;
  Result<RoleRow> Role(const std::string& name) override;
  Status PutRole(const RoleRow& role, bool made) override;
  Status DeleteRole(const std::string& name) override;
  Result<Listing<GrantRow>> Grants(const std::string& account, const Page& page) override;
  Result<GrantRow> Grant(std::int64_t id) override;
  Result<GrantRow> AddGrant(const GrantRow& grant) override;
  Status DropGrant(std::int64_t id) override;
  Result<Listing<TokenRow>> Tokens(const std::string& account, const Page& page) override;
  Result<TokenRow> Token(std::int64_t id) override;
  Result<TokenRow> AddToken(const TokenRow& token, const std::string& sha256) override;
  Status DropToken(std::int64_t id) override;
  Result<std::optional<Principal>> OfToken(const std::string& sha256) override;
  Result<std::optional<Principal>> OfAccount(const std::string& name) override;

 private:
  SessionPool& pool_;
};

// One of `text` in the database, and back.
const char* ToString(GrantScope scope);
GrantScope GrantScopeFromString(std::string_view text);

}  // namespace pipelined
