// What there is to be allowed, one word for each: "runs.trigger". The table is the only place that lists them; roles,
// routes, tokens, the command line and the documentation speak of these words.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace pipelined::access {

enum class Permission : std::uint8_t {
  kDagsRead,
  kDagsEdit,
  kDagsDelete,
  kSourcesRead,
  kRunsRead,
  kRunsTrigger,
  kRunsEdit,
  kRunsDelete,
  kTasksRead,
  kTasksEdit,
  kLogsRead,
  kXComsRead,
  kXComsEdit,
  kBackfillsRead,
  kBackfillsEdit,
  kAssetsRead,
  kAssetsEdit,
  kEventsRead,
  kImportErrorsRead,
  kPoolsRead,
  kPoolsEdit,
  kVariablesRead,
  kVariablesEdit,
  kConnectionsRead,
  kConnectionsEdit,
  kConnectionsTest,
  kConfigRead,
  kJobsRead,
  kPluginsRead,
  kMetricsRead,
  kNotificationsRead,
  kNotificationsEdit,
  kAuditRead,
  kUsersRead,
  kUsersEdit,
  kRolesRead,
  kRolesEdit,
  kTokensEdit,
};

// The roles that every installation has, as Airflow's simple auth manager orders them: each may do what those before
// it may.
enum class BuiltIn : std::uint8_t { kViewer, kUser, kOp, kAdmin };

struct PermissionInfo {
  Permission permission;
  std::string_view name;
  bool of_dags;    // may be granted for some DAGs alone; all others are granted for everything or not at all
  BuiltIn lowest;  // the first of the built-in roles that has it
  std::string_view what;
};

inline constexpr PermissionInfo kPermissions[] = {
    {Permission::kDagsRead, "dags.read", true, BuiltIn::kViewer, "see DAGs, their tasks, versions and counts"},
    {Permission::kDagsEdit, "dags.edit", true, BuiltIn::kUser, "pause DAGs, load their files again"},
    {Permission::kDagsDelete, "dags.delete", true, BuiltIn::kUser, "delete DAGs with all their runs"},
    {Permission::kSourcesRead, "sources.read", true, BuiltIn::kViewer, "read the files of DAGs"},
    {Permission::kRunsRead, "runs.read", true, BuiltIn::kViewer, "see runs, their progress and their history"},
    {Permission::kRunsTrigger, "runs.trigger", true, BuiltIn::kUser, "start runs, repeat runs"},
    {Permission::kRunsEdit, "runs.edit", true, BuiltIn::kUser, "clear, mark and cancel runs, write notes"},
    {Permission::kRunsDelete, "runs.delete", true, BuiltIn::kUser, "delete runs"},
    {Permission::kTasksRead, "tasks.read", true, BuiltIn::kViewer, "see task instances, tries and what they wait for"},
    {Permission::kTasksEdit, "tasks.edit", true, BuiltIn::kUser, "clear, mark and delete task instances"},
    {Permission::kLogsRead, "logs.read", true, BuiltIn::kViewer, "read the logs of tasks"},
    {Permission::kXComsRead, "xcoms.read", true, BuiltIn::kViewer, "read the outputs of tasks"},
    {Permission::kXComsEdit, "xcoms.edit", true, BuiltIn::kUser, "change the outputs of tasks"},
    {Permission::kBackfillsRead, "backfills.read", true, BuiltIn::kViewer, "see backfills and how far they are"},
    {Permission::kBackfillsEdit, "backfills.edit", true, BuiltIn::kOp, "make, pause and cancel backfills"},
    {Permission::kAssetsRead, "assets.read", true, BuiltIn::kViewer, "see assets and their events"},
    {Permission::kAssetsEdit, "assets.edit", true, BuiltIn::kOp, "make events of assets, drop queued ones"},
    {Permission::kEventsRead, "events.read", true, BuiltIn::kViewer, "read the log of events"},
    {Permission::kImportErrorsRead, "import_errors.read", true, BuiltIn::kViewer, "see what is wrong with files"},
    {Permission::kPoolsRead, "pools.read", false, BuiltIn::kViewer, "see pools"},
    {Permission::kPoolsEdit, "pools.edit", false, BuiltIn::kOp, "make, change and delete pools"},
    {Permission::kVariablesRead, "variables.read", false, BuiltIn::kOp, "read variables"},
    {Permission::kVariablesEdit, "variables.edit", false, BuiltIn::kOp, "make, change and delete variables"},
    {Permission::kConnectionsRead, "connections.read", false, BuiltIn::kOp, "read connections, without secrets"},
    {Permission::kConnectionsEdit, "connections.edit", false, BuiltIn::kOp, "make, change and delete connections"},
    {Permission::kConnectionsTest, "connections.test", false, BuiltIn::kOp, "try connections"},
    {Permission::kConfigRead, "config.read", false, BuiltIn::kAdmin, "read the settings, without secrets"},
    {Permission::kJobsRead, "jobs.read", false, BuiltIn::kViewer, "see the scheduler and its like"},
    {Permission::kPluginsRead, "plugins.read", false, BuiltIn::kViewer, "see plugins and providers"},
    {Permission::kMetricsRead, "metrics.read", false, BuiltIn::kViewer, "read metrics from another machine"},
    {Permission::kNotificationsRead, "notifications.read", true, BuiltIn::kViewer, "see what was sent to whom"},
    {Permission::kNotificationsEdit, "notifications.edit", false, BuiltIn::kOp, "send again, send test messages"},
    {Permission::kAuditRead, "audit.read", false, BuiltIn::kAdmin, "read who changed what and who was refused"},
    {Permission::kUsersRead, "users.read", false, BuiltIn::kAdmin, "see users, service accounts and their grants"},
    {Permission::kUsersEdit, "users.edit", false, BuiltIn::kAdmin, "make, change and delete users, give grants"},
    {Permission::kRolesRead, "roles.read", false, BuiltIn::kAdmin, "see roles"},
    {Permission::kRolesEdit, "roles.edit", false, BuiltIn::kAdmin, "make, change and delete roles"},
    {Permission::kTokensEdit, "tokens.edit", false, BuiltIn::kAdmin, "see, make and revoke the tokens of others"},
};
inline constexpr std::size_t kPermissionCount = std::size(kPermissions);

constexpr const PermissionInfo& InfoOf(Permission permission) {
  return kPermissions[static_cast<std::size_t>(permission)];
}
constexpr std::string_view ToString(Permission permission) {
  return InfoOf(permission).name;
}
std::optional<Permission> PermissionFromString(std::string_view name);

class PermissionSet {
 public:
  static PermissionSet All() { return PermissionSet(Bits().set()); }

  void Add(Permission permission) { bits_.set(static_cast<std::size_t>(permission)); }
  bool Has(Permission permission) const { return bits_.test(static_cast<std::size_t>(permission)); }
  bool Holds(const PermissionSet& others) const { return (others.bits_ & ~bits_).none(); }
  bool empty() const { return bits_.none(); }
  std::vector<std::string_view> Names() const;  // in the order of the table

  friend PermissionSet operator&(const PermissionSet& a, const PermissionSet& b) {
    return PermissionSet(a.bits_ & b.bits_);
  }
  friend PermissionSet operator|(const PermissionSet& a, const PermissionSet& b) {
    return PermissionSet(a.bits_ | b.bits_);
  }
  friend bool operator==(const PermissionSet&, const PermissionSet&) = default;

  PermissionSet() = default;

 private:
  using Bits = std::bitset<kPermissionCount>;
  explicit PermissionSet(Bits bits) : bits_(bits) {}
  Bits bits_;
};

// The first name that is no permission, or nothing and `set` filled in.
std::optional<std::string_view> ReadPermissions(const std::vector<std::string>& names, PermissionSet& set);

// --- roles

inline constexpr std::string_view kBuiltInNames[] = {"viewer", "user", "op", "admin"};
inline constexpr std::string_view kAdminRole = "admin";

PermissionSet PermissionsOf(BuiltIn role);
std::optional<BuiltIn> BuiltInFromString(std::string_view name);

}  // namespace pipelined::access
