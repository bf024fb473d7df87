#include "pipelined/dagfile/dag_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "dagfile/trigger_reader.h"
#include "pipelined/dagfile/codes.h"

namespace pipelined {

bool DagCalls::Set(const Dag& dag) {
  std::vector<std::string> called = dagfile::CalledDags(dag);
  if (called.empty()) return Forget(dag.id);
  std::vector<std::string>& known = calls_[dag.id];
  if (known == called) return false;
  known = std::move(called);
  return true;
}

bool DagCalls::Forget(const std::string& dag_id) {
  return calls_.erase(dag_id) > 0;
}

std::string DagCalls::CircleOf(const Dag& dag) const {
  std::map<std::string, std::string> caller;  // of each DAG that was reached: who called it
  std::vector<std::string> open;
  for (const std::string& called : dagfile::CalledDags(dag)) {
    if (caller.emplace(called, dag.id).second) open.push_back(called);
  }
  for (std::size_t at = 0; at < open.size(); ++at) {
    const std::string here = open[at];
    if (here == dag.id) break;
    const auto calls = calls_.find(here);
    if (calls == calls_.end()) continue;
    for (const std::string& called : calls->second) {
      if (caller.emplace(called, here).second) open.push_back(called);
    }
  }
  if (caller.count(dag.id) == 0) return {};
  std::string way = dag.id;
  std::string at = dag.id;
  do {
    at = caller.at(at);
    way = at + " -> " + way;
  } while (at != dag.id);
  return way;
}

Diagnostic CircleError(const Dag& dag, const std::string& circle, const std::string& shown_as) {
  Diagnostic d;
  d.code = CodeText(Code::kDagCycle);
  d.file = shown_as;
  d.message = fmt::format("DAGs make runs of each other in a circle: {}", circle);
  d.hint = "end the way at one of them";
  const std::string first = circle.substr(0, circle.find(" -> "));
  const std::string rest = circle.substr(first.size() + 4);
  const std::string called = rest.substr(0, rest.find(" -> "));
  for (const Task& task : dag.tasks) {
    if (task.trigger == nullptr || task.trigger->dag_id != called || task.inclusion != nullptr) continue;
    d.line = task.line;
    break;
  }
  return d;
}

}  // namespace pipelined
