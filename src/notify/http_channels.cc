#include "notify/http_channels.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <charconv>

#include "notify/channel_secrets.h"
#include "notify/plain_text.h"
#include "pipelined/base/hash.h"
#include "pipelined/schema/json.h"

namespace pipelined::notify {
namespace {

constexpr std::size_t kMostAnswer = 4096;                       // bytes of an answer that are looked at
constexpr std::size_t kMostQuoted = 200;                        // … and repeated to people
constexpr Micros kPassing = std::chrono::minutes(5);            // how long an alert about no failure stands
constexpr Seconds kLongestRetryAfter = std::chrono::days(366);  // the channel's max_retry_delay is what counts

Outcome Post(const ChannelSettings& channel, const Clock& clock, const std::string& url, std::string body,
             std::map<std::string, std::string> headers) {
  HttpRequest request;
  request.method = "POST";
  request.url = url;
  request.headers = std::move(headers);
  request.headers["Content-Type"] = "application/json";
  request.headers["User-Agent"] = "pipelined";
  if (!channel.token.empty()) request.headers["Authorization"] = "Bearer " + channel.token;
  request.body = std::move(body);
  request.timeout = channel.timeout;
  request.ca_file = channel.ca_file;
  request.keep_connection = false;  // messages are rare, and a connection that was closed meanwhile costs a try
  request.follow_redirects = false;
  request.most_body = kMostAnswer;
  const Result<HttpResponse> answer = SendHttp(request);
  if (!answer) {
    const bool malformed = answer.error().code == ErrorCode::kInvalid;
    // The reason may repeat the URL, which may hold a secret.
    return {malformed ? Verdict::kRefused : Verdict::kLater, std::nullopt,
            malformed ? "the channel's url is none" : WithoutUrl(answer.error().message, url)};
  }
  const auto after = answer->headers.find("retry-after");
  // An answer may repeat what it was asked: "Cannot POST /services/T0/B0/xyz".
  return OutcomeOf(answer->status, SecretsOf(channel).Apply(answer->body),
                   after == answer->headers.end() ? "" : after->second, clock.Now());
}

// "120", or "Wed, 21 Oct 2026 07:28:00 GMT"; nothing: neither of them, or no time that is still to come.
std::optional<Micros> RetryAfter(const std::string& text, Instant now) {
  std::int64_t seconds = 0;
  const char* end = text.data() + text.size();
  if (const auto [at, bad] = std::from_chars(text.data(), end, seconds); bad != std::errc() || at != end) {
    const time_t date = curl_getdate(text.c_str(), nullptr);
    if (date == -1) return std::nullopt;
    seconds = std::int64_t{date} - std::chrono::floor<Seconds>(now.time_since_epoch()).count();
  }
  if (seconds <= 0) return std::nullopt;
  return Micros(std::min(Seconds(seconds), kLongestRetryAfter));
}

std::string_view AlertName(std::string_view event) {
  if (event == "failure") return "PipelinedFailed";
  if (event == "deadline") return "PipelinedDeadlineMissed";
  if (event == "retry") return "PipelinedRetried";
  if (event == "success") return "PipelinedSucceeded";
  if (event == "skipped") return "PipelinedSkipped";
  return "PipelinedTest";
}

// What is the same for the alert and for its end, and nothing else: Alertmanager tells alerts by their labels.
Value LabelsOf(const Message& message, const ChannelSettings& channel) {
  const std::string ends = message.facts.TextOf("ends");
  Value labels = Value::Map{{"alertname", AlertName(ends.empty() ? ToString(message.event) : std::string_view(ends))}};
  for (const std::string_view name : {"dag_id", "task_id"}) {
    if (std::string text = message.facts.TextOf(name); !text.empty()) labels.Set(name, ValidUtf8(text));
  }
  if (const Value* index = message.facts.Find("map_index");
      index != nullptr && index->is_int() && index->integer() >= 0)
    labels.Set("map_index", std::to_string(index->integer()));
  std::string_view rest = channel.labels;
  while (!rest.empty()) {
    const std::size_t end = rest.find_first_of(" ,");
    const std::string_view one = rest.substr(0, end);
    if (const std::size_t equals = one.find('='); equals != one.npos && equals > 0)
      labels.Set(one.substr(0, equals), std::string(one.substr(equals + 1)));
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
  }
  return labels;
}

}  // namespace

Outcome OutcomeOf(int status, const std::string& body, const std::string& retry_after, Instant now) {
  if (status >= 200 && status < 300) return {Verdict::kTaken, status};
  Outcome outcome{Verdict::kRefused, status, fmt::format("HTTP {}", status)};
  if (status >= 300 && status < 400) {
    outcome.error += ": redirects are not followed";
  } else if (const std::string said = FirstLine(body, kMostQuoted); !said.empty()) {
    outcome.error += ": " + said;
  }
  if (status == 408 || status == 425 || status == 429 || status >= 500 || status < 200)
    outcome.verdict = Verdict::kLater;
  if (outcome.verdict == Verdict::kLater) outcome.not_before = RetryAfter(retry_after, now);
  return outcome;
}

std::string WebhookBody(const Message& message) {
  Value body = Value::Map{{"notification_id", message.id}};
  for (const auto& [name, value] : message.facts.map()) {
    if (name != "id" && name != "ends") body.Set(name, value.is_string() ? Value(ValidUtf8(value.string())) : value);
  }
  body.Set("created_at", FormatIso(message.created_at));
  body.Set("subject", ValidUtf8(message.subject));
  body.Set("message", ValidUtf8(message.text));
  return ToJson(body);
}

std::string Signature(const std::string& secret, const std::string& timestamp, const std::string& body) {
  const auto code = HmacSha256(secret, timestamp + "." + body);
  return "sha256=" + Hex(code.data(), code.size());
}

Outcome WebhookChannel::Send(const Message& message) {
  std::string body = WebhookBody(message);
  const std::string timestamp = std::to_string(std::chrono::floor<Seconds>(clock_.Now().time_since_epoch()).count());
  std::map<std::string, std::string> headers{
      {"X-Pipelined-Event", std::string(ToString(message.event))},
      {"X-Pipelined-Id", message.id},
      {"Idempotency-Key", message.id},
      {"X-Pipelined-Timestamp", timestamp},
  };
  if (!settings_.secret.empty()) headers["X-Pipelined-Signature"] = Signature(settings_.secret, timestamp, body);
  return Post(settings_, clock_, settings_.url, std::move(body), std::move(headers));
}

std::string SlackBody(const Message& message) {
  return ToJson(Value(Value::Map{{"text", ValidUtf8(message.marked_subject + "\n" + message.marked_text)}}));
}

Outcome SlackChannel::Send(const Message& message) {
  return Post(settings_, clock_, settings_.url, SlackBody(message), {{"X-Pipelined-Id", message.id}});
}

std::string AlertBody(const Message& message, const ChannelSettings& channel, Instant now) {
  const bool fires = message.event == NotifyOn::kFailure || message.event == NotifyOn::kDeadline;
  Value annotations = Value::Map{{"summary", ValidUtf8(message.subject)}, {"description", ValidUtf8(message.text)}};
  for (const std::string_view name : {"run_id", "error", "run_url", "log_url"}) {
    if (std::string text = message.facts.TextOf(name); !text.empty()) annotations.Set(name, ValidUtf8(text));
  }
  annotations.Set("notification_id", message.id);
  Value alert = Value::Map{{"labels", LabelsOf(message, channel)}, {"annotations", std::move(annotations)}};
  if (message.event == NotifyOn::kRecovered || (fires && message.recovered_at)) {
    alert.Set("endsAt", FormatIso(now));  // of itself it begins where it ends, or where it has begun
  } else {
    alert.Set("startsAt", FormatIso(message.created_at));
    alert.Set("endsAt", FormatIso(std::max(now, message.created_at) + (fires ? channel.alert_for : kPassing)));
  }
  if (const std::string url = message.facts.TextOf("run_url"); !url.empty()) alert.Set("generatorURL", url);
  return ToJson(Value(Value::List{std::move(alert)}));
}

Outcome AlertmanagerChannel::Send(const Message& message) {
  std::string url = settings_.url;
  while (url.ends_with('/')) url.pop_back();
  return Post(settings_, clock_, url + "/api/v2/alerts", AlertBody(message, settings_, clock_.Now()), {});
}

}  // namespace pipelined::notify
