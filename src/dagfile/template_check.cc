#include "dagfile/template_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

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

class TemplateChecker {
 public:
  TemplateChecker(const Dag& dag, Reporter& reporter) : dag_(dag), reporter_(reporter) {}

  void CheckTask(TaskNo no, NodeRef task) {
    for (const Entry entry : EntriesOf(task)) {
      const std::string_view name = entry.name();
      if (name == "bash") Check(no, entry.value, true);
      if (name == "working_dir" || name == "when" || name == "branch" || name == "short_circuit" ||
          name == "map_index_template") {
        Check(no, entry.value, false);
      }
      if (name == "expand" || name == "expand_zip" || name == "expand_kwargs") CheckExpand(no, entry.value);
      if (name == "exec" || name == "branch") {
        for (const NodeRef word : ItemsOf(entry.value)) Check(no, word, false);
      }
      if (IsLimit(name)) CheckLimit(no, entry.value);
      if (name == "trigger_dag" || name == "dag" || name == "repeat") CheckEach(no, entry.value, name == "repeat");
      if (name == "python" || name == "env" || name == "short_circuit") {
        for (const Entry part : EntriesOf(entry.value)) Check(no, part.value, false);
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
    Check(no, expand, false);
    for (const Entry part : EntriesOf(expand)) {
      Check(no, part.value, false);
      const std::string_view name = part.name();
      if (name != "bash" && name != "exec" && name != "env" && name != "working_dir") continue;
      for (const NodeRef element : ItemsOf(part.value)) {
        Check(no, element, name == "bash");
        for (const NodeRef word : ItemsOf(element)) Check(no, word, false);
        for (const Entry variable : EntriesOf(element)) Check(no, variable.value, false);
      }
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
      const std::optional<Template> parsed = no ? Check(*no, part.value, false) : CheckSyntax(part.value);
      if (parsed) CheckKey(*parsed, part.value);
    }
  }

 private:
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
    Check(no, value, false, has_ended);
  }

  std::optional<Template> Check(TaskNo no, NodeRef value, bool is_shell, bool has_ended = false) {
    std::optional<Template> parsed = CheckSyntax(value);
    if (!parsed) return parsed;
    Report(value, CheckNames(*parsed, dag_, no, has_ended));
    if (!is_shell) return parsed;
    for (const TemplatePlace& raw : parsed->raw_uses()) {
      reporter_.Warning(Code::kRawFilter, At(value, raw.offset, raw.line, raw.column, 3),
                        "raw pastes a value into the script without quoting it",
                        "whoever chooses the value chooses the command");
    }
    return parsed;
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
