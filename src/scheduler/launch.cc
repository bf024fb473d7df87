#include "pipelined/scheduler/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "pipelined/schema/json.h"
#include "scheduler/launch_action.h"
#include "scheduler/launch_ssh.h"
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

std::string TextOf(const Value& value) {
  return value.is_string() ? value.string() : value.is_null() ? "" : ToJson(value);
}

// Of the words of a task: what its shell, if it has one, reads them by.
Quote QuoteFor(const Task& task) {
  const bool is_ssh = task.action.kind == ActionKind::kSsh;
  if (task.action.kind != ActionKind::kBash && !is_ssh) return Quote::kNone;
  const Invocation* how = task.invocation.get();
  if (how == nullptr || how->shell.empty()) return is_ssh ? Quote::kPosixShell : Quote::kShell;
  switch (KindOfShell(how->shell.front())) {
    case ShellKind::kBash:
      return Quote::kShell;
    case ShellKind::kPosix:
      return Quote::kPosixShell;
    case ShellKind::kOther:
      break;  // such a script has no templates: see CheckShell()
  }
  return Quote::kNone;
}

// What an instance of a mapped task has in place of keys of its task. What stands in the DAG file is a template, what
// was evaluated is taken as it is.
class Replacements {
 public:
  explicit Replacements(const TryTemplates& templates) : templates_(templates) {}

  Status Variables(Environ& environ) const {
    const TemplateItem* item = Find("env");
    if (item == nullptr) return Ok();
    if (!item->value.is_map()) return NotA(*item, "a mapping");
    for (const auto& [name, value] : item->value.map()) {
      auto text = TextFor(*item, value, "env." + name, Quote::kNone);
      if (!text) return text.error();
      environ.Set(name, *text);
    }
    return Ok();
  }

  // The one that the task has, unless the instance has another; relative to it.
  Result<std::string> WorkingDir(std::string own) const {
    const TemplateItem* item = Find("working_dir");
    if (item == nullptr) return own;
    auto text = TextFor(*item, item->value, "working_dir", Quote::kNone);
    if (!text || text->starts_with('/')) return text;
    return own + "/" + *text;
  }

  Result<std::vector<std::string>> Words(const Task& task) const {
    const bool is_shell = task.action.kind == ActionKind::kBash;
    const Quote quote = QuoteFor(task);
    const std::string place(OperatorName(task.action.kind));
    std::vector<std::string> words;
    const TemplateItem* item = is_shell ? Find("bash") : task.action.kind == ActionKind::kExec ? Find("exec") : nullptr;
    if (item == nullptr) {
      for (const std::string& text : task.action.words) {
        auto word = templates_.Render(text, place, quote);
        if (!word) return word.error();
        words.push_back(std::move(*word));
      }
      return words;
    }
    if (!is_shell && (!item->value.is_list() || item->value.list().empty())) return NotA(*item, "a list of words");
    const Value::List list = is_shell ? Value::List{item->value} : item->value.list();
    for (const Value& one : list) {
      auto word = TextFor(*item, one, place, quote);
      if (!word) return word.error();
      words.push_back(std::move(*word));
    }
    return words;
  }

 private:
  const TemplateItem* Find(std::string_view name) const {
    for (const TemplateItem& item : templates_.context().items) {
      if (item.name == name) return &item;
    }
    return nullptr;
  }
  static Error NotA(const TemplateItem& item, const char* wanted) {
    return Error{ErrorCode::kInvalid, fmt::format("expand.{}: {} is needed", item.name, wanted), ""};
  }
  Result<std::string> TextFor(const TemplateItem& item, const Value& value, const std::string& place,
                              Quote quote) const {
    if (item.outside) return TextOf(value);
    return templates_.Render(TextOf(value), "expand." + place, quote);
  }

  const TryTemplates& templates_;
};

Result<std::string> WorkingDir(const Task& task, const TryTemplates& templates) {
  auto dir = task.outer_working_dir ? templates.RenderOutside(task.working_dir, "working_dir")
                                    : templates.Render(task.working_dir, "working_dir");
  return dir ? Replacements(templates).WorkingDir(*std::move(dir)) : dir;
}

Status TakeInvocation(const Task& task, const TryTemplates& templates, AttemptStart& start) {
  if (task.invocation == nullptr) return Ok();
  const Invocation& how = *task.invocation;
  start.umask = how.umask;
  start.nice = how.nice;
  if (how.stdin_text) {
    auto text = templates.Render(*how.stdin_text, "stdin");
    if (!text) return text.error();
    start.input = *std::move(text);
  } else if (!how.stdin_file.empty()) {
    auto path = templates.Render(how.stdin_file, "stdin.file");
    if (!path) return path.error();
    start.input_path = *std::move(path);
  }
  return Ok();
}

void SetVariable(Env& env, const std::string& name, std::string value) {
  for (auto& [known, old] : env) {
    if (known == name) return void(old = std::move(value));
  }
  env.emplace_back(name, std::move(value));
}

std::string ValueOf(const Env& env, std::string_view name) {
  for (const auto& [known, value] : env) {
    if (known == name) return value;
  }
  return {};
}

// Python in an environment: one that is there, or one that pipelined-venv makes within the try, and then becomes.
Status EnterVenv(const Task& task, const TryTemplates& templates, const LaunchOptions& options, AttemptStart& start) {
  const Value* spec = task.action.spec.get();
  if (spec == nullptr) return Ok();
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
  static constexpr std::string_view kWithheld[] = {"PIPELINED_", "NOTIFY_SOCKET",         "LISTEN_",
                                                   "WATCHDOG_",  "CREDENTIALS_DIRECTORY", "AIRFLOW_CONN_"};
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
      options.logs_dir + "/" +
      LogPath(request.dag.id, request.run.run_id, task.id, request.attempt.try_number, request.attempt.map_index);

  if (IsWorkerAction(task.action.kind)) {
    auto dir = WorkingDir(task, **templates);
    if (!dir) return dir.error();
    auto action = PrepareAction(task, **templates, *dir, options);
    if (!action) return action.error();
    start.action = *std::move(action);
    return start;
  }
  Environ environ(Env{});
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
  const Replacements replacements(**templates);
  if (const Status set = replacements.Variables(environ); !set) return set.error();
  Env own = environ.Take();
  Environ whole(options.environment);
  if (task.action.kind != ActionKind::kSsh) {  // there it is that of the command at the other end
    for (const auto& [name, value] : own) whole.Set(name, value);
  }
  start.env = whole.Take();

  auto dir = WorkingDir(task, **templates);
  if (!dir) return dir.error();
  start.working_dir = std::move(*dir);

  auto words = replacements.Words(task);
  if (!words) return words.error();
  if (const Status taken = TakeInvocation(task, **templates, start); !taken) return taken.error();
  if (task.action.kind == ActionKind::kSsh) {
    const Status made = PrepareSsh(task, **templates, options, words->front(), own, start);
    return made ? Result<AttemptStart>(std::move(start)) : Result<AttemptStart>(made.error());
  }
  start.argv = Argv(task, std::move(*words));
  if (const Status entered = EnterVenv(task, **templates, options, start); !entered) return entered.error();
  return start;
}

std::string LogPath(const std::string& dag_id, const std::string& run_id, const std::string& task_id, int try_number,
                    std::int32_t map_index) {
  const std::string instance = map_index < 0 ? "" : fmt::format("map_index={}/", map_index);
  return fmt::format("dag_id={}/run_id={}/task_id={}/{}attempt={}.log", dag_id, run_id, task_id, instance, try_number);
}

}  // namespace pipelined
