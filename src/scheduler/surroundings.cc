#include "scheduler/surroundings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "pipelined/schema/json.h"

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

// The loader and the shell run what these say, or let it change what a command is. PIPELINED_* tells a task which try
// it is, and where it gives its outputs.
bool MayBeNamedByOthers(std::string_view name) {
  static constexpr std::array<std::string_view, 6> kRefused{"BASH_ENV",       "ENV",       "PS4",
                                                            "PROMPT_COMMAND", "SHELLOPTS", "BASHOPTS"};
  static constexpr std::array<std::string_view, 3> kRefusedBegins{"LD_", "BASH_FUNC_", "PIPELINED_"};
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_part = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && is_letter(name.front()) && std::all_of(name.begin(), name.end(), is_part) &&
         std::find(kRefused.begin(), kRefused.end(), name) == kRefused.end() &&
         std::none_of(kRefusedBegins.begin(), kRefusedBegins.end(),
                      [&](auto begin) { return name.starts_with(begin); });
}

// A script with templates for a shell that nobody here can quote for is an error of the file (DAG065). Should one come
// here all the same, its values must not be pasted.
Status CheckShell(const Task& task, const std::string& script) {
  const bool is_script = task.action.kind == ActionKind::kBash || task.action.kind == ActionKind::kSsh;
  if (!is_script || task.invocation == nullptr || task.invocation->shell.empty()) return Ok();
  const std::string& shell = task.invocation->shell.front();
  if (KindOfShell(shell) != ShellKind::kOther) return Ok();
  if (const auto parsed = Template::Parse(script); parsed && parsed->is_literal()) return Ok();
  return Error{
      ErrorCode::kInvalid,
      fmt::format("{}: this script is for {}, for which values of templates cannot be quoted (give it the value "
                  "in env, and let the script read that)",
                  OperatorName(task.action.kind), shell),
      ""};
}

// What an instance of a mapped task has in place of keys of its task. What stands in the DAG file is a template, what
// was evaluated is taken as it is. Which keys these are only the file says: data is rows of somebody else, and one of
// their columns may be called `bash`.
class Replacements {
 public:
  explicit Replacements(const TryTemplates& templates) : templates_(templates) {}

  Status Variables(Environ& environ, Secrets secrets) const {
    const auto found = Find("env");
    if (!found) return found.error();
    const TemplateItem* item = *found;
    if (item == nullptr) return Ok();
    if (!item->value.is_map()) return NotA(*item, "a mapping");
    for (const auto& [name, value] : item->value.map()) {
      if (item->outside && !MayBeNamedByOthers(name)) return BadVariable(name);
      auto text = TextFor(*item, value, "env." + name, Quote::kNone, secrets);
      if (!text) return text.error();
      environ.Set(name, *text);
    }
    return Ok();
  }

  // The one that the task has, unless the instance has another; relative to it.
  Result<std::string> WorkingDir(std::string own) const {
    const auto found = Find("working_dir");
    if (!found) return found.error();
    const TemplateItem* item = *found;
    if (item == nullptr) return own;
    auto text = TextFor(*item, item->value, "working_dir", Quote::kNone);
    if (!text || text->starts_with('/')) return text;
    return own + "/" + *text;
  }

  Result<CommandWords> Words(const Task& task) const {
    const bool is_shell = task.action.kind == ActionKind::kBash;
    const bool is_script =
        is_shell || task.action.kind == ActionKind::kPythonCode || task.action.kind == ActionKind::kSsh;
    const Quote quote = QuoteFor(task);
    const Secrets secrets = is_script ? Secrets::kAllowed : Secrets::kRefused;
    const std::string place(OperatorName(task.action.kind));
    CommandWords made;
    const bool is_mappable = is_shell || task.action.kind == ActionKind::kExec;
    const auto found = is_mappable ? Find(place) : nullptr;
    if (!found) return found.error();
    const TemplateItem* item = *found;
    if (item == nullptr) {
      for (const std::string& text : task.action.words) {
        if (const Status known = CheckShell(task, text); !known) return known.error();
        auto word = templates_.Render(text, place, quote, secrets, &made.secret);
        if (!word) return word.error();
        made.words.push_back(std::move(*word));
      }
      return made;
    }
    if (!is_shell && (!item->value.is_list() || item->value.list().empty())) return NotA(*item, "a list of words");
    const Value::List list = is_shell ? Value::List{item->value} : item->value.list();
    for (const Value& one : list) {
      if (const Status known = item->outside ? Ok() : CheckShell(task, ToText(one)); !known) return known.error();
      auto word = TextFor(*item, one, place, quote, secrets, &made.secret);
      if (!word) return word.error();
      made.words.push_back(std::move(*word));
    }
    return made;
  }

 private:
  // nullptr: there is none.
  Result<const TemplateItem*> Find(std::string_view name) const {
    for (const TemplateItem& item : templates_.context().items) {
      if (item.name != name) continue;
      if (item.named) return &item;
      return Error{ErrorCode::kInvalid,
                   fmt::format("expand_kwargs: an element from outside the file may not give {0}, a key of the task "
                               "(call it something else, and use {{{{ item.… }}}}; or name it in the file: expand: "
                               "{{{0}: \"{{{{ … }}}}\"}})",
                               name),
                   ""};
    }
    return nullptr;
  }
  static Error BadVariable(const std::string& name) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("expand.env: a value from outside the file may not set the variable {} (name it in the "
                             "file, in the task's env: {{NAME: \"{{{{ item.… }}}}\"}})",
                             ToJson(Value(name.substr(0, 100)))),
                 ""};
  }
  static Error NotA(const TemplateItem& item, const char* wanted) {
    return Error{ErrorCode::kInvalid, fmt::format("expand.{}: {} is needed", item.name, wanted), ""};
  }
  Result<std::string> TextFor(const TemplateItem& item, const Value& value, const std::string& place, Quote quote,
                              Secrets secrets = Secrets::kRefused, bool* secret = nullptr) const {
    if (item.outside) return ToText(value);
    return templates_.Render(ToText(value), "expand." + place, quote, secrets, secret);
  }

  const TryTemplates& templates_;
};

}  // namespace

void SetVariable(Env& env, const std::string& name, std::string value) {
  for (auto& [known, old] : env) {
    if (known == name) return void(old = std::move(value));
  }
  env.emplace_back(name, std::move(value));
}

Result<Env> EnvironmentOf(const Task& task, const TryTemplates& templates, const Env& inherited, Secrets secrets) {
  Environ environ(inherited);
  for (const auto& [name, value] : Environment(templates.context())) environ.Set(name, value);
  for (const auto& [name, text] : task.outer_env) {
    auto value = templates.RenderOutside(text, "env." + name, secrets);
    if (!value) return value.error();
    environ.Set(name, *value);
  }
  for (const auto& [name, text] : task.env) {
    auto value = templates.Render(text, "env." + name, Quote::kNone, secrets);
    if (!value) return value.error();
    environ.Set(name, *value);
  }
  if (const Status set = Replacements(templates).Variables(environ, secrets); !set) return set.error();
  return environ.Take();
}

Result<std::string> WorkingDirOf(const Task& task, const TryTemplates& templates) {
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
    auto text = templates.Render(*how.stdin_text, "stdin", Quote::kNone, Secrets::kAllowed);
    if (!text) return text.error();
    start.input = *std::move(text);
  } else if (!how.stdin_file.empty()) {
    auto path = templates.Render(how.stdin_file, "stdin.file");
    if (!path) return path.error();
    start.input_path = *std::move(path);
  }
  return Ok();
}

Result<CommandWords> WordsOf(const Task& task, const TryTemplates& templates) {
  return Replacements(templates).Words(task);
}

}  // namespace pipelined
