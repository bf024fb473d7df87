#include "dagfile/dag_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "dagfile/branch_check.h"
#include "dagfile/canonical.h"
#include "dagfile/dag_reference.h"
#include "dagfile/group_reader.h"
#include "dagfile/include_reader.h"
#include "dagfile/keys.h"
#include "dagfile/links.h"
#include "dagfile/notify_reader.h"
#include "dagfile/params_reader.h"
#include "dagfile/run_rules_reader.h"
#include "dagfile/schedule_reader.h"
#include "dagfile/task_reader.h"
#include "dagfile/template_check.h"
#include "dagfile/values.h"

namespace pipelined::dagfile {
namespace {

std::string FolderOf(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
}

std::string StemOf(const std::string& file) {
  std::string name = file.substr(file.rfind('/') + 1);  // npos + 1 is 0
  if (const std::size_t dot = name.rfind('.'); dot != std::string::npos && dot > 0) name.resize(dot);
  return name;
}

// Bytes that a task holds; defaults are copied into every task, which multiplies them.
std::size_t TextOf(const Task& task) {
  std::size_t bytes = task.doc_md.size() + task.working_dir.size() + task.owner.size() + task.pool.size();
  for (const Env* env : {&task.env, &task.outer_env}) {
    for (const auto& [name, value] : *env) bytes += name.size() + value.size() + 2 * sizeof(std::string);
  }
  for (const std::string& uri : task.inlets) bytes += uri.size() + sizeof(std::string);
  for (const std::string& uri : task.outlets) bytes += uri.size() + sizeof(std::string);
  bytes += (task.retry.exit_codes.size() + task.skip_exit_codes.size()) * sizeof(int);
  bytes += task.when.size();
  return bytes;
}

class DagReader {
 public:
  DagReader(const DagContext& context, Reporter& reporter)
      : context_(context),
        reporter_(reporter),
        folder_(FolderOf(context.file)),
        task_folder_(folder_),
        dag_(std::make_shared<Dag>()),
        task_reader_(
            folder_, [this](const Entry& file) { return CalledDag(file); },
            [this](const Entry& file) { return ScriptOf(file); }, context.probes || context.was_checked, reporter),
        include_reader_({context.file, context.root, &context.read_other, context.limits}, reporter) {}

  std::shared_ptr<Dag> Read(NodeRef root) {
    const std::size_t errors = reporter_.errors();
    if (!root.is_map()) {
      reporter_.Error(Code::kWrongType, root.place(), "a DAG is a mapping of keys", "begin with tasks:");
      return nullptr;
    }
    dag_->file = context_.file;
    dag_->relative_file = context_.relative_file;
    dag_->id = StemOf(context_.file);
    task_defaults_.working_dir = folder_;

    Gather(root, false);
    for (const NodeRef& defaults : context_.defaults) Gather(defaults, true);
    ReadOwnKeys();
    CheckDagId(root);
    const std::size_t before_schedule = reporter_.errors();
    ReadSchedule(schedule_, {*context_.zones, folder_, root.place().source, context_.was_checked}, reporter_, *dag_);
    if (reporter_.errors() == before_schedule)  // what a wrong schedule means to it cannot be said
      With(Key::kOverlap, [&](const Entry& e) { ReadOverlap(e, root.place().source, reporter_, *dag_); });
    With(Key::kDeadline, [&](const Entry& e) { ReadDeadlines(e, *context_.zones, reporter_, *dag_); });
    ApplyLayers();
    With(Key::kInclude, [&](const Entry& e) { inclusions_ = include_reader_.Read(e); });
    ReadGroupsOf();
    ReadAllTasks(root);
    MapTasks(task_reader_.expands(), task_reader_.index_templates(), groups_, *dag_, reporter_);
    LinkTasks(task_reader_.dependencies(), groups_, task_reader_.expands(), *dag_, reporter_);
    CheckBranches(*dag_, task_nodes_, reporter_);
    CheckTemplates(*dag_, task_nodes_, Inherited({"env", "when"}), Inherited({"concurrency", "rate"}), reporter_);
    CheckScriptFiles(*dag_, task_reader_.script_files(), reporter_);
    CheckGroupTemplates(*dag_, groups_, reporter_);
    CheckGivenTemplates(*dag_, inclusions_, reporter_);
    if (reporter_.errors() != errors) return nullptr;
    WarnOfRequiredParams();

    std::vector<NodeRef> documents{root};
    documents.insert(documents.end(), context_.defaults.begin(), context_.defaults.end());
    const std::vector<NodeRef>& templates = include_reader_.documents();
    documents.insert(documents.end(), templates.begin(), templates.end());
    std::vector<std::string> names{folder_, dag_->id};
    names.insert(names.end(), called_.begin(), called_.end());
    for (const auto& script : scripts_) names.push_back(script->text);
    dag_->content_hash = ContentHash(documents, names);
    return dag_;
  }

 private:
  std::optional<Entry>& Slot(Key key) { return entries_[static_cast<std::size_t>(key)]; }

  // Takes the keys of one layer that no nearer layer has. `env` and `default_args` are merged, so that all layers
  // count.
  void Gather(NodeRef layer, bool is_defaults) {
    EachKey(layer, kDagKeys, is_defaults ? "defaults.yaml" : "a DAG", reporter_, [&](Key key, const Entry& entry) {
      if (is_defaults &&
          (key == Key::kDagId || key == Key::kTasks || key == Key::kTaskGroups || key == Key::kInclude)) {
        reporter_.Error(Code::kMisplacedKey, entry.key.place(),
                        fmt::format("{} does not belong in defaults.yaml", entry.name()));
      } else if (key == Key::kEnv) {
        env_layers_.push_back(entry);
      } else if (key == Key::kDefaultArgs) {
        default_args_.push_back(entry);
      } else if (!Slot(key)) {
        Slot(key) = entry;
      }
    });
  }

  template <class Read>
  void With(Key key, Read read) {
    if (const auto& entry = Slot(key)) read(*entry);
  }

  void ReadOwnKeys() {
    Dag& dag = *dag_;
    With(Key::kDagId, [&](const Entry& e) { ReadText(e, reporter_, dag.id); });
    With(Key::kDescription, [&](const Entry& e) { ReadText(e, reporter_, dag.description); });
    With(Key::kDocMd, [&](const Entry& e) { ReadText(e, reporter_, dag.doc_md); });
    With(Key::kOwner, [&](const Entry& e) { ReadText(e, reporter_, dag.owner); });
    With(Key::kTags, [&](const Entry& e) { ReadTexts(e, reporter_, dag.tags); });
    With(Key::kMaxActiveRuns, [&](const Entry& e) { ReadInt(e, reporter_, dag.max_active_runs, 1); });
    With(Key::kMaxActiveTasks, [&](const Entry& e) { ReadInt(e, reporter_, dag.max_active_tasks, 1); });
    With(Key::kDagrunTimeout, [&](const Entry& e) { ReadDuration(e, reporter_, dag.dagrun_timeout); });
    With(Key::kMaxConsecutiveFailedDagRuns,
         [&](const Entry& e) { ReadInt(e, reporter_, dag.max_consecutive_failed_dag_runs, 0); });
    With(Key::kFailFast, [&](const Entry& e) { ReadBool(e, reporter_, dag.fail_fast); });
    With(Key::kPausedUponCreation, [&](const Entry& e) { ReadBool(e, reporter_, dag.is_paused_upon_creation); });
    With(Key::kParams, [&](const Entry& e) { dag.params = ReadParams(e, reporter_); });
    With(Key::kOnSuccess, [&](const Entry& e) { ReadNotifyRule(e, NotifyOn::kSuccess, reporter_, dag.notify); });
    With(Key::kOnFailure, [&](const Entry& e) { ReadNotifyRule(e, NotifyOn::kFailure, reporter_, dag.notify); });
    With(Key::kWorkingDir, [&](const Entry& e) { task_defaults_.working_dir = task_reader_.WorkingDir(e, folder_); });
    schedule_ = {Slot(Key::kSchedule), Slot(Key::kTimezone), Slot(Key::kStartDate),
                 Slot(Key::kEndDate),  Slot(Key::kCatchup),  Slot(Key::kDataInterval),
                 Slot(Key::kCalendar), Slot(Key::kJitter),   Slot(Key::kMaxActiveRuns)};
  }

  // A part of what the DAG says, though it stands in another file.
  std::optional<std::string> CalledDag(const Entry& file) {
    auto id = ReadDagIdOf(file, task_folder_, context_, reporter_);
    if (id) called_.push_back(*id);
    return id;
  }

  // A part of the version, too: a run goes on with the text that it began with.
  const SourceText* ScriptOf(const Entry& file) {
    auto script = ReadScriptFile(file, task_folder_, context_, reporter_);
    return script == nullptr ? nullptr : &scripts_.emplace_back(std::move(script))->source;
  }

  void CheckDagId(NodeRef root) {
    if (IsId(dag_->id, kLongestDagId)) return;
    const auto& entry = Slot(Key::kDagId);
    reporter_.Error(Code::kBadId, entry ? entry->place() : root.place(),
                    fmt::format("{} cannot be a dag_id", Quoted(dag_->id)),
                    fmt::format("letters, digits, _, - and ., at most {} of them{}", kLongestDagId,
                                entry ? "" : "; it was made from the name of the file: give a dag_id"));
  }

  // The farthest first, so that what is nearer comes on top.
  void ApplyLayers() {
    for (auto entry = env_layers_.rbegin(); entry != env_layers_.rend(); ++entry)
      ReadEnv(*entry, reporter_, task_defaults_.env);
    for (auto entry = default_args_.rbegin(); entry != default_args_.rend(); ++entry) {
      task_reader_.ApplyDefaults(*entry, task_defaults_);
    }
  }

  // Of the DAG file and of all templates.
  void ReadGroupsOf() {
    std::vector<GroupEntry> groups;
    With(Key::kTaskGroups, [&](const Entry& e) { groups = ReadGroups(e, "", reporter_); });
    for (const IncludedTemplate& part : inclusions_) AddGroupsOf(part, groups);
    CheckGroupIds(groups);
    groups_ = OrderGroups(std::move(groups), context_.limits->depth, reporter_);
    group_defaults_.reserve(groups_.size());
    for (const GroupEntry& group : groups_) {
      dag_->groups.push_back(group.group);
      CheckParent(group);
      group_defaults_.push_back(GroupDefaults(group));
    }
  }

  void AddGroupsOf(const IncludedTemplate& part, std::vector<GroupEntry>& groups) {
    GroupEntry group;
    group.group.id = part.id;
    group.group.tooltip = part.tooltip;
    group.key = part.key;
    group.prefix = part.outer_prefix;
    group.parent_name = part.parent;
    group.default_args = part.default_args;
    group.depends_on = part.depends_on;
    group.inclusion = part.inclusion;
    group.is_inclusion = true;
    group.default_parent = part.outer_prefix.substr(0, part.outer_prefix.size() - (part.outer_prefix.empty() ? 0 : 1));
    groups.push_back(std::move(group));
    if (!part.task_groups) return;
    for (GroupEntry& inner : ReadGroups(*part.task_groups, part.inclusion->prefix, reporter_)) {
      inner.inclusion = part.inclusion;
      inner.default_parent = part.id;
      groups.push_back(std::move(inner));
    }
  }

  // Within one file a second one is a duplicate key.
  void CheckGroupIds(const std::vector<GroupEntry>& groups) {
    std::set<std::string_view> ids;
    for (const GroupEntry& group : groups) {
      if (ids.insert(group.group.id).second || group.inclusion == nullptr) continue;
      reporter_.Error(Code::kDuplicateKey, group.key.place(),
                      fmt::format("there is a group {} already", Quoted(group.group.id)),
                      "give one of them another id");
    }
  }

  // What a template brings is closed: its names and params are its own.
  void CheckParent(const GroupEntry& group) {
    if (!group.parent) return;
    const auto& written_in = group.is_inclusion ? group.inclusion->outer : group.inclusion;
    if (groups_[*group.parent].inclusion == written_in) return;
    reporter_.Error(Code::kUnknownGroup, group.parent_name ? group.parent_name->place() : group.key.place(),
                    fmt::format("the group {} comes with a template", Quoted(groups_[*group.parent].group.id)),
                    "what stands in it is said by the template alone");
  }

  std::shared_ptr<const Task> GroupDefaults(const GroupEntry& group) {
    std::shared_ptr<const Task> defaults = group.parent ? group_defaults_[*group.parent] : nullptr;
    if (group.is_inclusion && group.inclusion->outer != nullptr) defaults = from_outside_[group.inclusion->outer.get()];
    if (group.default_args && text_ <= context_.limits->text) {
      auto own = std::make_shared<Task>(defaults == nullptr ? task_defaults_ : *defaults);
      task_reader_.ApplyDefaults(*group.default_args, *own);
      text_ += TextOf(*own);
      defaults = std::move(own);
    }
    if (!group.is_inclusion) return defaults;
    from_outside_[group.inclusion.get()] = defaults;
    return TemplateDefaults(group, defaults == nullptr ? task_defaults_ : *defaults);
  }

  // What the tasks of a template stand on: the DAG's defaults as they mean them in the DAG, and the template's own.
  std::shared_ptr<const Task> TemplateDefaults(const GroupEntry& group, const Task& outside) {
    auto own = std::make_shared<Task>(outside);
    own->inclusion = group.inclusion;
    own->outer_env = std::exchange(own->env, {});
    own->outer_when = !own->when.empty();
    own->outer_working_dir = true;
    for (const IncludedTemplate& part : inclusions_) {
      if (part.inclusion != group.inclusion || !part.own_default_args) continue;
      task_reader_.SetFolder(FolderOf(part.file));
      task_reader_.ApplyDefaults(*part.own_default_args, *own);
      task_reader_.SetFolder(folder_);
    }
    text_ += TextOf(*own);
    return own;
  }

  // Those of the group that the task says it is in, on top of those of the file.
  const Task& DefaultsOf(const Entry& task, const GroupNames& names, const IncludedTemplate* part) const {
    const Task* of_file = part == nullptr ? nullptr : group_defaults_[*names.Find(part->id)].get();
    if (of_file == nullptr) of_file = &task_defaults_;
    for (const Entry key : EntriesOf(task.value)) {
      if (key.name() != "group" || !key.value.is_scalar()) continue;
      const auto at = names.Find(key.value, of_file->LongId(""), reporter_);
      if (!at) continue;
      if (groups_[*at].inclusion != of_file->inclusion) {
        reporter_.Error(Code::kUnknownGroup, key.place(),
                        fmt::format("the group {} comes with a template", Quoted(groups_[*at].group.id)),
                        "what stands in it is said by the template alone");
      } else if (group_defaults_[*at] != nullptr) {
        return *group_defaults_[*at];
      }
    }
    return *of_file;
  }

  void ReadAllTasks(NodeRef root) {
    const GroupNames names(groups_);
    const bool only_templates = !Slot(Key::kTasks) && Slot(Key::kInclude);
    if (!only_templates) ReadTasks(root, Slot(Key::kTasks), names, nullptr);
    for (const IncludedTemplate& part : inclusions_) {
      if (!part.tasks) continue;
      task_folder_ = FolderOf(part.file);
      task_reader_.SetFolder(task_folder_);
      ReadTasks(root, part.tasks, names, &part);
    }
    task_reader_.SetFolder(folder_);
    if (!inclusions_.empty()) CheckTaskIds();
  }

  void CheckTaskIds() {
    std::set<std::string_view> ids;
    for (TaskNo no = 0; no < dag_->tasks.size(); ++no) {
      if (ids.insert(dag_->tasks[no].id).second || dag_->tasks[no].inclusion == nullptr) continue;
      reporter_.Error(Code::kDuplicateKey, task_nodes_[no].place(),
                      fmt::format("there is a task {} already", Quoted(dag_->tasks[no].id)),
                      "give one of them another id");
    }
  }

  void ReadTasks(NodeRef root, const std::optional<Entry>& tasks, const GroupNames& names,
                 const IncludedTemplate* part) {
    if (!tasks) {
      reporter_.Error(Code::kMissingKey, root.place(), "a DAG needs tasks", "give it tasks: with at least one task");
      return;
    }
    if (tasks->value.is_list())
      return ReportType(*tasks, reporter_, "a mapping of ids to tasks",
                        "write `my_task: {bash: …}`, not `- id: my_task`");
    if (!tasks->value.is_map() || !tasks->value.First()) {
      reporter_.Error(tasks->value.is_scalar() ? Code::kWrongType : Code::kMissingKey, tasks->place(),
                      "tasks needs at least one task", "for example my_task: {bash: echo hello}");
      return;
    }
    for (const Entry entry : EntriesOf(tasks->value)) {
      if (entry.name() == "<<" && entry.key.is_plain()) continue;
      if (dag_->owner.empty() && !task_defaults_.owner.empty()) dag_->owner = task_defaults_.owner;
      dag_->tasks.push_back(task_reader_.Read(entry, DefaultsOf(entry, names, part)));
      task_nodes_.push_back(entry.value);
      if (part != nullptr && dag_->tasks.back().group.empty()) dag_->tasks.back().group = part->id;
      text_ += TextOf(dag_->tasks.back());
      if (text_ > context_.limits->text) {
        reporter_.Error(Code::kTooMuchText, entry.key.place(),
                        fmt::format("the tasks up to this one hold more than {} MiB, defaults included",
                                    context_.limits->text >> 20),
                        "make the env or the default_args smaller");
        return;
      }
    }
  }

  // What stands under these keys where it holds for many tasks.
  std::vector<NodeRef> Inherited(const std::array<std::string_view, 2>& keys) const {
    std::vector<NodeRef> values;
    if (keys[0] == "env") {
      for (const Entry& entry : env_layers_) values.push_back(entry.value);
    }
    std::vector<Entry> default_args = default_args_;
    for (const GroupEntry& group : groups_) {
      if (group.default_args) default_args.push_back(*group.default_args);
    }
    for (const Entry& args : default_args) {
      for (const Entry entry : EntriesOf(args.value)) {
        if (std::find(keys.begin(), keys.end(), entry.name()) != keys.end()) values.push_back(entry.value);
      }
    }
    return values;
  }

  // Nobody gives a scheduled run its params.
  void WarnOfRequiredParams() {
    if (dag_->schedule.kind == ScheduleKind::kNone) return;
    for (const Param& param : dag_->params) {
      if (param.default_value) continue;
      reporter_.Warning(
          Code::kBadParam, Slot(Key::kParams)->key.place(),
          fmt::format("the param {} has no default, so that scheduled runs will fail", Quoted(param.name)),
          "give it a default");
    }
  }

  const DagContext& context_;
  Reporter& reporter_;
  std::string folder_;
  std::string task_folder_;          // of the file from which tasks are read now
  std::vector<std::string> called_;  // ids of DAGs that are named by their files
  std::vector<std::unique_ptr<FileText>> scripts_;
  std::shared_ptr<Dag> dag_;
  TaskReader task_reader_;
  IncludeReader include_reader_;
  std::vector<IncludedTemplate> inclusions_;
  std::vector<NodeRef> task_nodes_;  // what each task was read from
  // What the DAG gives to the tasks of an inclusion, and of those within it; nullptr: its own defaults.
  std::map<const Inclusion*, std::shared_ptr<const Task>> from_outside_;
  Task task_defaults_;
  std::vector<GroupEntry> groups_;
  std::vector<std::shared_ptr<const Task>> group_defaults_;  // of each group; nullptr: the DAG's
  std::size_t text_ = 0;                                     // of what was read so far
  std::array<std::optional<Entry>, 80> entries_{};
  std::vector<Entry> env_layers_, default_args_;  // nearest first
  ScheduleEntries schedule_;
};

}  // namespace

std::shared_ptr<Dag> ReadDag(NodeRef root, const DagContext& context, Reporter& reporter) {
  return DagReader(context, reporter).Read(root);
}

}  // namespace pipelined::dagfile
