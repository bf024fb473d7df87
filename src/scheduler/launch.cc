#include "pipelined/scheduler/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>

#include "scheduler/try_templates.h"

namespace pipelined {
namespace {

// Every template of a task.
template <class Visit>
void ForEachTemplate(const Task& task, Visit visit) {
  for (const std::string& word : task.action.words) visit(word);
  for (const auto& [name, value] : task.env) visit(value);
  visit(task.working_dir);
  visit(task.when);
}

// Every reference in the templates of a task.
template <class Visit>
void ForEachReference(const Task& task, Visit visit) {
  ForEachTemplate(task, [&](const std::string& text) {
    if (!MayHoldExpressions(text)) return;
    const auto parsed = Template::Parse(text);
    if (!parsed) return;
    for (const TemplateReference& reference : parsed->references()) {
      if (!reference.path.empty()) visit(reference);
    }
  });
}

// So many tasks above are asked for their outputs when a template does not say which it reads: the nearest first.
constexpr std::size_t kMostAbove = 1000;

std::vector<TaskNo> TasksAbove(const Dag& dag, TaskNo task) {
  std::vector<TaskNo> above;
  std::unordered_set<TaskNo> seen;
  const auto add = [&](TaskNo below) {
    for (const TaskNo up : dag.upstream.Of(below)) {
      if (above.size() < kMostAbove && seen.insert(up).second) above.push_back(up);
    }
  };
  add(task);
  for (std::size_t i = 0; i < above.size(); ++i) add(above[i]);
  return above;
}

// tasks[…] with a name that is computed, and ti.xcom_pull, which names tasks in its arguments: known only when it is
// rendered.
bool NamesNoTask(const Dag& dag, const TemplateReference& reference) {
  const std::string& root = reference.path[0];
  if (root == "ti" || root == "task_instance") return reference.path.size() < 2 || reference.path[1] == "xcom_pull";
  return root == "tasks" && (reference.path.size() < 2 || !dag.Find(reference.path[1]));
}

// Later settings win, the order of the first ones stays.
class Environ {
 public:
  explicit Environ(const Env& base) {
    for (const auto& [name, value] : base) Set(name, value);
  }
  void Set(const std::string& name, const std::string& value) {
    const auto [found, added] = places_.try_emplace(name, env_.size());
    if (added) {
      env_.emplace_back(name, value);
    } else {
      env_[found->second].second = value;
    }
  }
  Env Take() { return std::move(env_); }

 private:
  Env env_;
  std::map<std::string, std::size_t> places_;
};

std::vector<std::string> Argv(const Task& task, std::vector<std::string> words) {
  switch (task.action.kind) {
    case ActionKind::kEmpty:
    case ActionKind::kBranch:  // decided without a process: see decide.h
    case ActionKind::kShortCircuit:
    case ActionKind::kLatestOnly:
      return {"true"};
    case ActionKind::kBash:
      return {"bash", "-c", std::move(words.front())};
    case ActionKind::kExec:
      return words;
    case ActionKind::kPythonFile:
      return {"python3", std::move(words.front())};
    case ActionKind::kPythonCode:
      return {"python3", "-c", std::move(words.front())};
  }
  return words;
}

}  // namespace

Env InheritedEnvironment(const char* const* environ) {
  static constexpr std::string_view kWithheld[] = {"PIPELINED_", "NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_",
                                                   "CREDENTIALS_DIRECTORY"};
  Env env;
  for (; *environ != nullptr; ++environ) {
    const std::string_view entry(*environ);
    const auto equals = entry.find('=');
    const bool withheld = std::any_of(std::begin(kWithheld), std::end(kWithheld),
                                      [&](std::string_view p) { return entry.starts_with(p); });
    if (equals == std::string_view::npos || withheld) continue;
    env.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return env;
}

std::vector<std::string> OutputsNeeded(const Dag& dag, TaskNo task) {
  std::vector<std::string> ids;
  bool all = false;
  ForEachReference(dag.tasks[task], [&](const TemplateReference& reference) {
    if (NamesNoTask(dag, reference)) {
      all = true;
    } else if (reference.path[0] == "tasks") {
      ids.push_back(reference.path[1]);
    }
  });
  if (all) {
    for (const TaskNo up : TasksAbove(dag, task)) ids.push_back(dag.tasks[up].id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

bool NeedsPrevious(const Dag& dag, TaskNo task) {
  bool needs = false;
  ForEachReference(dag.tasks[task], [&](const TemplateReference& reference) {
    needs = needs || reference.path[0].starts_with("prev_");
  });
  return needs;
}

Result<AttemptStart> Prepare(const LaunchRequest& request, const LaunchOptions& options) {
  const Task& task = request.dag.tasks[request.task];
  const auto templates = TryTemplates::Make(request, options);
  if (!templates) return templates.error();
  AttemptStart start;
  start.attempt = request.attempt.attempt;
  start.epoch = request.epoch;
  start.timeout = task.execution_timeout;
  start.grace = options.grace;
  start.run_as_user = task.run_as_user;
  start.log_path =
      options.logs_dir + "/" + LogPath(request.dag.id, request.run.run_id, task.id, request.attempt.try_number);

  Environ environ(options.environment);
  for (const auto& [name, value] : Environment((*templates)->context())) environ.Set(name, value);
  for (const auto& [name, text] : task.env) {
    auto value = (*templates)->Render(text, "env." + name);
    if (!value) return value.error();
    environ.Set(name, *value);
  }
  start.env = environ.Take();

  auto dir = (*templates)->Render(task.working_dir, "working_dir");
  if (!dir) return dir.error();
  start.working_dir = std::move(*dir);

  const Quote quote = task.action.kind == ActionKind::kBash ? Quote::kShell : Quote::kNone;
  std::vector<std::string> words;
  for (const std::string& text : task.action.words) {
    auto word = (*templates)->Render(text, std::string(OperatorName(task.action.kind)), quote);
    if (!word) return word.error();
    words.push_back(std::move(*word));
  }
  start.argv = Argv(task, std::move(words));
  return start;
}

std::string LogPath(const std::string& dag_id, const std::string& run_id, const std::string& task_id, int try_number) {
  return fmt::format("dag_id={}/run_id={}/task_id={}/attempt={}.log", dag_id, run_id, task_id, try_number);
}

}  // namespace pipelined
