#include "worker/http_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "pipelined/executor/worker_protocol.h"
#include "pipelined/schema/json.h"
#include "worker/json_pointer.h"

namespace pipelined::worker {
namespace {

bool IsRange(const Value& range) {
  return range.is_list() && range.list().size() == 2 && range.list()[0].is_int() && range.list()[1].is_int();
}

bool InRanges(const Value& ranges, long status) {
  return ranges.is_list() && std::any_of(ranges.list().begin(), ranges.list().end(), [&](const Value& range) {
           return IsRange(range) && status >= range.list()[0].integer() && status <= range.list()[1].integer();
         });
}

// nullptr: 2xx.
const Value* ExpectedStatuses(const Value& spec) {
  const Value* expect = spec.Find("expect");
  return expect == nullptr ? nullptr : expect->Find("status");
}

bool IsExpected(const Value& spec, long status) {
  const Value* statuses = ExpectedStatuses(spec);
  return statuses == nullptr ? status >= 200 && status < 300 : InRanges(*statuses, status);
}

// "HTTP status 200, not 201 or 400 to 499"
std::string Unexpected(const Value& spec, long status) {
  std::string text = fmt::format("HTTP status {}", status);
  const Value* statuses = ExpectedStatuses(spec);
  if (statuses == nullptr || !statuses->is_list()) return text;
  for (const Value& range : statuses->list()) {
    if (!IsRange(range)) continue;
    const std::int64_t first = range.list()[0].integer(), last = range.list()[1].integer();
    text += &range == &statuses->list().front() ? ", not " : " or ";
    text += first == last ? fmt::format("{}", first) : fmt::format("{} to {}", first, last);
  }
  return text;
}

// Whether it may be otherwise the next time.
bool MayPass(const Value& spec, long status) {
  if (const Value* statuses = spec.Find("retry_status")) return InRanges(*statuses, status);
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

// As JSON has it: 1 and 1.0 are one number.
bool SameValue(const Value& a, const Value& b) {
  return a == b || (a.is_number() && b.is_number() && a.number() == b.number());
}

std::string Shown(const Value& value) {
  return Readable(ToJson(value), kUncut);
}

// Why the answer is not what was expected; empty: it is.
std::string Complaint(const Value& expect, const std::string& body, const std::optional<Value>& json) {
  if (const Value* text = expect.Find("body_contains");
      text != nullptr && body.find(ToText(*text)) == std::string::npos)
    return fmt::format("the answer does not contain \"{}\"", Readable(ToText(*text), kUncut));
  const Value* wanted = expect.Find("json");
  if (wanted == nullptr || !wanted->is_map()) return {};
  for (const auto& [pointer, value] : wanted->map()) {
    if (!json) return "the answer is no JSON";
    const Value* found = FindByPointer(*json, pointer);
    if (found == nullptr) return fmt::format("the answer has nothing at {}", pointer);
    if (!SameValue(*found, value))
      return fmt::format("the answer has {} at {}, not {}", Shown(*found), pointer, Shown(value));
  }
  return {};
}

JobEnd BadOutput(std::string message) {
  JobEnd end = JobEnd::Failed(std::move(message));
  end.outcome = AttemptOutcome::kBadOutput;
  return end;
}

JobEnd JudgeOnly(const Value& spec, long status, const std::string& body) {
  if (!IsExpected(spec, status)) {
    JobEnd end = JobEnd::Failed(Unexpected(spec, status));
    end.is_final = !MayPass(spec, status);
    return end;
  }
  const Value* expect = spec.Find("expect");
  const Value* output = spec.Find("output");
  std::optional<Value> json;
  if ((expect != nullptr && expect->Find("json") != nullptr) || output != nullptr) {
    if (auto parsed = ParseJson(body, WideIntegers::kText)) json = std::move(*parsed);
  }
  if (expect != nullptr) {
    std::optional<Value> rounded;  // as the numbers of the file are
    if (expect->Find("json") != nullptr) {
      if (auto parsed = ParseJson(body)) rounded = std::move(*parsed);
    }
    if (std::string complaint = Complaint(*expect, body, rounded); !complaint.empty())
      return JobEnd::Failed(std::move(complaint));
  }
  JobEnd end;
  end.outcome = AttemptOutcome::kSucceeded;
  end.outputs = Value(Value::Map{{"status", std::int64_t{status}}});
  if (output == nullptr || !output->is_map()) return end;
  if (!json) return BadOutput("the answer is no JSON, so nothing can be taken from it");
  for (const auto& [name, pointer] : output->map()) {
    const Value* found = FindByPointer(*json, ToText(pointer));
    if (found == nullptr)
      return BadOutput(fmt::format("output {}: the answer has nothing at {}", name, ToText(pointer)));
    end.outputs.Set(name, *found);
  }
  return end;
}

}  // namespace

JobEnd Judge(const Value& spec, long status, const std::string& body) {
  JobEnd end = JudgeOnly(spec, status, body);
  if (ToJson(end.outputs).size() > kMostOutput)
    return BadOutput(fmt::format("its outputs have more than {} bytes", kMostOutput));
  const bool ok = end.outcome == AttemptOutcome::kSucceeded;
  end.probed = Value(Value::Map{{"status", std::int64_t{status}}, {"ok", ok}});
  if (!ok) end.probed.Set("why", end.message);
  if (ok) end.probed.Set("outputs", end.outputs);
  return end;
}

}  // namespace pipelined::worker
