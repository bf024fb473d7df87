#include "dagfile/task_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "dagfile/asset_reader.h"
#include "dagfile/invocation_reader.h"
#include "dagfile/keys.h"
#include "dagfile/limits_reader.h"
#include "dagfile/notify_reader.h"
#include "dagfile/sensor_reader.h"
#include "dagfile/values.h"

namespace pipelined::dagfile {
namespace {

constexpr std::array<std::string_view, 13> kTriggerRules{"all_success",
                                                         "all_failed",
                                                         "all_done",
                                                         "all_done_min_one_success",
                                                         "one_success",
                                                         "one_failed",
                                                         "one_done",
                                                         "none_failed",
                                                         "none_failed_min_one_success",
                                                         "none_skipped",
                                                         "all_skipped",
                                                         "always",
                                                         "all_done_setup_success"};
constexpr std::array<std::string_view, 3> kWeightRules{"downstream", "upstream", "absolute"};
constexpr std::array<std::string_view, 2> kOnLostWords{"fail", "retry"};

}  // namespace

bool IsId(std::string_view id, std::size_t longest) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  return !id.empty() && id.size() <= longest && id != "." && id != ".." && std::all_of(id.begin(), id.end(), allowed);
}

void TaskReader::ApplyDefaults(const Entry& default_args, Task& task) {
  if (!RequireMap(default_args, reporter_, "a mapping of task keys")) return;
  EachKey(default_args.value, kTaskKeys, "default_args", reporter_, [&](Key key, const Entry& entry) {
    if (IsOfOneTask(key)) {
      reporter_.Error(Code::kMisplacedKey, entry.key.place(),
                      fmt::format("{} does not belong in default_args", entry.name()), "give it to each task");
    } else {
      Apply(key, entry, task);
    }
  });
}

Task TaskReader::Read(const Entry& entry, const Task& defaults) {
  Task task = defaults;
  task.id = task.LongId(entry.name());
  prefix_ = task.LongId("");
  task.line = entry.key.line();
  if (!IsId(entry.name(), kLongestTaskId) || task.id.size() > kLongestTaskId) {
    reporter_.Error(Code::kBadId, entry.key.place(), fmt::format("{} cannot be the id of a task", Quoted(task.id)),
                    fmt::format("letters, digits, _, - and ., at most {} of them", kLongestTaskId));
  }
  const std::size_t errors = reporter_.errors();
  action_.reset();
  role_ = {};
  repeat_.reset();
  retry_on_.reset();
  skip_on_.reset();
  invocation_.clear();
  if (RequireMap(entry, reporter_, "a mapping with an action")) {
    EachKey(entry.value, kTaskKeys, "a task", reporter_, [&](Key key, const Entry& part) {
      if (key == Key::kTriggerRule) role_.trigger_rule = part;
      if (key == Key::kRetryOn) retry_on_ = part;
      if (key == Key::kSkipOnExitCode) skip_on_ = part;
      if (key == Key::kStdin || key == Key::kShell || key == Key::kUmask || key == Key::kNice)
        invocation_.push_back(part);
      Apply(key, part, task);
    });
    TakeMappedAction(entry, task);
    CheckRole(role_, reporter_, task);
    if (repeat_) CheckRepeat(*repeat_, reporter_, task);
    CheckExitCodes(task);
    if (action_) CheckInvocation(invocation_, reporter_, task);
    if (!action_ && reporter_.errors() == errors) {
      reporter_.Error(Code::kNoAction, entry.key.place(), fmt::format("task {} has no action", Quoted(entry.name())),
                      "give it one of bash, exec, python, ssh, http, sql, sqlite, mail, sensor, empty, branch, "
                      "short_circuit, latest_only, "
                      "trigger_dag, dag");
    }
  }
  ++next_;
  return task;
}

void TaskReader::Apply(Key key, const Entry& entry, Task& task) {
  switch (key) {
    case Key::kBash:
    case Key::kExec:
    case Key::kPython:
    case Key::kEmpty:
    case Key::kBranch:
    case Key::kShortCircuit:
    case Key::kLatestOnly:
    case Key::kTriggerDag:
    case Key::kSubDag:
    case Key::kSensor:
    case Key::kHttp:
    case Key::kSql:
    case Key::kSqlite:
    case Key::kMail:
    case Key::kSsh:
      return ReadAction(key, entry, task);
    case Key::kStdin:
    case Key::kShell:
    case Key::kUmask:
    case Key::kNice:
      return ReadInvocation(key, entry, reporter_, task);
    case Key::kRepeat:
      repeat_ = entry;
      return ReadRepeat(entry, reporter_, task.repeat);
    case Key::kWhen:
      task.outer_when = false;
      return void(ReadCondition(entry, reporter_, task.when));
    case Key::kSkipOnExitCode:
      return ReadSkipExitCodes(entry, reporter_, task.skip_exit_codes);
    case Key::kGroup:
      if (ReadWord(entry, reporter_, task.group)) task.group = task.LongId(task.group);
      return;
    case Key::kSetup:
      return void(ReadBool(entry, reporter_, task.setup));
    case Key::kTeardown:
      role_.teardown = entry;
      return void(ReadBool(entry, reporter_, task.teardown));
    case Key::kOnFailureFailDagrun:
      role_.on_failure_fail_dagrun = entry;
      return void(ReadBool(entry, reporter_, task.on_failure_fail_dagrun));
    case Key::kDependsOn:
      for (const NodeRef name : ReadDependsOn(entry, reporter_)) dependencies_.push_back({next_, name, prefix_});
      return;
    case Key::kExpand:
    case Key::kExpandZip:
    case Key::kExpandKwargs:
      return ReadTaskExpand(key, entry);
    case Key::kMapIndexTemplate: {
      std::string text;
      if (ReadWord(entry, reporter_, text)) index_templates_.push_back({next_, entry});
      return;
    }
    case Key::kTriggerRule:
      if (const auto n = ReadChoice(entry, kTriggerRules, reporter_))
        task.trigger_rule = *TriggerRuleFromString(kTriggerRules[*n]);
      return;
    case Key::kRetries:
      return void(ReadInt(entry, reporter_, task.retry.retries, 0));
    case Key::kRetryDelay:
      return void(ReadDuration(entry, reporter_, task.retry.delay));
    case Key::kRetryBackoff:
      return ReadBackoff(entry, task.retry);
    case Key::kMaxRetryDelay: {
      Micros most{};
      if (ReadDuration(entry, reporter_, most)) task.retry.max_delay = most;
      return;
    }
    case Key::kRetryOn:
      return ReadRetryOn(entry, task.retry);
    case Key::kExecutionTimeout:
      return void(ReadDuration(entry, reporter_, task.execution_timeout));
    case Key::kPool:
      return void(ReadWord(entry, reporter_, task.pool));
    case Key::kPoolSlots:
      return void(ReadInt(entry, reporter_, task.pool_slots, 1));
    case Key::kPriorityWeight:
      return void(ReadInt(entry, reporter_, task.priority_weight, std::numeric_limits<std::int32_t>::min()));
    case Key::kMaxActiveTisPerDag:
      return ReadMaxActive(entry, reporter_, task.max_active_tis_per_dag);
    case Key::kMaxActiveTisPerDagrun:
      return ReadMaxActive(entry, reporter_, task.max_active_tis_per_dagrun);
    case Key::kConcurrency:
      return ReadConcurrency(entry, reporter_, task.concurrency);
    case Key::kRate:
      return ReadRate(entry, reporter_, task.rate);
    case Key::kWeightRule:
      if (const auto n = ReadChoice(entry, kWeightRules, reporter_)) task.weight_rule = static_cast<WeightRule>(*n);
      return;
    case Key::kEnv:
      return ReadEnv(entry, reporter_, task.env);
    case Key::kWorkingDir:
      task.outer_working_dir = false;
      task.working_dir = WorkingDir(entry, std::move(task.working_dir));
      return;
    case Key::kRunAsUser:
      return void(ReadWord(entry, reporter_, task.run_as_user));
    case Key::kInlets:
      return void(ReadAssets(entry, reporter_, task.inlets));
    case Key::kOutlets:
      return void(ReadAssets(entry, reporter_, task.outlets));
    case Key::kOnLost:
      if (const auto n = ReadChoice(entry, kOnLostWords, reporter_)) task.on_lost = static_cast<OnLost>(*n);
      return;
    case Key::kDependsOnPast:
      return void(ReadBool(entry, reporter_, task.depends_on_past));
    case Key::kWaitForDownstream:
      return void(ReadBool(entry, reporter_, task.wait_for_downstream));
    case Key::kIgnoreFirstDependsOnPast:
      return void(ReadBool(entry, reporter_, task.ignore_first_depends_on_past));
    case Key::kOnSuccess:
      return ReadNotifyRule(entry, NotifyOn::kSuccess, reporter_, task.notify);
    case Key::kOnFailure:
      return ReadNotifyRule(entry, NotifyOn::kFailure, reporter_, task.notify);
    case Key::kOnRetry:
      return ReadNotifyRule(entry, NotifyOn::kRetry, reporter_, task.notify);
    case Key::kOnSkipped:
      return ReadNotifyRule(entry, NotifyOn::kSkipped, reporter_, task.notify);
    case Key::kOwner:
      return void(ReadText(entry, reporter_, task.owner));
    case Key::kDocMd:
      return void(ReadText(entry, reporter_, task.doc_md));
    default:
      return;
  }
}

void TaskReader::ReadTaskExpand(Key key, const Entry& entry) {
  if (!expands_.empty() && expands_.back().task == next_) return ReportSecondExpand(entry, reporter_);
  if (auto read = ReadExpand(key, entry, false, reporter_)) expands_.push_back({next_, std::move(*read)});
}

// What each instance runs may stand in the expand alone.
void TaskReader::TakeMappedAction(const Entry& task, Task& out) {
  if (expands_.empty() || expands_.back().task != next_) return;
  for (const ExpandValue& value : expands_.back().expand.expand.values) {
    if (value.name != "bash" && value.name != "exec") continue;
    const ActionKind kind = value.name == "bash" ? ActionKind::kBash : ActionKind::kExec;
    if (action_ && out.action.kind != kind) {
      reporter_.Error(
          Code::kManyActions, expands_.back().expand.entry.key.place(),
          fmt::format("a task has one action: it is {} already, and mapped over {}", action_->name(), value.name));
      return;
    }
    if (!action_) out.action = Action{kind, {""}};
    action_ = task;
  }
}

std::string TaskReader::WorkingDir(const Entry& entry, std::string old) {
  std::string text;
  if (!ReadWord(entry, reporter_, text)) return old;
  return text.starts_with('/') || text.starts_with("{{") ? text : folder_ + "/" + text;
}

void TaskReader::ReadAction(Key key, const Entry& entry, Task& task) {
  if (action_) {
    reporter_.Error(Code::kManyActions, entry.key.place(),
                    fmt::format("a task has one action, and {} is there already", action_->name()),
                    "make two tasks of it");
    return;
  }
  action_ = entry;
  if (key == Key::kSensor || key == Key::kHttp || key == Key::kSql || key == Key::kSqlite || key == Key::kMail) {
    const SourceText* file = key == Key::kSensor ? ReadSensor(entry, text_of_file_, reporter_, task)
                                                 : ReadWorkerAction(key, entry, text_of_file_, reporter_, task);
    if (file != nullptr) script_files_.push_back({next_, file});
    return;
  }
  if (key == Key::kPython) return ReadPython(entry, text_of_file_, reporter_, task);
  if (key == Key::kSsh) return ReadSsh(entry, reporter_, task);
  if (key == Key::kBranch) return ReadBranch(entry, reporter_, task);
  if (key == Key::kShortCircuit) return ReadShortCircuit(entry, reporter_, task);
  if (key == Key::kTriggerDag) return ReadTriggerDag(entry, reporter_, task);
  if (key == Key::kSubDag) return ReadSubDag(entry, dag_of_file_, reporter_, task);
  if (key == Key::kEmpty || key == Key::kLatestOnly) {
    bool on = true;
    if (ReadBool(entry, reporter_, on) && !on) {
      reporter_.Error(
          Code::kBadValue, entry.place(),
          key == Key::kEmpty ? "an empty task is written `empty: true`" : "it is written `latest_only: true`");
    }
    task.action.kind = key == Key::kEmpty ? ActionKind::kEmpty : ActionKind::kLatestOnly;
    return;
  }
  if (key == Key::kBash) {
    task.action.kind = ActionKind::kBash;
    task.action.words.resize(1);
    return void(ReadWord(entry, reporter_, task.action.words[0]));
  }
  task.action.kind = ActionKind::kExec;
  if (!entry.value.is_list()) {
    ReportType(entry, reporter_, "a list of words",
               "for example exec: [/bin/echo, hello]; for a line of shell use bash");
  } else if (ReadTexts(entry, reporter_, task.action.words) &&
             (task.action.words.empty() || task.action.words[0].empty())) {
    reporter_.Error(Code::kBadValue, entry.place(), "exec needs a program as its first word");
  }
}

void TaskReader::ReadBackoff(const Entry& entry, RetryPolicy& retry) {
  const ScalarKind kind = entry.value.is_scalar() ? KindOf(entry.value) : ScalarKind::kText;
  if (kind == ScalarKind::kInt || kind == ScalarKind::kFloat) {
    const double multiplier = ToValue(entry.value).number();
    if (multiplier < 0 || multiplier > 1000) {
      reporter_.Error(Code::kBadValue, entry.place(), fmt::format("{} must lie between 0 and 1000", entry.name()));
    } else {
      retry.multiplier = multiplier;
    }
    return;
  }
  bool on = false;
  if (entry.value.is_scalar() && ReadBool(entry, reporter_, on)) {
    retry.multiplier = on ? 2 : 0;
  } else if (!entry.value.is_scalar()) {
    ReportType(entry, reporter_, "true, false or a multiplier");
  }
}

void TaskReader::ReadRetryOn(const Entry& entry, RetryPolicy& retry) {
  if (!RequireMap(entry, reporter_, "a mapping with exit_codes")) return;
  EachKey(entry.value, kRetryOnKeys, "retry_on", reporter_, [&](Key, const Entry& part) {
    if (!part.value.is_list())
      return ReportType(part, reporter_, "a list of exit codes", "for example {exit_codes: [75]}");
    retry.exit_codes.clear();
    for (const NodeRef item : ItemsOf(part.value)) {
      std::int32_t code = 0;
      if (ReadInt({part.key, item}, reporter_, code, 0, 255)) retry.exit_codes.push_back(code);
    }
  });
}

// What has no exit code would never be tried again. Defaults are meant for the commands among the tasks.
void TaskReader::CheckExitCodes(Task& task) {
  const ActionKind kind = task.action.kind;
  if (!IsWorkerAction(kind) && !WaitsOutside(kind)) return;
  task.retry.exit_codes.clear();
  for (const auto& [key, entry] : {std::pair("retry_on", &retry_on_), std::pair("skip_on_exit_code", &skip_on_)}) {
    if (!*entry) continue;
    reporter_.Error(Code::kBadValue, (*entry)->key.place(),
                    fmt::format("task {} has no exit code that {} could ask for", Quoted(task.id), key),
                    fmt::format("{} belongs to bash, exec, python and ssh", key));
  }
}

std::vector<NodeRef> ReadDependsOn(const Entry& entry, Reporter& reporter) {
  std::vector<NodeRef> names;
  if (entry.value.is_scalar()) return {entry.value};
  if (!entry.value.is_list()) ReportType(entry, reporter, "a list of ids");
  for (const NodeRef item : ItemsOf(entry.value)) {
    if (item.is_scalar()) {
      names.push_back(item);
    } else {
      reporter.Error(Code::kWrongType, item.is_null() ? entry.key.place() : item.place(),
                     "depends_on needs ids of tasks or groups");
    }
  }
  return names;
}

}  // namespace pipelined::dagfile
