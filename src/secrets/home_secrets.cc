#include "pipelined/secrets/home_secrets.h"

#include <fmt/format.h>

#include "pipelined/secrets/password.h"
#include "pipelined/secrets/token.h"
#include "secrets/secret_file.h"

namespace pipelined::secrets {
namespace {

constexpr std::size_t kTokenLength = 43;

std::string Folder(const std::string& home) {
  return home + "/secrets";
}
std::string TokenFile(const std::string& home) {
  return Folder(home) + "/local-token";
}

// The secret in `path`, made when there is none (or a torn one) yet.
Result<std::string> EnsureSecret(const std::string& home, const std::string& path) {
  if (const Status folder = EnsurePrivateFolder(Folder(home)); !folder.ok()) return folder.error();
  Result<std::string> stored = ReadSecret(path);
  if (stored.ok() && stored->size() >= kTokenLength) return stored;
  if (!stored.ok() && stored.error().code != ErrorCode::kNotFound) return stored;
  std::string secret = NewToken();
  if (const Status written = WriteSecret(path, secret + "\n"); !written.ok()) return written.error();
  return secret;
}

}  // namespace

Result<std::string> EnsureLocalToken(const std::string& home) {
  return EnsureSecret(home, TokenFile(home));
}

Result<std::string> ReadLocalToken(const std::string& home) {
  return ReadSecret(TokenFile(home));
}

std::string AdminPasswordFile(const std::string& home) {
  return Folder(home) + "/admin-password";
}

Result<bool> EnsureAdmin(Catalog& catalog, const std::string& home) {
  const Result<std::optional<UserRow>> known = catalog.FindUser("admin");
  if (!known.ok()) return known.error();
  if (known->has_value()) return false;
  // An admin that was deleted on purpose does not come back.
  const Result<Listing<AccountRow>> others = catalog.accounts().List(AccountKind::kUser, Page::One());
  if (!others.ok()) return others.error();
  if (!others->rows.empty()) return false;
  const Result<std::string> password = EnsureSecret(home, AdminPasswordFile(home));
  if (!password.ok()) return password.error();
  Result<std::string> hash = HashPassword(*password);
  if (!hash.ok()) return hash.error();
  UserRow admin;
  admin.name = "admin";
  admin.password_hash = *hash;
  admin.role = "admin";
  const Status added = catalog.AddUser(admin);
  if (added.ok()) return true;
  if (added.error().code == ErrorCode::kConflict) return false;  // another server on this database was quicker
  return added.error();
}

}  // namespace pipelined::secrets
