#include "dagfile/expand_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "dagfile/group_reader.h"
#include "dagfile/template_check.h"
#include "dagfile/values.h"
#include "pipelined/template/template.h"

namespace pipelined::dagfile {
namespace {

constexpr std::array<std::string_view, 4> kMappableKeys{"bash", "exec", "env", "working_dir"};

bool IsTaskKey(std::string_view name) {
  return std::any_of(kTaskKeys.begin(), kTaskKeys.end(), [&](const KeyRow& row) { return row.name == name; });
}

// Item names are used as {{ item.name }}.
bool IsName(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_part = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && is_letter(name.front()) && std::all_of(name.begin(), name.end(), is_part);
}

class ExpandReader {
 public:
  ExpandReader(ExpandForm form, bool for_group, Reporter& reporter)
      : form_(form), for_group_(for_group), reporter_(reporter) {}

  void Read(const Entry& entry, Expand& out) {
    out.form = form_;
    if (form_ == ExpandForm::kKwargs) return ReadValue(entry, "", out);
    if (!RequireMap(entry, reporter_, "a mapping of names to lists")) return;
    for (const Entry part : EntriesOf(entry.value)) {
      if (CheckName(part)) ReadValue(part, std::string(part.name()), out);
    }
    if (out.values.empty() && !entry.value.First())
      Report(entry.place(), fmt::format("{} names nothing to map over", entry.name()),
             "for example expand: {n: [1, 2]}");
  }

 private:
  void Report(const Place& place, std::string message, std::string hint) {
    reporter_.Error(Code::kBadExpand, place, std::move(message), std::move(hint));
  }

  bool CheckName(const Entry& part) {
    const std::string_view name = part.name();
    if (!IsName(name)) {
      Report(part.key.place(), fmt::format("{} cannot be used as {{{{ item.… }}}}", Quoted(name)),
             "letters, digits and _, not beginning with a digit");
      return false;
    }
    if (!IsTaskKey(name)) return true;
    const bool mappable = std::find(kMappableKeys.begin(), kMappableKeys.end(), name) != kMappableKeys.end();
    const bool action = name == "bash" || name == "exec";
    if (mappable && !(action && for_group_)) return true;
    Report(part.key.place(),
           mappable ? fmt::format("a group cannot be mapped over {}", name)
                    : fmt::format("the task key {} cannot be mapped over", Quoted(name)),
           for_group_
               ? "env and working_dir can; any other name is a value for templates: {{ item.name }}"
               : "bash, exec, env and working_dir can; any other name is a value for templates: {{ item.name }}");
    return false;
  }

  void ReadValue(const Entry& part, std::string name, Expand& out) {
    ExpandValue value{std::move(name), {}, {}};
    if (part.value.is_scalar() && MayHoldATemplate(part.value.text())) {
      value.text = part.value.text();
    } else if (part.value.is_list() || (part.value.is_map() && form_ != ExpandForm::kKwargs)) {
      value.literal = ToValue(part.value);
      if (!CheckElements(part, value)) return;
    } else {
      return ReportType(part, reporter_,
                        form_ == ExpandForm::kKwargs ? "a list of mappings, or a template that gives one"
                                                     : "a list, or a template that gives one");
    }
    out.values.push_back(std::move(value));
  }

  // What a key of a task is made of must fit it.
  bool CheckElements(const Entry& part, const ExpandValue& value) {
    if (!value.literal.is_list()) return true;
    const bool maps = form_ == ExpandForm::kKwargs || value.name == "env";
    const bool lists = value.name == "exec";
    const bool texts = value.name == "bash" || value.name == "working_dir";
    std::size_t index = 0;
    for (const NodeRef item : ItemsOf(part.value)) {
      const Value& element = value.literal.list()[index++];
      const char* wanted = nullptr;
      if (maps && !element.is_map()) wanted = "a mapping";
      if (lists && !(element.is_list() && !element.list().empty())) wanted = "a list of words";
      if (texts && (element.is_map() || element.is_list() || element.is_null())) wanted = "a text";
      if (wanted == nullptr) continue;
      Report(item.is_null() ? part.key.place() : item.place(),
             fmt::format("element {} of {} must be {}", index - 1, part.name(), wanted), "");
      return false;
    }
    return true;
  }

  ExpandForm form_;
  bool for_group_;
  Reporter& reporter_;
};

class Mapper {
 public:
  Mapper(const std::vector<GroupEntry>& groups, Dag& dag, Reporter& reporter)
      : groups_(groups), dag_(dag), reporter_(reporter) {}

  void MapGroup(std::size_t at) {
    const GroupEntry& group = groups_[at];
    for (auto above = group.parent; above; above = groups_[*above].parent) {
      if (groups_[*above].expand) return Nested(*group.expand, fmt::format("group {}", Quoted(group.group.id)), *above);
    }
    Mapping mapping;
    mapping.expand = group.expand->expand;
    mapping.group = group.group.id;
    mapping.tasks = dag_.TasksOf(group.group.id);
    for (const TaskNo task : mapping.tasks) group_of_.emplace(task, at);
    dag_.Map(std::move(mapping));
  }

  void MapTask(const TaskExpand& mapped) {
    const Task& task = dag_.tasks[mapped.task];
    if (const auto group = group_of_.find(mapped.task); group != group_of_.end())
      return Nested(mapped.expand, fmt::format("task {}", Quoted(task.id)), group->second);
    if (IsDecision(task.action.kind)) {
      return reporter_.Error(
          Code::kNestedMapping, mapped.expand.entry.key.place(),
          fmt::format("{} decides the way of the run and cannot be mapped by itself", Quoted(task.id)),
          "map a group that it stands in");
    }
    Mapping mapping;
    mapping.expand = mapped.expand.expand;
    mapping.tasks = {mapped.task};
    dag_.Map(std::move(mapping));
  }

  void Name(const IndexTemplate& name) {
    const Task& task = dag_.tasks[name.task];
    if (task.mapped == 0) {
      return reporter_.Error(Code::kBadExpand, name.entry.key.place(),
                             fmt::format("{} has a map_index_template and is not mapped", Quoted(task.id)),
                             "give it an expand, or take the template away");
    }
    MappedTask& mapped = dag_.mapped[task.mapped - 1];
    mapped.map_index_template = name.entry.value.text();
    dag_.mappings[mapped.mapping].names_instances = true;
  }

 private:
  void Nested(const ExpandEntry& inner, const std::string& what, std::size_t outer) {
    reporter_.Error(Code::kNestedMapping, inner.entry.key.place(),
                    fmt::format("{} stands in the mapped group {} and cannot be mapped again", what,
                                Quoted(groups_[outer].group.id)),
                    "map the group over the cross product: expand with both names");
  }

  const std::vector<GroupEntry>& groups_;
  Dag& dag_;
  Reporter& reporter_;
  std::unordered_map<TaskNo, std::size_t> group_of_;  // tasks of mapped groups
};

}  // namespace

bool IsExpand(Key key) {
  return key == Key::kExpand || key == Key::kExpandZip || key == Key::kExpandKwargs;
}

void ReportSecondExpand(const Entry& entry, Reporter& reporter) {
  reporter.Error(Code::kBadExpand, entry.key.place(), fmt::format("{} stands beside another expand", entry.name()),
                 "one of expand, expand_zip and expand_kwargs says what is mapped over");
}

std::optional<ExpandEntry> ReadExpand(Key key, const Entry& entry, bool for_group, Reporter& reporter) {
  const ExpandForm form = key == Key::kExpand      ? ExpandForm::kCross
                          : key == Key::kExpandZip ? ExpandForm::kZip
                                                   : ExpandForm::kKwargs;
  const std::size_t errors = reporter.errors();
  ExpandEntry read{entry, {}};
  ExpandReader(form, for_group, reporter).Read(entry, read.expand);
  if (reporter.errors() != errors) return std::nullopt;
  return read;
}

std::vector<ExpandSource> SourcesOf(const ExpandEntry& expand) {
  std::vector<ExpandSource> sources;
  const auto add = [&](NodeRef value) {
    if (!value.is_scalar() || !MayHoldATemplate(value.text())) return;
    const auto parsed = Template::Parse(value.text());
    if (!parsed) return;  // reported with all other templates
    for (const TemplateReference& reference : parsed->references()) {
      if (reference.path.size() < 2 || reference.path[0] != "tasks") continue;
      sources.push_back({fmt::format("{}", fmt::join(reference.path.begin() + 1, reference.path.end(), ".")), value});
    }
  };
  add(expand.entry.value);
  for (const Entry part : EntriesOf(expand.entry.value)) add(part.value);
  return sources;
}

void MapTasks(const std::vector<TaskExpand>& tasks, const std::vector<IndexTemplate>& names,
              const std::vector<GroupEntry>& groups, Dag& dag, Reporter& reporter) {
  Mapper mapper(groups, dag, reporter);
  for (std::size_t at = 0; at < groups.size(); ++at) {
    if (groups[at].expand) mapper.MapGroup(at);
  }
  for (const TaskExpand& task : tasks) {
    if (task.task < dag.tasks.size()) mapper.MapTask(task);
  }
  for (const IndexTemplate& name : names) {
    if (name.task < dag.tasks.size()) mapper.Name(name);
  }
}

}  // namespace pipelined::dagfile
