#include "pipelined/access/rights.h"

#include <algorithm>
#include <iterator>

namespace pipelined::access {
namespace {

using Words = std::set<std::string>;

bool Includes(const Words& whole, const Words& part) {
  return std::includes(whole.begin(), whole.end(), part.begin(), part.end());
}

Words Common(const Words& a, const Words& b) {
  Words both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(both, both.end()));
  return both;
}

}  // namespace

DagScope DagScope::All() {
  DagScope scope;
  scope.all_ = true;
  return scope;
}

DagScope DagScope::Of(std::vector<std::string> dag_ids) {
  DagScope scope;
  scope.dag_ids_.insert(std::make_move_iterator(dag_ids.begin()), std::make_move_iterator(dag_ids.end()));
  return scope;
}

DagScope DagScope::OfTag(std::string tag, std::vector<std::string> dag_ids_now) {
  DagScope scope = Of(std::move(dag_ids_now));
  scope.tags_.insert(std::move(tag));
  return scope;
}

bool DagScope::Holds(const DagScope& other) const {
  return all_ || (!other.all_ && Includes(dag_ids_, other.dag_ids_) && Includes(tags_, other.tags_));
}

void DagScope::Add(const DagScope& other) {
  all_ = all_ || other.all_;
  if (all_) {
    dag_ids_.clear();
    tags_.clear();
  } else {
    dag_ids_.insert(other.dag_ids_.begin(), other.dag_ids_.end());
    tags_.insert(other.tags_.begin(), other.tags_.end());
  }
}

DagScope operator&(const DagScope& a, const DagScope& b) {
  if (a.all_) return b;
  if (b.all_) return a;
  DagScope both;
  both.dag_ids_ = Common(a.dag_ids_, b.dag_ids_);
  both.tags_ = Common(a.tags_, b.tags_);
  return both;
}

DagScope Rights::ScopeOf(Permission permission) const {
  DagScope scope;
  for (const Grant& grant : grants_) {
    if (grant.permissions.Has(permission)) scope.Add(grant.scope);
  }
  return scope;
}

bool Rights::Hold(const PermissionSet& permissions, const DagScope& scope) const {
  return std::all_of(std::begin(kPermissions), std::end(kPermissions), [&](const PermissionInfo& info) {
    return !permissions.Has(info.permission) || ScopeOf(info.permission).Holds(scope);
  });
}

bool Rights::Hold(const Rights& others) const {
  return std::all_of(others.grants_.begin(), others.grants_.end(),
                     [&](const Grant& grant) { return Hold(grant.permissions, grant.scope); });
}

PermissionSet Rights::Everywhere() const {
  PermissionSet set;
  for (const Grant& grant : grants_) {
    if (grant.scope.all()) set = set | grant.permissions;
  }
  return set;
}

PermissionSet Rights::Anywhere() const {
  PermissionSet set = Everywhere();
  for (const PermissionInfo& info : kPermissions) {
    if (info.of_dags && !ScopeOf(info.permission).empty()) set.Add(info.permission);
  }
  return set;
}

Rights Rights::Within(const std::optional<PermissionSet>& permissions, const std::optional<DagScope>& scope) const {
  std::vector<Grant> left = grants_;
  for (Grant& grant : left) {
    if (permissions) grant.permissions = grant.permissions & *permissions;
    if (scope) grant.scope = grant.scope & *scope;
  }
  return Rights(std::move(left));
}

}  // namespace pipelined::access
