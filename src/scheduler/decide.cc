#include "scheduler/decide.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "pipelined/timetable/timetable.h"
#include "scheduler/branch_ways.h"
#include "scheduler/try_templates.h"

namespace pipelined {
namespace {

AttemptFinished EndOf(const LaunchRequest& request, TryOutcome outcome, Instant now, std::string message = {}) {
  AttemptFinished end;
  end.attempt = request.attempt.attempt;
  end.outcome = outcome;
  end.start = end.end = now;
  end.message = std::move(message);
  return end;
}

std::string Trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// As Jinja and Python have it.
bool IsTrue(const Value& value) {
  if (value.is_bool()) return value.boolean();
  if (value.is_number()) return value.number() != 0;
  if (value.is_string()) return !value.string().empty();
  if (value.is_list()) return !value.list().empty();
  if (value.is_map()) return !value.map().empty();
  return false;
}

// One expression gives its value; everything else gives a text.
bool IsOneExpression(const std::string& whole) {
  const std::string text = Trimmed(whole);
  return text.starts_with("{{") && text.size() >= 4 && text.find("}}") == text.size() - 2;
}

// A text that is put together is true or false by its words: "False" would be true if only its length counted.
Result<bool> TruthOfWords(const std::string& text, const std::string& place) {
  static constexpr std::array<std::string_view, 4> kTrue{"true", "yes", "on", "1"};
  static constexpr std::array<std::string_view, 7> kFalse{"", "false", "no", "off", "0", "none", "null"};
  std::string word = Trimmed(text);
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (std::find(kTrue.begin(), kTrue.end(), word) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), word) != kFalse.end()) return false;
  return Error{ErrorCode::kInvalid,
               fmt::format("{}: it renders to \"{}\", which is neither true nor false", place, word.substr(0, 80)), ""};
}

struct Condition {
  Value value;
  bool holds = false;
};

Result<Condition> Evaluate(const TryTemplates& templates, const std::string& text, const std::string& place,
                           Secrets secrets, bool outside = false) {
  auto value = outside ? templates.EvaluateOutside(text, place, secrets) : templates.Evaluate(text, place, secrets);
  if (!value) return value.error();
  if (!value->is_string() || IsOneExpression(text)) return Condition{*value, IsTrue(*value)};
  const auto truth = TruthOfWords(value->string(), place);
  if (!truth) return Error{truth.error().code, templates.secrets().Apply(truth.error().message), truth.error().hint};
  return Condition{Value(*truth), *truth};
}

// What the words of a branch give: what its only one does, or all of them in one list.
Result<Value> BranchValue(const TryTemplates& templates, const std::vector<std::string>& words) {
  Value::List all;
  for (const std::string& word : words) {
    auto value = templates.Evaluate(word, "branch");
    if (!value) return value.error();
    if (value->is_string()) *value = Value(Trimmed(value->string()));
    if (value->is_string() && value->string().empty()) *value = Value();
    if (words.size() == 1) return value;
    if (value->is_list()) {
      all.insert(all.end(), value->list().begin(), value->list().end());
    } else if (!value->is_null()) {
      all.push_back(std::move(*value));
    }
  }
  return Value(std::move(all));
}

Value IdsOf(const Dag& dag, std::span<const TaskNo> tasks) {
  Value::List ids;
  for (const TaskNo task : tasks) ids.emplace_back(dag.tasks[task].id);
  return ids;
}

// As Airflow's branches leave it for others to read.
Value BranchOutputs(Value followed, Value result) {
  Value outputs = Value::Map{{"skipmixin_key", Value::Map{{"followed", std::move(followed)}}}};
  if (!result.is_null()) outputs.Set("return_value", std::move(result));
  return outputs;
}

Result<AttemptFinished> Branch(const LaunchRequest& request, const TryTemplates& templates, Instant now) {
  const auto value = BranchValue(templates, request.dag.tasks[request.task].action.words);
  if (!value) return value.error();
  auto follow = TasksToFollow(request.dag, request.task, *value);
  if (!follow) return EndOf(request, TryOutcome::kFailed, now, follow.error().message);
  AttemptFinished end = EndOf(request, TryOutcome::kSucceeded, now);
  end.outputs = BranchOutputs(IdsOf(request.dag, *follow), *value);
  end.decision = Decision{true, std::move(*follow)};
  return end;
}

Result<AttemptFinished> ShortCircuit(const LaunchRequest& request, const TryTemplates& templates, Instant now) {
  const auto condition =
      Evaluate(templates, request.dag.tasks[request.task].action.words.at(0), "short_circuit", Secrets::kRefused);
  if (!condition) return condition.error();
  AttemptFinished end = EndOf(request, TryOutcome::kSucceeded, now);
  if (!condition->value.is_null()) end.outputs = Value::Map{{"return_value", condition->value}};
  end.decision = Decision{condition->holds, {}};
  return end;
}

// A run by hand always is. Any other one is until the next slot of its schedule is due.
Result<bool> IsLatest(const LaunchRequest& request, const LaunchOptions& options, Instant now) {
  if (request.run.type == RunType::kManual || !request.run.interval || options.zones == nullptr) return true;
  const auto timetable = MakeTimetable(request.dag.schedule, *options.zones);
  if (!timetable) return timetable.error();
  const auto next = *timetable == nullptr ? std::nullopt : (*timetable)->Next(request.run.interval, now);
  return !next || next->run_after > now;
}

Result<AttemptFinished> LatestOnly(const LaunchRequest& request, const LaunchOptions& options, Instant now) {
  const auto latest = IsLatest(request, options, now);
  if (!latest) return latest.error();
  AttemptFinished end = EndOf(request, TryOutcome::kSucceeded, now);
  Value followed = *latest ? IdsOf(request.dag, request.dag.downstream.Of(request.task)) : Value(Value::List{});
  end.outputs = BranchOutputs(followed, followed);
  end.decision = Decision{*latest, {}};
  return end;
}

}  // namespace

Result<bool> Holds(const TryTemplates& templates, const std::string& text, const std::string& place) {
  const auto condition = Evaluate(templates, text, place, Secrets::kAllowed);
  if (!condition) return condition.error();
  return condition->holds;
}

Result<std::optional<AttemptFinished>> Decide(const LaunchRequest& request, const LaunchOptions& options, Instant now) {
  using Answer = std::optional<AttemptFinished>;
  const Task& task = request.dag.tasks[request.task];
  if (task.when.empty() && !IsDecision(task.action.kind)) return Answer();
  const auto templates = TryTemplates::Make(request, options);
  if (!templates) return templates.error();
  if (!task.when.empty()) {
    const auto when = Evaluate(**templates, task.when, "when", Secrets::kAllowed, task.outer_when);
    if (!when) return when.error();
    if (!when->holds) return Answer(EndOf(request, TryOutcome::kSkipped, now, "its condition (when) is false"));
  }
  const auto decided = [&]() -> Result<AttemptFinished> {
    if (task.action.kind == ActionKind::kBranch) return Branch(request, **templates, now);
    if (task.action.kind == ActionKind::kShortCircuit) return ShortCircuit(request, **templates, now);
    return LatestOnly(request, options, now);
  };
  if (task.action.kind == ActionKind::kEmpty) return Answer(EndOf(request, TryOutcome::kSucceeded, now));
  if (!IsDecision(task.action.kind)) return Answer();
  auto end = decided();
  if (!end) return end.error();
  return Answer(std::move(*end));
}

}  // namespace pipelined
