#include <fmt/format.h>

#include "cli/shell/completion.h"
#include "cli/output/output.h"
#include "cli/session/profiles.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

struct Listed {
  std::string path, plural, field;
};

// Where the names stand. The server narrows by prefix where it can; the rest is done here.
std::optional<Listed> Where(const Expected& expected) {
  const std::string prefix = PercentEncode(expected.typed + "%");
  const auto dag = [&] { return "/api/v2/dags/" + PercentEncode(expected.positionals.front()); };
  switch (expected.names) {
    case Names::kDags:
      return Listed{"/api/v2/dags?limit=100&dag_id_pattern=" + prefix, "dags", "dag_id"};
    case Names::kRuns:
      return Listed{dag() + "/dagRuns?limit=30&order_by=-id", "dag_runs", "dag_run_id"};
    case Names::kTasks:
      if (expected.positionals.empty()) return std::nullopt;
      return Listed{dag() + "/tasks", "tasks", "task_id"};
    case Names::kPools:
      return Listed{"/api/v2/pools?limit=100", "pools", "name"};
    case Names::kVariables:
      return Listed{"/api/v2/variables?limit=100&variable_key_pattern=" + prefix, "variables", "key"};
    case Names::kConnections:
      return Listed{"/api/v2/connections?limit=100&connection_id_pattern=" + prefix, "connections", "connection_id"};
    case Names::kBackfills:
      return Listed{"/api/v2/backfills?dag_id=~&limit=30&order_by=-id", "backfills", "id"};
    case Names::kAssets:
      return Listed{"/api/v2/assets?limit=100", "assets", "uri"};
    case Names::kNone:
    case Names::kFiles:
    case Names::kProfiles:
      break;
  }
  return std::nullopt;
}

std::vector<std::string> ProfileNames() {
  std::vector<std::string> names;
  if (const auto profiles = Profiles::Load()) {
    for (const Profile& profile : profiles->all()) names.push_back(profile.name);
  }
  return names;
}

}  // namespace

std::vector<std::string> LiveNames(const Expected& expected) {
  if (expected.names == Names::kProfiles) return ProfileNames();
  const auto listed = Where(expected);
  if (!listed) return {};
  const auto session = Session::Open(expected.global);
  if (!session) return {};
  const auto answer = session->Get(listed->path);
  const Value* rows = answer ? answer->Find(listed->plural) : nullptr;
  if (rows == nullptr || !rows->is_list()) return {};
  std::vector<std::string> names;
  if (expected.names == Names::kRuns) names.emplace_back("latest");
  for (const Value& row : rows->list()) names.push_back(CellText(row.Find(listed->field)));
  return names;
}

}  // namespace pipelined::cli
