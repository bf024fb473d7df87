// What one caller may do, and where: the sum of his grants, cut down by the token that he shows. Values: no I/O.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pipelined/access/permission.h"

namespace pipelined::access {

// All DAGs, those to come included, or some by id. Those of a tag are by id as they are now; the tag stands beside
// them, because it may come to stand for any other.
class DagScope {
 public:
  static DagScope All();
  static DagScope None() { return {}; }
  static DagScope Of(std::vector<std::string> dag_ids);
  static DagScope OfTag(std::string tag, std::vector<std::string> dag_ids_now);

  bool all() const { return all_; }
  bool empty() const { return !all_ && dag_ids_.empty(); }  // now: a tag that no DAG has is no DAG
  bool Has(const std::string& dag_id) const { return all_ || dag_ids_.contains(dag_id); }
  bool Holds(const DagScope& other) const;  // now and whatever DAGs get the tags of `other`
  std::vector<std::string> dag_ids() const { return {dag_ids_.begin(), dag_ids_.end()}; }  // sorted; none when all()

  void Add(const DagScope& other);
  friend DagScope operator&(const DagScope& a, const DagScope& b);
  friend bool operator==(const DagScope&, const DagScope&) = default;

 private:
  bool all_ = false;
  std::set<std::string> dag_ids_;
  std::set<std::string> tags_;
};

struct Grant {
  PermissionSet permissions;
  DagScope scope;
};

class Rights {
 public:
  Rights() = default;  // none
  explicit Rights(std::vector<Grant> grants) : grants_(std::move(grants)) {}
  static Rights Of(BuiltIn role) { return Rights({Grant{PermissionsOf(role), DagScope::All()}}); }

  // For everything: what a permission that is not `of_dags` needs.
  bool May(Permission permission) const { return ScopeOf(permission).all(); }
  bool May(Permission permission, const std::string& dag_id) const { return ScopeOf(permission).Has(dag_id); }
  // Where a permission is held.
  DagScope ScopeOf(Permission permission) const;
  // Whether all of `permissions` are held everywhere in `scope`: nobody hands on more than he has.
  bool Hold(const PermissionSet& permissions, const DagScope& scope) const;

  // Whether all that `others` may is held.
  bool Hold(const Rights& others) const;

  PermissionSet Everywhere() const;  // those held for everything
  PermissionSet Anywhere() const;    // those held for a DAG at least

  // What is left under the limits of a token; nothing: no limit.
  Rights Within(const std::optional<PermissionSet>& permissions, const std::optional<DagScope>& scope) const;

 private:
  std::vector<Grant> grants_;
};

}  // namespace pipelined::access
