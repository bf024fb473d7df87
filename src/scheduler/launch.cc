#include "pipelined/scheduler/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "scheduler/try_templates.h"

namespace pipelined {
namespace {

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
    case ActionKind::kTriggerDag:  // see ask_run.h
    case ActionKind::kSubDag:
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
  for (const auto& [name, text] : task.outer_env) {
    auto value = (*templates)->RenderOutside(text, "env." + name);
    if (!value) return value.error();
    environ.Set(name, *value);
  }
  for (const auto& [name, text] : task.env) {
    auto value = (*templates)->Render(text, "env." + name);
    if (!value) return value.error();
    environ.Set(name, *value);
  }
  start.env = environ.Take();

  auto dir = task.outer_working_dir ? (*templates)->RenderOutside(task.working_dir, "working_dir")
                                    : (*templates)->Render(task.working_dir, "working_dir");
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
