#include "dagfile/branch_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "dagfile/template_check.h"
#include "pipelined/base/near_match.h"

namespace pipelined::dagfile {
namespace {

class BranchChecker {
 public:
  BranchChecker(const Dag& dag, Reporter& reporter) : dag_(dag), reporter_(reporter) {}

  void Check(TaskNo branch, NodeRef way) {
    if (!way.is_scalar() || MayHoldATemplate(way.text())) return;
    const std::string wanted = dag_.tasks[branch].LongId(way.text());
    std::vector<TaskNo> meant = dag_.TasksOf(wanted);
    if (const auto task = dag_.Find(wanted)) meant = {*task};
    if (meant.empty()) return ReportUnknown(way, wanted);
    if (std::any_of(meant.begin(), meant.end(), [&](TaskNo task) { return IsBelow(branch, task); })) return;
    const std::string& id = dag_.tasks[branch].id;
    reporter_.Error(Code::kBranchTarget, way.place(),
                    fmt::format("{} is not below the branch {}", Quoted(way.text()), Quoted(id)),
                    fmt::format("add \"{}\" to the depends_on of \"{}\"", id, way.text()));
  }

 private:
  void ReportUnknown(NodeRef way, const std::string& wanted) {
    std::vector<std::string_view> ids;
    for (const Task& task : dag_.tasks) ids.push_back(task.id);
    for (const TaskGroup& group : dag_.groups) ids.push_back(group.id);
    const bool affordable = ids.size() <= visits_left_;
    visits_left_ -= affordable ? ids.size() : 0;
    const auto near = affordable ? NearMatch(wanted, ids) : std::nullopt;
    reporter_.Error(Code::kUnknownTask, way.place(),
                    fmt::format("branch names a task that does not exist: {}", Quoted(wanted)),
                    near ? fmt::format("did you mean \"{}\"?", *near) : "");
  }

  // Ways are nearly always direct. A large DAG with many others gets the benefit of the doubt.
  bool IsBelow(TaskNo branch, TaskNo task) {
    const auto direct = dag_.downstream.Of(branch);
    if (std::find(direct.begin(), direct.end(), task) != direct.end()) return true;
    std::vector<bool> seen(dag_.tasks.size(), false);
    std::vector<TaskNo> open{branch};
    while (!open.empty()) {
      const TaskNo at = open.back();
      open.pop_back();
      for (const TaskNo next : dag_.downstream.Of(at)) {
        if (next == task || visits_left_ == 0) return true;
        --visits_left_;
        if (!seen[next]) open.push_back(next);
        seen[next] = true;
      }
    }
    return false;
  }

  const Dag& dag_;
  Reporter& reporter_;
  std::size_t visits_left_ = 5'000'000;
};

}  // namespace

void CheckBranches(const Dag& dag, const std::vector<NodeRef>& tasks, Reporter& reporter) {
  BranchChecker checker(dag, reporter);
  for (TaskNo no = 0; no < tasks.size(); ++no) {
    for (const Entry part : EntriesOf(tasks[no])) {
      if (part.name() != "branch") continue;
      checker.Check(no, part.value);
      for (const NodeRef way : ItemsOf(part.value)) checker.Check(no, way);
    }
  }
}

}  // namespace pipelined::dagfile
