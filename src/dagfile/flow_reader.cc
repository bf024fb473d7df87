#include "dagfile/flow_reader.h"

#include <fmt/format.h>

#include "dagfile/keys.h"
#include "dagfile/template_check.h"
#include "dagfile/values.h"

namespace pipelined::dagfile {

bool ReadCondition(const Entry& entry, Reporter& reporter, std::string& out) {
  std::string text;
  if (!ReadWord(entry, reporter, text)) return false;
  if (!MayHoldATemplate(text)) {
    const auto literal = BoolOf(entry.value);
    if (!literal) {
      reporter.Error(Code::kBadValue, entry.place(),
                     fmt::format("{} needs a template, or true or false, not {}", entry.name(), Quoted(text)),
                     "for example \"{{ params.size > 10 }}\"");
      return false;
    }
    text = *literal ? "true" : "false";
  }
  out = std::move(text);
  return true;
}

void ReadBranch(const Entry& entry, Reporter& reporter, Task& task) {
  task.action.kind = ActionKind::kBranch;
  std::vector<std::string> words;
  if (!ReadTexts(entry, reporter, words)) return;
  for (const std::string& word : words) {
    if (word.empty()) words.clear();
    if (words.empty()) break;
  }
  if (words.empty()) {
    reporter.Error(Code::kBadValue, entry.place(), "branch needs the ids of tasks or groups to follow",
                   "for example \"{{ params.side }}\" or [left, right]");
  }
  task.action.words = std::move(words);
}

void ReadShortCircuit(const Entry& entry, Reporter& reporter, Task& task) {
  task.action.kind = ActionKind::kShortCircuit;
  task.action.words.assign(1, "true");
  if (!entry.value.is_map()) return void(ReadCondition(entry, reporter, task.action.words[0]));
  bool found = false;
  EachKey(entry.value, kShortCircuitKeys, "short_circuit", reporter, [&](Key key, const Entry& part) {
    if (key == Key::kCondition) {
      found = true;
      ReadCondition(part, reporter, task.action.words[0]);
    } else {
      ReadBool(part, reporter, task.ignore_downstream_trigger_rules);
    }
  });
  if (!found) reporter.Error(Code::kMissingKey, entry.place(), "short_circuit needs a condition");
}

void ReadSkipExitCodes(const Entry& entry, Reporter& reporter, std::vector<int>& out) {
  std::vector<int> codes;
  const auto read = [&](NodeRef node) {
    std::int32_t code = 0;
    if (ReadInt({entry.key, node}, reporter, code, 1, 255)) codes.push_back(code);
  };
  if (entry.value.is_list()) {
    for (const NodeRef item : ItemsOf(entry.value)) read(item);
  } else if (!entry.value.is_null()) {
    read(entry.value);
  }
  out = std::move(codes);
}

void ReadRepeat(const Entry& entry, Reporter& reporter, Repeat& out) {
  if (!RequireMap(entry, reporter, "a mapping with until")) return;
  const std::size_t errors = reporter.errors();
  EachKey(entry.value, kRepeatKeys, "repeat", reporter, [&](Key key, const Entry& part) {
    if (key == Key::kUntil) ReadCondition(part, reporter, out.until);
    if (key == Key::kDelay) ReadDuration(part, reporter, out.delay);
    if (key == Key::kMax) ReadInt(part, reporter, out.max, 1);
  });
  if (out.until.empty() && reporter.errors() == errors)
    reporter.Error(Code::kMissingKey, entry.place(), "repeat needs until",
                   "for example until: \"{{ tasks.poll.ready }}\"");
}

void CheckRepeat(const Entry& entry, Reporter& reporter, const Task& task) {
  const ActionKind kind = task.action.kind;
  if (kind != ActionKind::kEmpty && !IsDecision(kind) && !WaitsOutside(kind)) return;
  reporter.Error(Code::kRepeat, entry.key.place(),
                 fmt::format("task {} has no command that could be repeated", Quoted(task.id)),
                 "repeat belongs to bash, exec and python");
}

void CheckRole(const RoleEntries& entries, Reporter& reporter, Task& task) {
  if (task.setup && task.teardown) {
    reporter.Error(Code::kSetupAndTeardown, entries.teardown->key.place(),
                   fmt::format("task {} is both a setup and a teardown", Quoted(task.id)), "make two tasks of it");
  }
  if (task.on_failure_fail_dagrun && !task.teardown) {
    reporter.Error(Code::kNotATeardown, entries.on_failure_fail_dagrun->key.place(),
                   fmt::format("on_failure_fail_dagrun is for teardowns, and task {} is none", Quoted(task.id)),
                   "a failure of any other task counts by itself: take the key away, or add teardown: true");
  }
  if (!task.teardown) return;
  if (entries.trigger_rule && task.trigger_rule != TriggerRule::kAllDoneSetupSuccess) {
    reporter.Error(
        Code::kTeardownRule, entries.trigger_rule->place(),
        fmt::format("a teardown has the trigger_rule all_done_setup_success, not {}", ToString(task.trigger_rule)),
        "take the key away");
  }
  task.trigger_rule = TriggerRule::kAllDoneSetupSuccess;
}

}  // namespace pipelined::dagfile
