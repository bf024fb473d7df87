#include "pipelined/access/permission.h"

#include <algorithm>

namespace pipelined::access {
namespace {

constexpr bool InOrder() {
  for (std::size_t i = 0; i < kPermissionCount; ++i) {
    if (static_cast<std::size_t>(kPermissions[i].permission) != i) return false;
  }
  return true;
}
static_assert(InOrder(), "the table is read by position");
static_assert(static_cast<std::size_t>(Permission::kTokensEdit) + 1 == kPermissionCount);

}  // namespace

std::optional<Permission> PermissionFromString(std::string_view name) {
  for (const PermissionInfo& info : kPermissions) {
    if (info.name == name) return info.permission;
  }
  return std::nullopt;
}

std::vector<std::string_view> PermissionSet::Names() const {
  std::vector<std::string_view> names;
  for (const PermissionInfo& info : kPermissions) {
    if (Has(info.permission)) names.push_back(info.name);
  }
  return names;
}

std::optional<std::string_view> ReadPermissions(const std::vector<std::string>& names, PermissionSet& set) {
  for (const std::string& name : names) {
    const std::optional<Permission> permission = PermissionFromString(name);
    if (!permission) return name;
    set.Add(*permission);
  }
  return std::nullopt;
}

PermissionSet PermissionsOf(BuiltIn role) {
  PermissionSet set;
  for (const PermissionInfo& info : kPermissions) {
    if (info.lowest <= role) set.Add(info.permission);
  }
  return set;
}

std::optional<BuiltIn> BuiltInFromString(std::string_view name) {
  const auto* const found = std::find(std::begin(kBuiltInNames), std::end(kBuiltInNames), name);
  if (found == std::end(kBuiltInNames)) return std::nullopt;
  return static_cast<BuiltIn>(found - std::begin(kBuiltInNames));
}

}  // namespace pipelined::access
