#include "pipelined/notify/message.h"

#include <fmt/format.h>

#include <algorithm>

#include "notify/plain_text.h"
#include "pipelined/base/hash.h"
#include "pipelined/base/percent.h"
#include "pipelined/schema/json.h"
#include "pipelined/template/template.h"

namespace pipelined::notify {
namespace {

constexpr std::size_t kLongestSubject = 512, kLongestText = 32 << 10, kLongestKey = 512;
constexpr std::size_t kMostSteps = 100'000, kMostMemory = 4 << 20;

std::int64_t NumberOf(const Value& facts, std::string_view name, std::int64_t otherwise = 0) {
  const Value* found = facts.Find(name);
  return found != nullptr && found->is_int() ? found->integer() : otherwise;
}

std::string RunUrl(const Notification& row, const std::string& base_url) {
  if (base_url.empty() || row.run_id.empty()) return {};
  return fmt::format("{}/dags/{}/runs/{}", base_url, PercentEncode(row.dag_id), PercentEncode(row.run_id));
}

std::string LogUrl(const Notification& row, const std::string& base_url) {
  const std::string run = RunUrl(row, base_url);
  if (run.empty() || row.task_id.empty()) return {};
  std::string url = fmt::format("{}/tasks/{}", run, PercentEncode(row.task_id));
  if (row.map_index >= 0) url += fmt::format("/mapped/{}", row.map_index);
  if (const std::int64_t number = NumberOf(row.facts, "try_number"); number > 0)
    url += fmt::format("?try_number={}", number);
  return url;
}

// Every fact is there, so that a template that asks for one that does not apply gets an empty text.
Value FactsOf(const Notification& row, const Origin& origin) {
  Value facts = row.facts.is_map() ? row.facts : Value(Value::Map{});
  facts.Set("id", row.id);
  facts.Set("channel", row.use.channel);
  facts.Set("event", ToString(row.event));
  facts.Set("run_url", RunUrl(row, origin.base_url));
  facts.Set("log_url", LogUrl(row, origin.base_url));
  for (const std::string_view name : NotificationFacts()) {
    const Value* found = facts.Find(name);
    if (found == nullptr || found->is_null()) facts.Set(name, "");
  }
  return facts;
}

std::string Name(const Notification& row) {
  if (row.dag_id.empty()) return "a test";
  if (row.task_id.empty()) return row.dag_id;
  return row.map_index < 0 ? fmt::format("{}.{}", row.dag_id, row.task_id)
                           : fmt::format("{}.{}[{}]", row.dag_id, row.task_id, row.map_index);
}

std::string DefaultSubject(const Notification& row) {
  const std::string name = Name(row);
  switch (row.event) {
    case NotifyOn::kSuccess:
      return fmt::format("{} succeeded", name);
    case NotifyOn::kFailure:
      return fmt::format("{} failed", name);
    case NotifyOn::kRetry:
      return fmt::format("{} failed and is tried again", name);
    case NotifyOn::kSkipped:
      return fmt::format("{} was skipped", name);
    case NotifyOn::kDeadline:
      return fmt::format("{} missed its deadline", name);
    case NotifyOn::kRecovered:
      return fmt::format("{} {}", name, row.facts.TextOf("state") == "deleted" ? "was deleted" : "works again");
    case NotifyOn::kTest:
      return fmt::format("test of the channel {}", row.use.channel);
  }
  return name;
}

void Line(std::string& text, std::string_view what, const std::string& value) {
  if (!value.empty()) text += fmt::format("{}: {}\n", what, value);
}

std::string DefaultText(const Notification& row, const Value& facts) {
  if (row.event == NotifyOn::kTest) return "This is a test of the channel. Nothing has happened.\n";
  std::string text = DefaultSubject(row) + "\n";
  Line(text, "run", row.run_id);
  if (const std::int64_t number = NumberOf(facts, "try_number"); number > 0)
    text += fmt::format("try: {} of {}\n", number, std::max(number, NumberOf(facts, "max_tries") + 1));
  Line(text, "failed", facts.TextOf("failed_tasks"));
  Line(text, "error", facts.TextOf("error"));
  if (const Value* duration = facts.Find("duration"); duration != nullptr && duration->is_number())
    Line(text, "duration", FormatDuration(Micros(static_cast<std::int64_t>(duration->number() * 1000) * 1000)));
  Line(text, "link", facts.TextOf("run_url"));
  Line(text, "log", facts.TextOf("log_url"));
  return text;
}

RenderOptions Limits(std::size_t longest) {
  RenderOptions options;
  options.max_output = longest;
  options.max_steps = kMostSteps;
  options.max_memory = kMostMemory;
  return options;
}

// Nothing when there is no template; an error as text in `fault`.
std::optional<std::string> Render(const std::string& text, const Value& facts, std::size_t longest,
                                  std::string& fault) {
  if (text.empty()) return std::nullopt;
  const auto parsed = Template::Parse(text);
  if (!parsed) {
    fault = parsed.error().message;
    return std::nullopt;
  }
  const RenderOptions options = Limits(longest);
  auto rendered = parsed->Render(*MakeValueScope(facts, true), options);
  if (rendered) return *std::move(rendered);
  fault = rendered.error().message;
  return std::nullopt;
}

// As a template writes it.
std::string TextOf(const Value& value) {
  std::string fault;
  return value.is_string()
             ? value.string()
             : Render("{{ value }}", Value(Value::Map{{"value", value}}), kLongestText, fault).value_or("");
}

// The template once more, with values that are no markup. Nothing when that cannot be told apart.
std::optional<std::string> RenderMarked(const std::string& text, const Value& facts) {
  const auto parsed = Template::Parse(text);
  if (!parsed) return std::nullopt;
  std::vector<Value> values;
  RenderOptions options = Limits(kLongestText);
  options.quote = Quote::kBind;
  options.bound = &values;
  const auto rendered = parsed->Render(*MakeValueScope(facts, true), options);
  if (!rendered || std::count(rendered->begin(), rendered->end(), '\0') != std::ssize(values)) return std::nullopt;
  std::string marked;
  auto value = values.begin();
  for (const char c : *rendered) {
    if (c == '\0')
      marked += WithoutMarkup(TextOf(*value++));
    else
      marked += c;
  }
  return marked;
}

// `made` of `text`, or instead of it, for receivers that read markup.
std::string Marked(const std::optional<std::string>& made, const std::string& text, const Value& facts,
                   const std::string& shown) {
  return (made ? RenderMarked(text, facts) : std::nullopt).value_or(WithoutMarkup(shown));
}

// A subject is one line.
std::string OneLine(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = ' ';
  }
  return text;
}

// A run that was cleared has no new try, but a new start, and a task that a rule skips has no try at all. Instances of
// a mapped task that rules skip one after the other are one message.
std::string WhichTime(const Notification& row) {
  if (row.task_id.empty()) return row.facts.TextOf("start_date");
  const std::int64_t number = NumberOf(row.facts, "try_number");
  return number == 0 && row.map_index < 0 ? row.facts.TextOf("end_date") : std::to_string(number);
}

// What one entry of a list of the DAG file says and another one for the same channel may not; empty: nothing.
std::string WhatItSays(const NotifyUse& use) {
  if (use.to.empty() && use.subject.empty() && use.message.empty()) return {};
  Value said = Value::List{use.subject, use.message};
  for (const std::string& address : use.to) said.list().emplace_back(address);
  return "/" + Sha256Hex(ToJson(said)).substr(0, 16);
}

}  // namespace

Message MakeMessage(const Notification& row, const Origin& origin) {
  Message message;
  message.id = fmt::format("{}-{}", origin.installation, row.id);
  message.event = row.event;
  message.created_at = row.created_at;
  message.recovered_at = row.recovered_at;
  message.to = row.use.to;
  message.facts = FactsOf(row, origin);
  std::string fault;
  const auto subject = Render(row.use.subject, message.facts, kLongestSubject, fault);
  message.subject = OneLine(subject.value_or("[pipelined] " + DefaultSubject(row)));
  message.marked_subject = OneLine(Marked(subject, row.use.subject, message.facts, message.subject));
  const auto text = Render(row.use.message, message.facts, kLongestText, fault);
  message.text = text.value_or(DefaultText(row, message.facts));
  message.marked_text = Marked(text, row.use.message, message.facts, message.text);
  if (fault.empty()) return message;
  const std::string note = fmt::format("\n(The template of this message failed: {})\n", fault);
  message.text += note;
  message.marked_text += WithoutMarkup(note);
  return message;
}

std::string DedupeKey(const Notification& row, const Origin& origin) {
  // The end of an alert is told once as it is, and of two alerts neither end stands for the other.
  if (row.event == NotifyOn::kTest || row.event == NotifyOn::kRecovered) return {};
  std::string fault;
  auto own = Render(row.use.dedupe_key, FactsOf(row, origin), kLongestKey, fault);
  if (own && !own->empty()) return *std::move(own);
  return fmt::format("{}/{}/{}/{}{}/{}{}", row.dag_id, row.run_id, row.task_id, ToString(row.event),
                     row.facts.TextOf("deadline"), WhichTime(row), WhatItSays(row.use));
}

Micros BackOff(const ChannelSettings& channel, std::int32_t tries, std::uint64_t seed) {
  Micros delay = channel.retry_delay;
  for (std::int32_t i = 1; i < tries && delay < channel.max_retry_delay; ++i) delay *= 2;
  delay = std::min(delay, channel.max_retry_delay);
  std::uint64_t mixed = (seed + static_cast<std::uint64_t>(tries)) * 0x9E3779B97F4A7C15U;
  mixed ^= mixed >> 32;
  return delay + Micros(static_cast<std::int64_t>(mixed % static_cast<std::uint64_t>(delay.count() / 10 + 1)));
}

}  // namespace pipelined::notify
