#include "scheduler/sensors/sighting.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipelined/base/secret_name.h"
#include "pipelined/schema/json.h"

namespace pipelined {
namespace {

using Kind = Sighting::Kind;

// A job is a map with one entry.
const Value& WhatOf(const Value& job) {
  return job.map().front().second;
}

std::vector<std::string> TextsOf(const Value& what, std::string_view key) {
  std::vector<std::string> texts;
  if (const Value* value = what.Find(key); value != nullptr && value->is_list()) {
    for (const Value& item : value->list()) {
      if (item.is_string()) texts.push_back(item.string());
    }
  }
  return texts;
}

struct Words {
  std::vector<std::string> allowed, failed, skipped;
  explicit Words(const Value& what)
      : allowed(TextsOf(what, "allowed_states")),
        failed(TextsOf(what, "failed_states")),
        skipped(TextsOf(what, "skipped_states")) {}
};

bool Has(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Of one thing that is looked for, by its states: one that failed or was skipped decides, else all must be allowed.
Kind KindOf(const Words& words, const std::vector<std::string_view>& states) {
  const auto any = [&](const std::vector<std::string>& of) {
    return std::any_of(states.begin(), states.end(), [&](std::string_view state) { return Has(of, state); });
  };
  if (any(words.failed)) return Kind::kFails;
  if (any(words.skipped)) return Kind::kSkips;
  const bool all = !states.empty() &&
                   std::all_of(states.begin(), states.end(), [&](std::string_view s) { return Has(words.allowed, s); });
  return all ? Kind::kThere : Kind::kNotYet;
}

bool IsTrue(const Value& value) {
  if (value.is_bool()) return value.boolean();
  if (value.is_number()) return value.number() != 0;
  if (value.is_string()) return !value.string().empty() && value.string() != "0";
  if (value.is_list()) return !value.list().empty();
  return value.is_map() && !value.map().empty();
}

std::string WhichRun(const Value& what) {
  const std::string run_id = what.TextOf("run_id");
  return run_id.empty() ? fmt::format("DAG {} at {}", what.TextOf("dag_id"), what.TextOf("logical_date"))
                        : fmt::format("run \"{}\" of DAG {}", run_id, what.TextOf("dag_id"));
}

// Of a script that bash gets, the script itself; the first 200 characters.
std::vector<std::string> ShownOf(const Value& command) {
  std::vector<std::string> words = TextsOf(command, "argv");
  if (words.size() == 3 && words[0] == "bash" && words[1] == "-c") words.erase(words.begin(), words.begin() + 2);
  for (std::string& word : words) {
    if (word.size() > 200) word = word.substr(0, 200) + " …";
  }
  return words;
}

}  // namespace

RunQuestion QuestionOf(const Value& job) {
  const Value& what = WhatOf(job);
  RunQuestion question{what.TextOf("dag_id"), what.TextOf("run_id"), std::nullopt, TextsOf(what, "task_ids")};
  if (question.run_id.empty()) {
    if (const auto at = ParseInstant(what.TextOf("logical_date"))) question.logical_date = *at;
  }
  return question;
}

Sighting Judge(const Value& job, const std::optional<RunSeen>& seen) {
  const Value& what = WhatOf(job);
  if (!seen) return Sighting{Kind::kNotYet, {}, "there is no such run yet"};
  const Words words(what);
  const std::vector<std::string> ids = TextsOf(what, "task_ids");
  Kind kind = Kind::kThere;
  std::string message;
  const auto take = [&](Kind one, const std::string& name, std::string_view state) {
    const auto rank = [](Kind k) { return k == Kind::kFails ? 3 : k == Kind::kSkips ? 2 : k == Kind::kNotYet ? 1 : 0; };
    if (rank(one) <= rank(kind)) return;
    kind = one;
    message = fmt::format("{} is {}", name, state);
  };
  if (ids.empty()) {
    const std::string_view state = ToString(seen->state);
    take(KindOf(words, {state}), fmt::format("run \"{}\"", seen->run_id), state);
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::vector<std::string_view> states;
    for (const TaskState state : seen->tasks[i]) states.push_back(ToString(state));
    const Kind one = KindOf(words, states);
    const auto shown = std::find_if(states.begin(), states.end(), [&](std::string_view state) {
      return one == Kind::kFails   ? Has(words.failed, state)
             : one == Kind::kSkips ? Has(words.skipped, state)
                                   : !Has(words.allowed, state);
    });
    take(one, fmt::format("task {} of run \"{}\"", ids[i], seen->run_id),
         shown == states.end() ? "not in its DAG" : *shown);
  }
  if (kind != Kind::kThere) return Sighting{kind, {}, std::move(message)};
  return Sighting{kind, Value::Map{{"run_id", seen->run_id}, {"return_value", seen->run_id}}};
}

AssetQuestion AssetQuestionOf(const Value& job) {
  const Value& what = WhatOf(job);
  AssetQuestion question{what.TextOf("uri"), {}};
  if (const auto since = ParseInstant(what.TextOf("since"))) question.since = *since;
  return question;
}

Sighting Judge(const std::optional<AssetSeen>& seen) {
  if (!seen) return Sighting{Kind::kNotYet, {}, "there is no such event yet"};
  const std::string at = FormatInstant(seen->at);
  Value outputs(Value::Map{{"return_value", at}, {"timestamp", at}, {"extra", seen->extra}});
  if (!seen->source_dag_id.empty()) {
    outputs.Set("source_dag_id", seen->source_dag_id);
    outputs.Set("source_run_id", seen->source_run_id);
    outputs.Set("source_task_id", seen->source_task_id);
  }
  return Sighting{Kind::kThere, std::move(outputs)};
}

Sighting Judge(const Value& job, const ProbeResult& result) {
  if (!result.answered) return Sighting{Kind::kUnknown, {}, result.error};
  const std::string& kind = job.map().front().first;
  if (kind == "http" || kind == "command") {
    const Value* ok = result.value.Find("ok");
    if (ok == nullptr || !IsTrue(*ok)) return Sighting{Kind::kNotYet, {}, result.value.TextOf("why")};
    const Value* given = result.value.Find("outputs");
    Value outputs = given != nullptr && given->is_map() ? *given : Value(Value::Map{});
    const Value* status = outputs.Find("status");
    if (kind == "http" && status != nullptr && outputs.Find("return_value") == nullptr)
      outputs.Set("return_value", Value(*status));
    return Sighting{Kind::kThere, std::move(outputs)};
  }
  if (!IsTrue(result.value)) return Sighting{Kind::kNotYet, {}, result.error};
  return Sighting{Kind::kThere, Value::Map{{"return_value", result.value}}};
}

std::string NameOfJob(const Value& job) {
  if (!job.is_map() || job.map().empty()) return "nothing";
  const std::string& kind = job.map().front().first;
  const Value& what = WhatOf(job);
  if (kind == "time" || kind == "delta") return what.TextOf("at");
  if (kind == "file") return fmt::format("file {}", what.TextOf("path"));
  if (kind == "glob") return fmt::format("files {}", what.TextOf("pattern"));
  if (kind == "dag") return WhichRun(what);
  if (kind == "task") return fmt::format("task {} of {}", fmt::join(TextsOf(what, "task_ids"), ", "), WhichRun(what));
  if (kind == "port") {
    const Value* port = what.Find("port");
    return fmt::format("port {}:{}", what.TextOf("host"), port == nullptr ? "?" : ToJson(*port));
  }
  if (kind == "http") return fmt::format("http {}", ShowUrl(what.TextOf("url")));
  if (kind == "command") return fmt::format("command {}", fmt::join(ShownOf(what), " "));
  if (kind == "asset") return fmt::format("an event of asset {}", what.TextOf("uri"));
  return fmt::format("an answer of {}", kind);
}

}  // namespace pipelined
