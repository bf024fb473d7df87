#include "cli/output/measured.h"

#include <fmt/format.h>

#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

constexpr std::size_t kEarlierRuns = 20;

Status AddMeans(const Session& session, const Dag& dag, MeasuredDurations& means) {
  const auto rows = session.GetAll(
      fmt::format("/api/v2/dags/{}/dagRuns/~/taskInstances?state=success&order_by=-start_date", PercentEncode(dag.id)),
      "task_instances", kEarlierRuns * dag.tasks.size());
  if (!rows) return rows.error();
  std::map<std::string, std::pair<double, int>> sums;
  for (const Value& row : *rows) {
    const Value* took = row.Find("duration");
    if (took == nullptr || !took->is_number()) continue;
    auto& [sum, count] = sums[TextOf(row, "task_id")];
    sum += took->number();
    ++count;
  }
  for (const auto& [task, sum] : sums)
    means[{dag.id, task}] = Micros(static_cast<std::int64_t>(sum.first / sum.second * 1e6));
  return Ok();
}

}  // namespace

Result<MeasuredDurations> AskMeasured(const Session& session, const std::vector<SimulatedDag>& dags) {
  MeasuredDurations means;
  for (const SimulatedDag& dag : dags) {
    const Status added = AddMeans(session, *dag.dag, means);
    if (!added && added.error().code != ErrorCode::kNotFound) return added.error();
  }
  return means;
}

}  // namespace pipelined::cli
