#include "dagfile/template_check.h"

#include <algorithm>
#include <optional>

#include "pipelined/template/task_context.h"
#include "pipelined/template/template.h"

namespace pipelined::dagfile {
namespace {

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
      if (name == "python" || name == "env" || name == "short_circuit") {
        for (const Entry part : EntriesOf(entry.value)) Check(no, part.value, false);
      }
    }
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

 private:
  void Check(TaskNo no, NodeRef value, bool is_shell) {
    const std::optional<Template> parsed = CheckSyntax(value);
    if (!parsed) return;
    for (const NameProblem& problem : CheckNames(*parsed, dag_, no)) {
      const TemplateReference& at = problem.where;
      const Place place = At(value, at.offset, at.line, at.column, at.length);
      if (problem.warning) {
        reporter_.Warning(Code::kTemplateName, place, problem.message, problem.hint);
      } else {
        reporter_.Error(Code::kTemplateName, place, problem.message, problem.hint);
      }
    }
    if (!is_shell) return;
    for (const TemplatePlace& raw : parsed->raw_uses()) {
      reporter_.Warning(Code::kRawFilter, At(value, raw.offset, raw.line, raw.column, 3),
                        "raw pastes a value into the script without quoting it",
                        "whoever chooses the value chooses the command");
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

void CheckTemplates(const Dag& dag, NodeRef tasks, const std::vector<NodeRef>& inherited, Reporter& reporter) {
  TemplateChecker checker(dag, reporter);
  TaskNo no = 0;
  for (const Entry entry : EntriesOf(tasks)) {
    if (entry.name() == "<<" && entry.key.is_plain()) continue;
    if (no >= dag.tasks.size()) break;
    checker.CheckTask(no++, entry.value);
  }
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
