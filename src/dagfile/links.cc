#include "dagfile/links.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "dagfile/group_ends.h"
#include "dagfile/values.h"
#include "pipelined/base/near_match.h"

namespace pipelined::dagfile {
namespace {

// Groups of many tasks that depend on each other multiply.
constexpr std::size_t kMostEdges = 5'000'000;

struct Link {
  LinkNode upstream, downstream;
  NodeRef name;  // where it is written
};

class Linker {
 public:
  Linker(const std::vector<GroupEntry>& groups, Dag& dag, Reporter& reporter)
      : groups_(groups), dag_(dag), reporter_(reporter), ends_(dag, groups) {
    nodes_.reserve(dag.tasks.size() + groups.size());
    for (TaskNo no = 0; no < dag.tasks.size(); ++no) nodes_.emplace(dag.tasks[no].id, no);
    for (std::size_t at = 0; at < groups.size(); ++at) AddGroup(at);
  }

  void Add(LinkNode downstream, NodeRef name) {
    const auto upstream = Find(name);
    if (upstream && IsPossible(*upstream, downstream, name)) links_.push_back({*upstream, downstream, name});
  }
  // The task that stands at the beginning of the path, if there is one: what is not is reported with the templates.
  void AddSource(LinkNode downstream, const ExpandSource& source, Mapping& mapping) {
    for (std::size_t end = source.path.find('.');; end = source.path.find('.', end + 1)) {
      const auto at = nodes_.find(std::string_view(source.path).substr(0, end));
      if (at != nodes_.end() && !ends_.IsGroup(at->second)) {
        if (std::find(mapping.sources.begin(), mapping.sources.end(), at->second) != mapping.sources.end()) return;
        mapping.sources.push_back(at->second);
        if (IsPossible(at->second, downstream, source.at)) links_.push_back({at->second, downstream, source.at});
        return;
      }
      if (end == std::string::npos) return;
    }
  }
  LinkNode NodeOf(std::size_t group) const { return static_cast<LinkNode>(dag_.tasks.size() + group); }

  void Finish() {
    const Status linked = dag_.Link(Edges());
    if (linked.ok()) return;
    if (!FindCycle(dag_.downstream, dag_.tasks.size()).empty()) return ReportCycle(linked.error());
    reporter_.Error(Code::kTooManyEdges, links_.front().name.place(), linked.error().message, linked.error().hint);
  }

 private:
  void AddGroup(std::size_t at) {
    const auto [known, fresh] = nodes_.emplace(groups_[at].group.id, NodeOf(at));
    if (fresh || ends_.IsGroup(known->second)) return;  // a second group of one id was reported as a duplicate key
    reporter_.Error(Code::kGroupAndTask, groups_[at].key.place(),
                    fmt::format("the group {} has the id of a task", Quoted(groups_[at].group.id)),
                    fmt::format("the task stands in line {}: rename one of them", dag_.tasks[known->second].line));
  }

  std::optional<LinkNode> Find(NodeRef name) {
    const auto at = nodes_.find(name.text());
    if (at != nodes_.end()) return at->second;
    reporter_.Error(Code::kUnknownTask, name.place(),
                    fmt::format("depends_on names a task that does not exist: {}", Quoted(name.text())),
                    Nearest(name.text()));
    return std::nullopt;
  }

  bool IsPossible(LinkNode upstream, LinkNode downstream, NodeRef name) {
    for (const LinkNode node : {upstream, downstream}) {
      if (!ends_.IsEmpty(node)) continue;
      reporter_.Error(Code::kEmptyGroup, name.place(), fmt::format("{} holds no tasks", Described(node)),
                      "give it to a task as its group:");
      return false;
    }
    if (upstream == downstream) {
      reporter_.Error(Code::kSelfDependency, name.place(), fmt::format("{} depends on itself", Described(upstream)));
    } else if (ends_.Within(downstream, upstream) || ends_.Within(upstream, downstream)) {
      const bool inner = ends_.Within(downstream, upstream);
      reporter_.Error(Code::kSelfDependency, name.place(),
                      fmt::format("{} depends on {}, which {}", Described(downstream), Described(upstream),
                                  inner ? "it stands in" : "stands in it"));
    } else {
      return true;
    }
    return false;
  }

  std::string Described(LinkNode node) const {
    return fmt::format("{} {}", ends_.IsGroup(node) ? "group" : "task", Quoted(IdOf(node)));
  }
  const std::string& IdOf(LinkNode node) const {
    return ends_.IsGroup(node) ? groups_[node - dag_.tasks.size()].group.id : dag_.tasks[node].id;
  }

  // Comparing with every task is slow in a large DAG, so only the first few mistakes get a hint there.
  std::string Nearest(std::string_view name) {
    if (comparisons_left_ < nodes_.size()) return {};
    comparisons_left_ -= nodes_.size();
    std::vector<std::string_view> ids;
    for (const Task& task : dag_.tasks) ids.push_back(task.id);
    for (const GroupEntry& group : groups_) ids.push_back(group.group.id);
    const auto near = NearMatch(name, ids);
    if (!near) return {};
    const LinkNode node = nodes_.at(*near);
    return fmt::format("did you mean \"{}\" (line {})?", *near,
                       ends_.IsGroup(node) ? groups_[node - dag_.tasks.size()].key.line() : dag_.tasks[node].line);
  }

  // From the inside out, so that the ends of a group are known when something outside of it asks for them.
  std::vector<std::pair<TaskNo, TaskNo>> Edges() {
    if (!groups_.empty()) {
      std::stable_sort(links_.begin(), links_.end(), [this](const Link& a, const Link& b) {
        return ends_.Level(a.upstream, a.downstream) > ends_.Level(b.upstream, b.downstream);
      });
    }
    std::vector<std::pair<TaskNo, TaskNo>> edges;
    edges.reserve(links_.size());
    for (const Link& link : links_) {
      const auto &last = ends_.Last(link.upstream), &first = ends_.First(link.downstream);
      if (last.size() * first.size() > kMostEdges - std::min(edges.size(), kMostEdges)) {
        reporter_.Error(Code::kTooManyEdges, link.name.place(),
                        fmt::format("with this one there are more than {} million dependencies between tasks",
                                    kMostEdges / 1'000'000),
                        "put an empty task between the two groups");
        break;
      }
      for (const TaskNo upstream : last) {
        for (const TaskNo downstream : first) {
          ends_.AddEdge(upstream, downstream);
          edges.emplace_back(upstream, downstream);
        }
      }
    }
    return edges;
  }

  // At the name from which the first arrow of the cycle comes. A cycle through groups names those, too.
  void ReportCycle(const Error& error) {
    const std::vector<TaskNo> cycle = FindCycle(dag_.downstream, dag_.tasks.size());
    const Link* first = Behind(cycle[0], cycle[1]);
    std::string message = error.message;
    if (cycle.size() <= kShownWithGroups && !groups_.empty()) message = PathWithGroups(cycle).value_or(message);
    reporter_.Error(Code::kCycle, first == nullptr ? Place{} : first->name.place(), std::move(message), error.hint);
  }

  const Link* Behind(TaskNo upstream, TaskNo downstream) {
    const auto has = [](const std::vector<TaskNo>& tasks, TaskNo task) {
      return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
    };
    for (const Link& link : links_) {
      if (has(ends_.Last(link.upstream), upstream) && has(ends_.First(link.downstream), downstream)) return &link;
    }
    return nullptr;
  }

  // "a -> group g -> b -> a": g depends on a, and b is its first task.
  std::optional<std::string> PathWithGroups(const std::vector<TaskNo>& cycle) {
    std::string path = dag_.tasks[cycle[0]].id;
    bool through_groups = false;
    for (std::size_t i = 1; i < cycle.size(); ++i) {
      const Link* link = Behind(cycle[i - 1], cycle[i]);
      if (link == nullptr) return std::nullopt;
      for (const LinkNode node : {link->upstream, link->downstream}) {
        if (!ends_.IsGroup(node)) continue;
        path += " -> group " + IdOf(node);
        through_groups = true;
      }
      path += " -> " + dag_.tasks[cycle[i]].id;
    }
    if (!through_groups) return std::nullopt;
    return "the tasks depend on each other in a circle: " + path;
  }

  static constexpr std::size_t kShownWithGroups = 16;

  const std::vector<GroupEntry>& groups_;
  Dag& dag_;
  Reporter& reporter_;
  GroupEnds ends_;
  std::unordered_map<std::string_view, LinkNode> nodes_;
  std::vector<Link> links_;
  std::size_t comparisons_left_ = 300'000;
};

}  // namespace

void LinkTasks(const std::vector<Dependency>& dependencies, const std::vector<GroupEntry>& groups,
               const std::vector<TaskExpand>& expands, Dag& dag, Reporter& reporter) {
  Linker linker(groups, dag, reporter);
  for (const Dependency& dependency : dependencies) {
    // Reading may have stopped before it was complete.
    if (dependency.task < dag.tasks.size()) linker.Add(dependency.task, dependency.names);
  }
  for (std::size_t at = 0; at < groups.size(); ++at) {
    for (const NodeRef name : groups[at].depends_on) linker.Add(linker.NodeOf(at), name);
  }
  for (const TaskExpand& mapped : expands) {
    if (mapped.task >= dag.tasks.size() || dag.tasks[mapped.task].mapped == 0) continue;
    Mapping& mapping = dag.mappings[dag.mapped[dag.tasks[mapped.task].mapped - 1].mapping];
    for (const ExpandSource& source : SourcesOf(mapped.expand)) linker.AddSource(mapped.task, source, mapping);
  }
  for (Mapping& mapping : dag.mappings) {
    for (std::size_t at = 0; at < groups.size(); ++at) {
      if (mapping.group.empty() || groups[at].group.id != mapping.group) continue;
      for (const ExpandSource& source : SourcesOf(*groups[at].expand))
        linker.AddSource(linker.NodeOf(at), source, mapping);
    }
  }
  linker.Finish();
}

}  // namespace pipelined::dagfile
