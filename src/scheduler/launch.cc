#include "pipelined/scheduler/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>

#include "pipelined/schema/json.h"
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

std::string TextOf(const Value& value) {
  return value.is_string() ? value.string() : value.is_null() ? "" : ToJson(value);
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
    const Quote quote = is_shell ? Quote::kShell : Quote::kNone;
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

std::vector<std::string> OutputsNeeded(const Dag& dag, const Mapping& mapping) {
  std::vector<std::string> ids;
  for (const TaskNo source : mapping.sources) ids.push_back(dag.tasks[source].id);
  for (const ExpandValue& value : mapping.expand.values) {
    if (!MayHoldExpressions(value.text)) continue;
    const auto parsed = Template::Parse(value.text);
    const auto names_none = [&](const TemplateReference& reference) {
      return reference.path[0] != "tasks" && NamesNoTask(dag, reference);
    };
    if (!parsed || std::none_of(parsed->references().begin(), parsed->references().end(), names_none)) continue;
    for (const TaskNo up : TasksAbove(dag, mapping.tasks.front())) ids.push_back(dag.tasks[up].id);
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
      options.logs_dir + "/" +
      LogPath(request.dag.id, request.run.run_id, task.id, request.attempt.try_number, request.attempt.map_index);

  Environ environ(options.environment);
  for (const auto& [name, value] : Environment((*templates)->context())) environ.Set(name, value);
  for (const auto& [name, text] : task.env) {
    auto value = (*templates)->Render(text, "env." + name);
    if (!value) return value.error();
    environ.Set(name, *value);
  }
  const Replacements replacements(**templates);
  if (const Status set = replacements.Variables(environ); !set) return set.error();
  start.env = environ.Take();

  auto dir = (*templates)->Render(task.working_dir, "working_dir");
  if (!dir) return dir.error();
  dir = replacements.WorkingDir(std::move(*dir));
  if (!dir) return dir.error();
  start.working_dir = std::move(*dir);

  auto words = replacements.Words(task);
  if (!words) return words.error();
  start.argv = Argv(task, std::move(*words));
  return start;
}

std::string LogPath(const std::string& dag_id, const std::string& run_id, const std::string& task_id, int try_number,
                    std::int32_t map_index) {
  const std::string instance = map_index < 0 ? "" : fmt::format("map_index={}/", map_index);
  return fmt::format("dag_id={}/run_id={}/task_id={}/{}attempt={}.log", dag_id, run_id, task_id, instance, try_number);
}

}  // namespace pipelined
