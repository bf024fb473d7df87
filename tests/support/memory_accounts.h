// What the API's tests need of Accounts where there is no database: whose a token is. All else is refused.
#pragma once

#include <functional>
#include <string>

#include "pipelined/ports/accounts.h"

namespace pipelined::testing {

class MemoryAccounts : public Accounts {
 public:
  // The role of whom a token belongs to, and his name.
  struct Known {
    std::string name, role;
    std::int64_t id = 0;
  };
  std::function<Result<std::optional<Known>>(const std::string& sha256)> of_token;
  std::function<Result<std::optional<Known>>(const std::string& name)> of_account;

  Result<std::optional<Principal>> OfToken(const std::string& sha256) override {
    Result<std::optional<Principal>> principal = Of(of_token(sha256));
    if (principal.ok() && principal->has_value()) (*principal)->token = TokenRow{};
    return principal;
  }

  Result<std::optional<Principal>> OfAccount(const std::string& name) override { return Of(of_account(name)); }
  Result<Listing<AccountRow>> List(AccountKind, const Page&) override { return Listing<AccountRow>{}; }
  Result<AccountRow> Find(const std::string&) override { return None(); }
  Status Add(const AccountRow&, const std::string&) override { return None(); }
  Status SetPassword(const std::string&, const std::string&, const std::optional<std::string>&) override {
    return None();
  }
  Status SetDisabled(const std::string&, bool) override { return None(); }
  Status Delete(const std::string&) override { return None(); }
  Result<std::vector<RoleRow>> Roles() override { return None(); }
  Result<RoleRow> Role(const std::string&) override { return None(); }
  Status PutRole(const RoleRow&, bool) override { return None(); }
  Status DeleteRole(const std::string&) override { return None(); }
  Result<Listing<GrantRow>> Grants(const std::string&, const Page&) override { return None(); }
  Result<GrantRow> Grant(std::int64_t) override { return None(); }
  Result<GrantRow> AddGrant(const GrantRow&) override { return None(); }
  Status DropGrant(std::int64_t) override { return None(); }
  Result<Listing<TokenRow>> Tokens(const std::string&, const Page&) override { return None(); }
  Result<TokenRow> Token(std::int64_t) override { return None(); }
  Result<TokenRow> AddToken(const TokenRow&, const std::string&) override { return None(); }
  Status DropToken(std::int64_t) override { return None(); }

 private:
  static Result<std::optional<Principal>> Of(const Result<std::optional<Known>>& known) {
    if (!known.ok()) return known.error();
    if (!known->has_value()) return std::optional<Principal>();
    Principal principal;
    principal.account.name = (*known)->name;
    principal.account.id = (*known)->id;
    if (const auto role = access::BuiltInFromString((*known)->role)) principal.rights = access::Rights::Of(*role);
    return std::optional(std::move(principal));
  }
  static Error None() { return {ErrorCode::kNotFound, "nobody is kept here", ""}; }
};

}  // namespace pipelined::testing
