#include "dagfile/links.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_map>

#include "dagfile/values.h"
#include "pipelined/base/near_match.h"

namespace pipelined::dagfile {
namespace {

using Ids = std::unordered_map<std::string_view, TaskNo>;

class Linker {
 public:
  Linker(Dag& dag, Reporter& reporter) : dag_(dag), reporter_(reporter) {
    ids_.reserve(dag.tasks.size());
    for (TaskNo no = 0; no < dag.tasks.size(); ++no) ids_.emplace(dag.tasks[no].id, no);
  }

  void Link(const std::vector<Dependency>& dependencies) {
    std::vector<std::pair<TaskNo, TaskNo>> edges;
    edges.reserve(dependencies.size());
    for (const Dependency& dependency : dependencies) {
      if (const auto upstream = Find(dependency)) edges.emplace_back(*upstream, dependency.task);
    }
    const Status linked = dag_.Link(std::move(edges));
    if (linked.ok()) return;
    reporter_.Error(Code::kCycle, PlaceOfCycle(dependencies), linked.error().message, linked.error().hint);
  }

 private:
  std::optional<TaskNo> Find(const Dependency& dependency) {
    if (dependency.task >= dag_.tasks.size()) return std::nullopt;  // reading stopped before it was complete
    const std::string_view name = dependency.names.text();
    const auto at = ids_.find(name);
    if (at == ids_.end()) {
      reporter_.Error(Code::kUnknownTask, dependency.names.place(),
                      fmt::format("depends_on names a task that does not exist: {}", Quoted(name)), Nearest(name));
      return std::nullopt;
    }
    if (at->second == dependency.task) {
      reporter_.Error(Code::kSelfDependency, dependency.names.place(),
                      fmt::format("task {} depends on itself", Quoted(name)));
      return std::nullopt;
    }
    return at->second;
  }

  // Comparing with every task is slow in a large DAG, so only the first few mistakes get a hint there.
  std::string Nearest(std::string_view name) {
    if (comparisons_left_ < dag_.tasks.size()) return {};
    comparisons_left_ -= dag_.tasks.size();
    std::vector<std::string_view> ids;
    for (const Task& task : dag_.tasks) ids.push_back(task.id);
    const auto near = NearMatch(name, ids);
    if (!near) return {};
    return fmt::format("did you mean \"{}\" (line {})?", *near, dag_.tasks[ids_.at(*near)].line);
  }

  // Where the first task of the cycle's path is named by the second one.
  Place PlaceOfCycle(const std::vector<Dependency>& dependencies) const {
    const std::vector<TaskNo> cycle = FindCycle(dag_.downstream, dag_.tasks.size());
    for (const Dependency& dependency : dependencies) {
      if (dependency.task == cycle[1] && dependency.names.text() == dag_.tasks[cycle[0]].id)
        return dependency.names.place();
    }
    return {};
  }

  Dag& dag_;
  Reporter& reporter_;
  Ids ids_;
  std::size_t comparisons_left_ = 300'000;
};

}  // namespace

void LinkTasks(const std::vector<Dependency>& dependencies, Dag& dag, Reporter& reporter) {
  Linker(dag, reporter).Link(dependencies);
}

}  // namespace pipelined::dagfile
