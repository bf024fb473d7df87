#include "dagfile/dag_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "dagfile/branch_check.h"
#include "dagfile/canonical.h"
#include "dagfile/group_reader.h"
#include "dagfile/keys.h"
#include "dagfile/links.h"
#include "dagfile/params_reader.h"
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
  for (const auto& [name, value] : task.env) bytes += name.size() + value.size() + 2 * sizeof(std::string);
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
        dag_(std::make_shared<Dag>()),
        task_reader_(folder_, reporter) {}

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
    ReadSchedule(schedule_, {*context_.zones, folder_, root.place().source, context_.was_checked}, reporter_, *dag_);
    ApplyLayers();
    ReadGroupsOf();
    ReadTasks(root);
    MapTasks(task_reader_.expands(), task_reader_.index_templates(), groups_, *dag_, reporter_);
    LinkTasks(task_reader_.dependencies(), groups_, task_reader_.expands(), *dag_, reporter_);
    if (Slot(Key::kTasks)) {
      CheckBranches(*dag_, Slot(Key::kTasks)->value, reporter_);
      CheckTemplates(*dag_, Slot(Key::kTasks)->value, InheritedTemplates(), reporter_);
      CheckGroupTemplates(*dag_, groups_, reporter_);
    }
    if (reporter_.errors() != errors) return nullptr;
    WarnOfRequiredParams();

    std::vector<NodeRef> documents{root};
    documents.insert(documents.end(), context_.defaults.begin(), context_.defaults.end());
    dag_->content_hash = ContentHash(documents, {folder_, dag_->id});
    return dag_;
  }

 private:
  std::optional<Entry>& Slot(Key key) { return entries_[static_cast<std::size_t>(key)]; }

  // Takes the keys of one layer that no nearer layer has. `env` and `default_args` are merged, so that all layers
  // count.
  void Gather(NodeRef layer, bool is_defaults) {
    EachKey(layer, kDagKeys, is_defaults ? "defaults.yaml" : "a DAG", reporter_, [&](Key key, const Entry& entry) {
      if (is_defaults && (key == Key::kDagId || key == Key::kTasks || key == Key::kTaskGroups)) {
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
    With(Key::kFailFast, [&](const Entry& e) { ReadBool(e, reporter_, dag.fail_fast); });
    With(Key::kPausedUponCreation, [&](const Entry& e) { ReadBool(e, reporter_, dag.is_paused_upon_creation); });
    With(Key::kParams, [&](const Entry& e) { dag.params = ReadParams(e, reporter_); });
    With(Key::kWorkingDir, [&](const Entry& e) { task_defaults_.working_dir = task_reader_.WorkingDir(e, folder_); });
    schedule_ = {Slot(Key::kSchedule), Slot(Key::kTimezone), Slot(Key::kStartDate),
                 Slot(Key::kEndDate),  Slot(Key::kCatchup),  Slot(Key::kDataInterval),
                 Slot(Key::kCalendar), Slot(Key::kJitter),   Slot(Key::kMaxActiveRuns)};
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

  void ReadGroupsOf() {
    With(Key::kTaskGroups, [&](const Entry& e) { groups_ = ReadGroups(e, context_.limits->depth, reporter_); });
    group_defaults_.reserve(groups_.size());
    for (const GroupEntry& group : groups_) {
      dag_->groups.push_back(group.group);
      auto defaults = group.parent ? group_defaults_[*group.parent] : nullptr;
      if (group.default_args && text_ <= context_.limits->text) {
        auto own = std::make_shared<Task>(defaults == nullptr ? task_defaults_ : *defaults);
        task_reader_.ApplyDefaults(*group.default_args, *own);
        text_ += TextOf(*own);
        defaults = std::move(own);
      }
      group_defaults_.push_back(std::move(defaults));
    }
  }

  // Those of the group that the task says it is in, on top of the DAG's.
  const Task& DefaultsOf(const Entry& task, const GroupNames& names) const {
    for (const Entry part : EntriesOf(task.value)) {
      if (part.name() != "group" || !part.value.is_scalar()) continue;
      const auto at = names.Find(part.value, reporter_);
      if (at && group_defaults_[*at] != nullptr) return *group_defaults_[*at];
    }
    return task_defaults_;
  }

  void ReadTasks(NodeRef root) {
    const auto& tasks = Slot(Key::kTasks);
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
    const GroupNames names(groups_);
    for (const Entry entry : EntriesOf(tasks->value)) {
      if (entry.name() == "<<" && entry.key.is_plain()) continue;
      if (dag_->owner.empty() && !task_defaults_.owner.empty()) dag_->owner = task_defaults_.owner;
      dag_->tasks.push_back(task_reader_.Read(entry, DefaultsOf(entry, names)));
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

  std::vector<NodeRef> InheritedTemplates() const {
    std::vector<NodeRef> templates;
    for (const Entry& entry : env_layers_) templates.push_back(entry.value);
    std::vector<Entry> default_args = default_args_;
    for (const GroupEntry& group : groups_) {
      if (group.default_args) default_args.push_back(*group.default_args);
    }
    for (const Entry& args : default_args) {
      for (const Entry entry : EntriesOf(args.value)) {
        if (entry.name() == "env" || entry.name() == "when") templates.push_back(entry.value);
      }
    }
    return templates;
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
  std::shared_ptr<Dag> dag_;
  TaskReader task_reader_;
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
