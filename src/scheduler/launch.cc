#include "pipelined/scheduler/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "scheduler/launch_action.h"
#include "scheduler/launch_ssh.h"
#include "scheduler/surroundings.h"
#include "scheduler/try_templates.h"

namespace pipelined {
namespace {

// They run a script that lies in kScriptVariable; what it starts does not see that.
constexpr const char* kShellReader = R"(eval "unset PIPELINED_SCRIPT; $PIPELINED_SCRIPT")";
constexpr const char* kPythonReader =
    R"(exec(compile(__import__("os").environ.pop("PIPELINED_SCRIPT"), "<string>", "exec")))";

std::string ValueOf(const Env& env, std::string_view name) {
  for (const auto& [known, value] : env) {
    if (known == name) return value;
  }
  return {};
}

bool IsPython(ActionKind kind) {
  return kind == ActionKind::kPythonFile || kind == ActionKind::kPythonCode;
}

// Python in an environment: one that is there, or one that pipelined-venv makes within the try, and then becomes.
Status EnterVenv(const Task& task, const TryTemplates& templates, const LaunchOptions& options, AttemptStart& start) {
  const Value* spec = task.action.spec.get();
  if (spec == nullptr || !IsPython(task.action.kind)) return Ok();
  if (const Value* requirements = spec->Find("requirements")) {
    std::vector<std::string> argv{"python3", "-I", options.programs_dir + "/pipelined-venv", "run"};
    // Another user could neither write there nor is trusted to: theirs are kept below their own home.
    if (task.run_as_user.empty() && !options.venvs_dir.empty()) argv.push_back("--folder=" + options.venvs_dir);
    argv.push_back("--");
    argv.insert(argv.end(), start.argv.begin() + 1, start.argv.end());
    start.argv = std::move(argv);
    SetVariable(start.env, "PIPELINED_REQUIREMENTS", requirements->string());
    return Ok();
  }
  auto venv = templates.Render(spec->Find("venv")->string(), "python.venv");
  if (!venv) return venv.error();
  if (!venv->starts_with('/')) *venv = start.working_dir + "/" + *venv;
  start.argv.front() = *venv + "/bin/python";
  const std::string path = ValueOf(start.env, "PATH");
  SetVariable(start.env, "PATH", *venv + "/bin" + (path.empty() ? "" : ":" + path));
  SetVariable(start.env, "VIRTUAL_ENV", *std::move(venv));
  return Ok();
}

std::vector<std::string> Argv(const Task& task, std::vector<std::string> words) {
  switch (task.action.kind) {
    case ActionKind::kEmpty:
    case ActionKind::kBranch:  // decided without a process: see decide.h
    case ActionKind::kShortCircuit:
    case ActionKind::kLatestOnly:
    case ActionKind::kTriggerDag:  // see ask_run.h
    case ActionKind::kSubDag:
    case ActionKind::kSensor:  // see sensors/ask_sensor.h
    case ActionKind::kHttp:    // see launch_action.h
    case ActionKind::kSql:
    case ActionKind::kSqlite:
    case ActionKind::kMail:
      return {"true"};
    case ActionKind::kBash:
      if (task.invocation != nullptr && !task.invocation->shell.empty())
        return ShellWords(task.invocation->shell, words.front());
      return {"bash", "-c", std::move(words.front())};
    case ActionKind::kSsh:  // see launch_ssh.h
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
  static constexpr std::string_view kWithheld[] = {
      "PIPELINED_", "AIRFLOW_VAR_", "AIRFLOW_CONN_", "NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_", "CREDENTIALS_DIRECTORY"};
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
  start.log_path = TryLog(request, options);

  if (IsWorkerAction(task.action.kind)) {
    auto dir = WorkingDirOf(task, **templates);
    if (!dir) return dir.error();
    const Status made = PrepareAction(task, **templates, *dir, options, start);
    if (!made) return made.error();
    return start;
  }
  if (task.action.kind == ActionKind::kSsh) {
    const Status made = PrepareSsh(task, **templates, options, start);
    return made ? Result<AttemptStart>(std::move(start)) : Result<AttemptStart>(made.error());
  }
  auto env = EnvironmentOf(task, **templates, options.environment, Secrets::kAllowed);
  if (!env) return env.error();
  start.env = std::move(*env);

  auto dir = WorkingDirOf(task, **templates);
  if (!dir) return dir.error();
  start.working_dir = std::move(*dir);

  if (const Status taken = TakeInvocation(task, **templates, start); !taken) return taken.error();
  auto made = WordsOf(task, **templates);
  if (!made) return made.error();
  if (made->secret) {
    const bool is_shell = task.action.kind == ActionKind::kBash;
    SetVariable(start.env, kScriptVariable,
                std::exchange(made->words.front(), is_shell ? kShellReader : kPythonReader));
  }
  start.argv = Argv(task, std::move(made->words));
  if (const Status entered = EnterVenv(task, **templates, options, start); !entered) return entered.error();
  start.secrets = (*templates)->secrets().Forms();
  return start;
}

std::string TryLog(const LaunchRequest& request, const LaunchOptions& options) {
  return options.logs_dir + "/" +
         LogPath(request.dag.id, request.run.run_id, request.dag.tasks[request.task].id, request.attempt.try_number,
                 request.attempt.map_index);
}

std::string LogPath(const std::string& dag_id, const std::string& run_id, const std::string& task_id, int try_number,
                    std::int32_t map_index) {
  const std::string instance = map_index < 0 ? "" : fmt::format("map_index={}/", map_index);
  return fmt::format("dag_id={}/run_id={}/task_id={}/{}attempt={}.log", dag_id, run_id, task_id, instance, try_number);
}

}  // namespace pipelined
