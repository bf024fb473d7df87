#include "cli/runs/run_name.h"

#include <fmt/format.h>

#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
Result<RunName> FindRun(const Session& session, const std::vector<std::string>& words) {
  if (words.size() == 2 && words[1] != "latest") return RunName{words[0], words[1]};
  if (words.size() == 2) {
    const auto rows =
        session.GetAll("/api/v2/dags/" + PercentEncode(words[0]) + "/dagRuns?order_by=-id", "dag_runs", 1);
    if (!rows) return rows.error();
    if (rows->empty()) return Error{ErrorCode::kNotFound, fmt::format("DAG \"{}\" has no run yet", words[0]), ""};
    return RunName{words[0], TextOf(rows->front(), "dag_run_id")};
  }
  const auto rows = session.GetAll("/api/v2/dags/~/dagRuns?run_id_pattern=" + PercentEncode(words[0]), "dag_runs", 100);
  if (!rows) return rows.error();
  RunName name;
  std::string others;
  for (const Value& row : *rows) {
    if (TextOf(row, "dag_run_id") != words[0]) continue;
    if (!name.dag_id.empty()) others += (others.empty() ? name.dag_id + ", " : ", ") + TextOf(row, "dag_id");
    name = RunName{TextOf(row, "dag_id"), words[0]};
  }
  if (name.dag_id.empty())
    return Error{ErrorCode::kNotFound, fmt::format("no run \"{}\"", words[0]), "pipectl runs list"};
  if (!others.empty())
    return Error{ErrorCode::kInvalid, fmt::format("several DAGs have a run \"{}\": {}", words[0], others),
                 "name the DAG first"};
  return name;
}

}  // namespace pipelined::cli
