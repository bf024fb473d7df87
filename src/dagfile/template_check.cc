#include "dagfile/template_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "dagfile/invocation_reader.h"
#include "pipelined/base/near_match.h"
#include "pipelined/template/python_code.h"
#include "pipelined/template/task_context.h"
#include "pipelined/template/template.h"

namespace pipelined::dagfile {
namespace {

bool IsLimit(std::string_view key) {
  return key == "concurrency" || key == "rate";
}

bool IsKnownAtCreation(const std::vector<std::string>& path) {
  static constexpr std::array<std::string_view, 11> kLater{"expanded_ti_count",
                                                           "ti",
                                                           "task_instance",
                                                           "tasks",
                                                           "var",
                                                           "conn",
                                                           "map_index",
                                                           "try_number",
                                                           "item",
                                                           "test_mode",
                                                           "dag_run.start_date"};
  const std::string name = path[0] == "dag_run" && path.size() > 1 ? path[0] + "." + path[1] : path[0];
  return !name.starts_with("prev_") && std::find(kLater.begin(), kLater.end(), name) == kLater.end();
}

struct RawWarning {
  const char *message, *hint;
};
constexpr RawWarning kRawInScript{"raw pastes a value into the script without quoting it",
                                  "whoever chooses the value chooses the command"};
constexpr RawWarning kRawInSql{"raw pastes a value into the statement instead of binding it",
                               "whoever chooses the value chooses the statement"};
constexpr RawWarning kRawInUrl{"raw pastes a value into the URL without encoding it",
                               "whoever chooses the value chooses what is asked for"};
// Of a whole command from outside.
constexpr RawWarning kScriptFromOutside{"what is run comes from outside the file as a whole",
                                        "whoever chooses the value chooses the command; rather map over its arguments: "
                                        "{{ item.… }}"};
constexpr const char* kPythonHint =
    "write json.loads(r'''{{ … | tojson }}'''), or read os.environ or $PIPELINED_PARAMS";
constexpr const RawWarning *kScript = &kRawInScript, *kSql = &kRawInSql, *kUrl = &kRawInUrl;

class TemplateChecker {
 public:
  TemplateChecker(const Dag& dag, Reporter& reporter) : dag_(dag), reporter_(reporter) {}

  void CheckTask(TaskNo no, NodeRef task) {
    for (const Entry entry : EntriesOf(task)) {
      const std::string_view name = entry.name();
      if (name == "bash") Check(no, entry.value, kScript);
      if (name == "bash") CheckShell(dag_.tasks[no], entry.value, reporter_);
      if (name == "stdin") CheckEach(no, entry.value, false);
      if (name == "ssh") CheckSsh(no, entry.value);
      if (name == "http" || name == "mail") CheckEach(no, entry.value, false);
      if (name == "http") CheckRawUrl(entry.value);
      if (name == "sql" || name == "sqlite") CheckSql(no, entry.value);
      if (name == "working_dir" || name == "when" || name == "branch" || name == "short_circuit" ||
          name == "map_index_template") {
        Check(no, entry.value, nullptr);
      }
      if (name == "expand" || name == "expand_zip" || name == "expand_kwargs") CheckExpand(no, entry.value);
      if (name == "exec" || name == "branch") {
        for (const NodeRef word : ItemsOf(entry.value)) Check(no, word, nullptr);
      }
      if (IsLimit(name)) CheckLimit(no, entry.value);
      if (name == "trigger_dag" || name == "dag" || name == "repeat") CheckEach(no, entry.value, name == "repeat");
      if (name == "sensor") CheckSensor(no, entry.value);
      if (name == "python") CheckPython(no, entry.value);
      if (name == "python" || name == "env" || name == "short_circuit") {
        for (const Entry part : EntriesOf(entry.value)) Check(no, part.value, nullptr);
      }
    }
  }

  // Every text within a value that an inclusion standing in `where` is given.
  void CheckGiven(NodeRef value, const Inclusion* where) {
    for (const NodeRef item : ItemsOf(value)) CheckGiven(item, where);
    for (const Entry part : EntriesOf(value)) CheckGiven(part.value, where);
    if (const auto parsed = CheckSyntax(value)) Report(value, CheckNames(*parsed, dag_, where));
  }

  // Of expand, expand_zip or expand_kwargs: the values, and what replaces keys of the task.
  void CheckExpand(TaskNo no, NodeRef expand) {
    Check(no, expand, nullptr);
    for (const Entry part : EntriesOf(expand)) {
      const std::optional<Template> given = Check(no, part.value, nullptr);
      if (given && (part.name() == "bash" || part.name() == "exec")) CheckCommandFromOutside(no, part.value, *given);
      for (const NodeRef element : ItemsOf(part.value)) CheckReplaced(no, part.name(), element);
    }
    for (const NodeRef element : ItemsOf(expand)) {
      for (const Entry part : EntriesOf(element)) CheckReplaced(no, part.name(), part.value);
    }
  }

  std::optional<Template> CheckSyntax(NodeRef value) {
    if (!value.is_scalar() || !MayHoldATemplate(value.text())) return std::nullopt;
    TemplateError error;
    auto parsed = Template::Parse(value.text(), &error);
    if (parsed) return *std::move(parsed);
    reporter_.Error(Code::kTemplateSyntax, At(value, error.offset, error.line, error.column, error.length),
                    error.message, error.hint);
    return std::nullopt;
  }

  // `no`: the task that it stands at; nothing: at many.
  void CheckLimit(std::optional<TaskNo> no, NodeRef limit) {
    for (const Entry part : EntriesOf(limit)) {
      if (part.name() != "key") continue;
      const std::optional<Template> parsed = no ? Check(*no, part.value, nullptr) : CheckSyntax(part.value);
      if (parsed) CheckKey(*parsed, part.value);
    }
  }

  // A script in a file of its own.
  void CheckFile(TaskNo no, const SourceText& file) {
    const auto place = [&](int line, int column, int length) {
      return Place{&file, static_cast<std::uint32_t>(std::max(line, 1) - 1),
                   static_cast<std::uint32_t>(std::max(column, 1) - 1), static_cast<std::uint32_t>(length)};
    };
    TemplateError error;
    const auto parsed = Template::Parse(file.text, &error);
    if (!parsed)
      return reporter_.Error(Code::kTemplateSyntax, place(error.line, error.column, error.length), error.message,
                             error.hint);
    for (const NameProblem& problem : CheckNames(*parsed, dag_, no)) {
      const Place at = place(problem.where.line, problem.where.column, problem.where.length);
      if (problem.warning) reporter_.Warning(Code::kTemplateName, at, problem.message, problem.hint);
      if (!problem.warning) reporter_.Error(Code::kTemplateName, at, problem.message, problem.hint);
    }
    for (const TemplatePlace& raw : parsed->raw_uses())
      reporter_.Warning(Code::kRawFilter, place(raw.line, raw.column, 3), kSql->message, kSql->hint);
    CheckScript(dag_.tasks[no], file, reporter_);
  }

 private:
  // What one instance has in place of a key of its task.
  void CheckReplaced(TaskNo no, std::string_view key, NodeRef value) {
    if (key != "bash" && key != "exec" && key != "env" && key != "working_dir") return;
    Check(no, value, key == "bash" ? kScript : nullptr);
    if (key == "bash") CheckShell(dag_.tasks[no], value, reporter_);
    for (const NodeRef word : ItemsOf(value)) Check(no, word, nullptr);
    for (const Entry variable : EntriesOf(value)) Check(no, variable.value, nullptr);
  }

  void CheckCommandFromOutside(TaskNo no, NodeRef value, const Template& parsed) {
    for (const TemplateReference& at : parsed.references()) {
      if (!IsFromOutside(at.path, dag_, no)) continue;
      return reporter_.Warning(Code::kRawFilter, At(value, at.offset, at.line, at.column, at.length),
                               kScriptFromOutside.message, kScriptFromOutside.hint);
    }
  }

  void CheckPython(TaskNo no, NodeRef python) {
    const auto is_outside = [&](const std::vector<std::string>& path) { return IsFromOutside(path, dag_, no); };
    for (const Entry part : EntriesOf(python)) {
      if (part.name() != "code" || !part.value.is_scalar()) continue;
      const auto parsed = Template::Parse(part.value.text());
      if (!parsed) continue;  // said with all others
      for (const PastedValue& value : PastedIntoPython(*parsed, is_outside)) {
        reporter_.Warning(
            Code::kPythonValue, At(part.value, value.where.offset, value.where.line, value.where.column, value.length),
            value.is_json ? "JSON within these quotes may end them: whoever chooses the value chooses the code"
                          : "a value from outside becomes Python code: whoever chooses it chooses the code",
            kPythonHint);
      }
    }
  }

  // A key is rendered once, when the run enters the scheduler, and again after a restart: always to the same text.
  void CheckKey(const Template& parsed, NodeRef value) {
    for (const TemplateReference& at : parsed.references()) {
      if (at.path.empty() || IsKnownAtCreation(at.path)) continue;
      reporter_.Error(Code::kLimitKey, At(value, at.offset, at.line, at.column, at.length),
                      fmt::format("the key of a limit cannot use {}: it is not known when the run is created",
                                  fmt::join(at.path, ".")),
                      "it may use params, dag_run.conf, run_id, the dates of the run, dag and task");
    }
  }

  // Every text within a value.
  void CheckEach(TaskNo no, NodeRef value, bool has_ended) {
    for (const NodeRef item : ItemsOf(value)) CheckEach(no, item, has_ended);
    for (const Entry part : EntriesOf(value)) CheckEach(no, part.value, has_ended);
    Check(no, value, nullptr, has_ended);
  }

  // `warn_of_raw`: what raw does here; nullptr: nothing.
  std::optional<Template> Check(TaskNo no, NodeRef value, const RawWarning* warn_of_raw, bool has_ended = false) {
    std::optional<Template> parsed = CheckSyntax(value);
    if (!parsed) return parsed;
    Report(value, CheckNames(*parsed, dag_, no, has_ended));
    if (warn_of_raw == nullptr) return parsed;
    for (const TemplatePlace& raw : parsed->raw_uses()) {
      reporter_.Warning(Code::kRawFilter, At(value, raw.offset, raw.line, raw.column, 3), warn_of_raw->message,
                        warn_of_raw->hint);
    }
    return parsed;
  }

  void CheckRawUrl(NodeRef http) {
    const auto warn = [&](NodeRef url) {
      TemplateError ignored;
      if (!url.is_scalar() || !MayHoldATemplate(url.text())) return;
      const auto parsed = Template::Parse(url.text(), &ignored);
      if (!parsed) return;
      for (const TemplatePlace& raw : parsed->raw_uses()) {
        reporter_.Warning(Code::kRawFilter, At(url, raw.offset, raw.line, raw.column, 3), kUrl->message, kUrl->hint);
      }
    };
    warn(http);
    for (const Entry part : EntriesOf(http)) {
      if (part.name() == "url") warn(part.value);
    }
  }

  void CheckSensor(TaskNo no, NodeRef sensor) {
    for (const Entry part : EntriesOf(sensor)) {
      if (part.name() == "http") CheckRawUrl(part.value);
      if (part.name() == "task") CheckOwnTasks(dag_.tasks[no], part.value);
      if (part.name() == "sql") {
        CheckSql(no, part.value);
      } else if (part.name() == "command" && part.value.is_scalar()) {
        Check(no, part.value, kScript);
      } else if (part.name() == "command") {
        for (const Entry word : EntriesOf(part.value)) CheckCommand(no, word);
      } else {
        CheckEach(no, part.value, false);
      }
    }
  }

  // Of a sensor for tasks of its own DAG it is known here which there are.
  void CheckOwnTasks(const Task& task, NodeRef sensor) {
    if (task.sensor == nullptr) return;  // beside another action it was not read
    const Value& what = task.sensor->what;
    const Value *dag_id = what.Find("dag_id"), *ids = what.Find("task_ids"), *run_id = what.Find("run_id");
    if (dag_id == nullptr || *dag_id != Value(dag_.id) || ids == nullptr || !ids->is_list()) return;
    const bool same_run = run_id != nullptr
                              ? run_id->string() == "{{ run_id }}"
                              : what.Find("logical_date") == nullptr && what.Find("offset_micros") == nullptr;
    std::vector<std::string_view> known;
    for (const Task& one : dag_.tasks) known.push_back(one.id);
    for (const Value& id : ids->list()) {
      const bool is_there = std::find(known.begin(), known.end(), id.string()) != known.end();
      if (same_run && id.string() == task.id) {
        reporter_.Error(Code::kSelfDependency, sensor.place(),
                        fmt::format("task {} waits for itself", Quoted(task.id)));
      } else if (!is_there && !MayHoldATemplate(id.string())) {
        const auto near = NearMatch(id.string(), known);
        reporter_.Warning(Code::kUnknownTask, sensor.place(),
                          fmt::format("this DAG has no task {}", Quoted(id.string())),
                          near ? fmt::format("did you mean \"{}\"?", *near) : "");
      }
    }
  }

  void CheckCommand(TaskNo no, const Entry& command) {
    if (command.name() == "bash") Check(no, command.value, kScript);
    if (command.name() == "exec") CheckEach(no, command.value, false);
  }

  void CheckSsh(TaskNo no, NodeRef action) {
    for (const Entry part : EntriesOf(action)) {
      const bool is_script = part.name() == "command";
      Check(no, part.value, is_script ? kScript : nullptr);
      if (is_script) CheckShell(dag_.tasks[no], part.value, reporter_);
    }
  }

  void CheckSql(TaskNo no, NodeRef action) {
    for (const Entry part : EntriesOf(action)) {
      if (part.name() != "query") {
        CheckEach(no, part.value, false);
      } else if (Check(no, part.value, kSql) || !MayHoldATemplate(part.value.is_scalar() ? part.value.text() : "")) {
        CheckScript(dag_.tasks[no], part.value, reporter_);
      }
    }
  }

  void Report(NodeRef value, const std::vector<NameProblem>& problems) {
    for (const NameProblem& problem : problems) {
      const TemplateReference& at = problem.where;
      const Place place = At(value, at.offset, at.line, at.column, at.length);
      if (problem.warning) {
        reporter_.Warning(Code::kTemplateName, place, problem.message, problem.hint);
      } else {
        reporter_.Error(Code::kTemplateName, place, problem.message, problem.hint);
      }
    }
  }

  // Finding a place reads the file up to it, which is worth it only for what will be shown.
  Place At(NodeRef value, std::size_t offset, int line, int column, int length) const {
    return reporter_.full() ? value.place() : PlaceInside(value, offset, line, column, length);
  }

  const Dag& dag_;
  Reporter& reporter_;
};

// A task of the group that has nothing of the group above it: it stands below what the group is mapped over.
TaskNo FirstOf(const Dag& dag, const Mapping& mapping) {
  for (const TaskNo task : mapping.tasks) {
    const auto above = dag.upstream.Of(task);
    if (std::none_of(above.begin(), above.end(), [&](TaskNo up) { return dag.AreMappedTogether(up, task); }))
      return task;
  }
  return mapping.tasks.front();
}

}  // namespace

bool MayHoldATemplate(std::string_view text) {
  for (std::size_t at = text.find('{'); at != std::string_view::npos && at + 1 < text.size();
       at = text.find('{', at + 1)) {
    if (text[at + 1] == '{' || text[at + 1] == '%' || text[at + 1] == '#') return true;
  }
  return false;
}

Place PlaceInside(NodeRef scalar, std::size_t offset, int line, int column, int length) {
  Place place = scalar.place();
  const std::string_view text = place.source->text, value = scalar.text();
  const std::string_view first =
      LineAt(text, place.line).substr(std::min<std::size_t>(place.column, LineAt(text, place.line).size()));
  const std::string_view word =
      value.substr(std::min(offset, value.size()), static_cast<std::size_t>(std::max(length, 1)));
  const auto at = [&](std::uint32_t row, std::size_t wanted) -> bool {
    const std::string_view shown = LineAt(text, row);
    std::size_t found = wanted <= shown.size() && shown.substr(wanted).starts_with(word)
                            ? wanted
                            : shown.find(word, row == place.line ? place.column : 0);
    if (word.empty() || found == std::string_view::npos) return false;
    place = {place.source, row, static_cast<std::uint32_t>(found), static_cast<std::uint32_t>(word.size())};
    return true;
  };
  if (first.starts_with('|') || first.starts_with('>')) {
    std::uint32_t row = place.line + static_cast<std::uint32_t>(std::max(line, 1));
    const std::string_view shown = LineAt(text, row);
    const std::size_t indent = std::min(LineAt(text, place.line + 1).find_first_not_of(' '), shown.size());
    if (first.starts_with('|')) at(row, indent + static_cast<std::size_t>(std::max(column, 1)) - 1);
  } else {
    const bool quoted = first.starts_with('"') || first.starts_with('\'');
    at(place.line, place.column + offset + (quoted ? 1 : 0));
  }
  return place;
}

void CheckGivenTemplates(const Dag& dag, const std::vector<IncludedTemplate>& inclusions, Reporter& reporter) {
  TemplateChecker checker(dag, reporter);
  for (const IncludedTemplate& part : inclusions) {
    if (part.with) checker.CheckGiven(part.with->value, part.inclusion->outer.get());
  }
}

void CheckTemplates(const Dag& dag, const std::vector<NodeRef>& tasks, const std::vector<NodeRef>& inherited,
                    const std::vector<NodeRef>& limits, Reporter& reporter) {
  TemplateChecker checker(dag, reporter);
  for (TaskNo no = 0; no < tasks.size(); ++no) checker.CheckTask(no, tasks[no]);
  for (const NodeRef limit : limits) checker.CheckLimit(std::nullopt, limit);
  for (const NodeRef value : inherited) {
    checker.CheckSyntax(value);
    for (const Entry variable : EntriesOf(value)) checker.CheckSyntax(variable.value);
  }
}

void CheckScriptFiles(const Dag& dag, const std::vector<ScriptFile>& files, Reporter& reporter) {
  TemplateChecker checker(dag, reporter);
  for (const ScriptFile& file : files) checker.CheckFile(file.task, *file.source);
}

void CheckGroupTemplates(const Dag& dag, const std::vector<GroupEntry>& groups, Reporter& reporter) {
  TemplateChecker checker(dag, reporter);
  for (const Mapping& mapping : dag.mappings) {
    for (const GroupEntry& group : groups) {
      if (mapping.group.empty() || group.group.id != mapping.group || mapping.tasks.empty()) continue;
      checker.CheckExpand(FirstOf(dag, mapping), group.expand->entry.value);
    }
  }
}

}  // namespace pipelined::dagfile
