// pipectl dags graph.
#include "cli/offline/dag_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/commands.h"
#include "cli/offline/dag_files.h"
#include "pipelined/base/percent.h"
#include "pipelined/dagfile/load.h"
#include "pipelined/http/client.h"
#include "pipelined/schema/json.h"
#include "pipelined/zoneinfo/system_zones.h"

namespace pipelined::cli {
namespace {

struct GraphOptions {
  std::string what, form = "text";
};

struct Placed {
  std::size_t depth = 0;
  std::vector<std::string> upstream;
  std::size_t open = 0;  // upstream tasks that have no place yet
};

// In the order in which they can run; those of a circle, which no server has, are left out.
std::vector<std::pair<std::string, Placed>> InOrder(const std::vector<GraphTask>& tasks) {
  std::map<std::string, Placed> placed;
  std::map<std::string, const GraphTask*> by_id;
  for (const GraphTask& task : tasks) {
    placed[task.id];
    by_id[task.id] = &task;
    for (const std::string& below : task.downstream) placed[below].upstream.push_back(task.id);
  }
  std::vector<std::string> ready;
  for (const GraphTask& task : tasks) {
    Placed& own = placed[task.id];
    own.open = own.upstream.size();
    if (own.open == 0) ready.push_back(task.id);
  }
  std::vector<std::pair<std::string, Placed>> ordered;
  for (std::size_t next = 0; next < ready.size(); ++next) {
    const std::string id = ready[next];
    ordered.emplace_back(id, placed[id]);
    if (by_id[id] == nullptr) continue;
    for (const std::string& below : by_id[id]->downstream) {
      placed[below].depth = std::max(placed[below].depth, placed[id].depth + 1);
      if (--placed[below].open == 0) ready.push_back(below);
    }
  }
  return ordered;
}

Result<std::vector<GraphTask>> FromServer(const Session& session, const std::string& dag_id) {
  const auto answer = session.Get("/api/v2/dags/" + PercentEncode(dag_id) + "/tasks");
  if (!answer) return answer.error();
  const Value* rows = answer->Find("tasks");
  if (rows == nullptr || !rows->is_list()) return Error{ErrorCode::kBug, "the server's answer has no tasks", ""};
  std::vector<GraphTask> tasks;
  for (const Value& row : rows->list()) {
    GraphTask& task = tasks.emplace_back();
    task.id = TextOf(row, "task_id");
    const Value* below = row.Find("downstream_task_ids");
    if (below == nullptr || !below->is_list()) continue;
    for (const Value& id : below->list()) task.downstream.push_back(id.string());
  }
  return tasks;
}

std::vector<GraphTask> FromDag(const Dag& dag) {
  std::vector<GraphTask> tasks;
  for (TaskNo number = 0; number < dag.tasks.size(); ++number) {
    GraphTask& task = tasks.emplace_back();
    task.id = dag.tasks[number].id;
    for (const TaskNo below : dag.downstream.Of(number)) task.downstream.push_back(dag.tasks[below].id);
  }
  return tasks;
}

void Print(const GraphOptions& options, const std::string& dag_id, const std::vector<GraphTask>& tasks) {
  fmt::print("{}", options.form == "dot"       ? GraphAsDot(dag_id, tasks)
                   : options.form == "mermaid" ? GraphAsMermaid(tasks)
                                               : GraphAsText(tasks));
}

Status OfFile(const GraphOptions& options) {
  const auto files = LoadDagFiles({options.what}, SystemZones());
  if (!files) return files.error();
  for (const DagFile& file : *files) {
    if (!file.ok)
      return Error{ErrorCode::kInvalid, fmt::format("{} cannot be loaded", file.path),
                   "see why: pipectl dags validate " + file.path};
    for (const DagPtr& dag : file.dags) Print(options, dag->id, FromDag(*dag));
  }
  return Ok();
}

}  // namespace

std::string GraphAsText(const std::vector<GraphTask>& tasks) {
  std::string text;
  for (const auto& [id, placed] : InOrder(tasks)) {
    text += std::string(2 * placed.depth, ' ') + id;
    if (!placed.upstream.empty()) text += fmt::format("  after {}", fmt::join(placed.upstream, ", "));
    text += "\n";
  }
  return text;
}

std::string GraphAsDot(const std::string& dag_id, const std::vector<GraphTask>& tasks) {
  std::string text = fmt::format("digraph {} {{\n  rankdir=LR;\n", ToJson(Value(dag_id)));
  for (const GraphTask& task : tasks) text += fmt::format("  {};\n", ToJson(Value(task.id)));
  for (const GraphTask& task : tasks) {
    for (const std::string& below : task.downstream)
      text += fmt::format("  {} -> {};\n", ToJson(Value(task.id)), ToJson(Value(below)));
  }
  return text + "}\n";
}

std::string GraphAsMermaid(const std::vector<GraphTask>& tasks) {
  std::map<std::string, std::size_t> numbers;  // its names may hold no dots
  std::string text = "graph LR\n";
  for (const GraphTask& task : tasks) {
    const std::size_t number = numbers.emplace(task.id, numbers.size()).first->second;
    text += fmt::format("  t{}[\"{}\"]\n", number, task.id);
  }
  for (const GraphTask& task : tasks) {
    for (const std::string& below : task.downstream)
      text += fmt::format("  t{} --> t{}\n", numbers[task.id], numbers[below]);
  }
  return text;
}

void AddGraphCommand(CLI::App& dags, Program& program) {
  const auto options = std::make_shared<GraphOptions>();
  CLI::App* graph = AddCommand(dags, "graph", "Show the tasks of a DAG and what each needs; of a file without a server",
                               "pipectl dags graph sales_daily\n"
                               "  pipectl dags graph dags/sales_daily.yaml --form dot | dot -Tsvg > sales.svg");
  graph->add_option("DAG", options->what, "Its id, or a DAG file (*.yaml)")->required();
  graph->add_option("--form", options->form, "text, dot (Graphviz) or mermaid")
      ->check(CLI::IsMember({"text", "dot", "mermaid"}))
      ->capture_default_str();
  graph->callback([&program, options] {
    if (options->what.ends_with(".yaml") || options->what.ends_with(".yml")) {
      if (const Status done = OfFile(*options); !done) program.Fail(done.error());
      return;
    }
    program.WithSession([&](const Session& session) -> Status {
      const auto tasks = FromServer(session, options->what);
      if (!tasks) return tasks.error();
      Print(*options, options->what, *tasks);
      return Ok();
    });
  });
}

}  // namespace pipelined::cli
