// GET /api/ext/v1/events/stream: what happens, while it happens, as server-sent events.
#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "api/http/errors.h"
#include "api/live/event_hub.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/shapes.h"
#include "api/access/visible.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

// Not "command" nor "pool": what people ask for may hold anything, and both are in the log of events for who may read
// it.
constexpr std::array<std::string_view, 5> kKinds{"run", "task", "dag", "backfill", "deadline"};
constexpr Micros kHeartbeat = Seconds(15);
constexpr Micros kLongest = std::chrono::hours(1);  // then the client comes again
constexpr std::size_t kMostAtOnce = 256;            // events

struct EventFilter {
  Caller caller;
  std::vector<std::string> dag_ids, run_ids, kinds;  // each empty: all

  bool Fits(const EventRow& event) const {
    const auto among = [](const std::vector<std::string>& wanted, const std::string& value) {
      return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
    };
    return std::find(kKinds.begin(), kKinds.end(), event.kind) != kKinds.end() && among(kinds, event.kind) &&
           among(dag_ids, event.dag_id) && among(run_ids, event.run_id) && Visible(caller, event.dag_id);
  }
};

// Sends to one client what fits its filter. A heartbeat carries the place that the client has come to, so that one who
// is sent little need not go far back when it comes again.
class EventFeed final : public Feed {
 public:
  EventFeed(Service& service, std::shared_ptr<const Streams::Place> place, EventFilter filter,
            std::optional<std::int64_t> after)
      : service_(service),
        place_(std::move(place)),
        filter_(std::move(filter)),
        after_(after),
        began_(service.clock.Monotonic()) {}
  ~EventFeed() override {
    if (follower_ != 0) service_.events.Leave(follower_);
  }

  void Begin(std::function<void()> more) override {
    follower_ = service_.events.Join(after_, std::make_shared<const std::function<void()>>(std::move(more)));
  }

  Piece Take(std::size_t most) override {
    Piece piece;
    const Micros now = service_.clock.Monotonic();
    while (piece.bytes.size() < most) {
      const EventHub::Batch batch = service_.events.Take(follower_, kMostAtOnce);
      if (!batch.placed) break;
      if (!std::exchange(greeted_, true)) piece.bytes += fmt::format("retry: 1000\nid: {}\n\n", FirstId(batch));
      if (!batch.lost.empty()) piece.bytes += Reset(batch);
      for (const LiveEventPtr& event : batch.events) {
        if (filter_.Fits(event->row)) piece.bytes += event->text;
      }
      until_ = batch.until;
      if (batch.events.empty()) break;
    }
    if (piece.bytes.empty() && said_ && now - *said_ >= kHeartbeat)
      piece.bytes = greeted_ ? fmt::format(": still here\nid: {}\n\n", until_) : ": not yet\n\n";
    if (!piece.bytes.empty() || !said_) said_ = now;
    piece.last = follower_ == 0 || now - began_ >= kLongest;
    return piece;
  }

 private:
  static std::int64_t FirstId(const EventHub::Batch& batch) {
    return batch.events.empty() ? batch.until : batch.events.front()->row.id - 1;
  }
  static std::string Reset(const EventHub::Batch& batch) {
    return fmt::format("id: {}\nevent: reset\ndata: {{\"reason\":\"{}\"}}\n\n", FirstId(batch), batch.lost);
  }

  Service& service_;
  const std::shared_ptr<const Streams::Place> place_;
  const EventFilter filter_;
  const std::optional<std::int64_t> after_;
  const Micros began_;
  std::uint64_t follower_ = 0;
  bool greeted_ = false;
  std::int64_t until_ = 0;
  std::optional<Micros> said_;  // when it was sent something last
};

// Where the client left off, or nothing. False: it says something else than a number.
bool ReadLastId(const Request& request, const Query& query, std::optional<std::int64_t>& after) {
  const std::string* header = request.Header("last-event-id");
  const std::string text = header != nullptr ? *header : query.String("last_event_id");
  if (text.empty()) return true;
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 0) return false;
  after = id;
  return true;
}

}  // namespace

std::string EventText(const EventRow& event) {
  const auto number = [](const std::optional<std::int32_t>& value) { return value ? Value(*value) : Value(); };
  const Value data = Value::Map{{"event_log_id", event.id},
                                {"when", FormatInstant(event.at)},
                                {"kind", event.kind},
                                {"dag_id", TextOrNull(event.dag_id)},
                                {"dag_run_id", TextOrNull(event.run_id)},
                                {"task_id", TextOrNull(event.task_id)},
                                {"map_index", number(event.map_index)},
                                {"try_number", number(event.try_number)},
                                {"old_state", TextOrNull(event.old_state)},
                                {"new_state", TextOrNull(event.new_state)},
                                {"owner", TextOrNull(event.who)},
                                {"extra", TextOrNull(event.why)}};
  return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event.id, event.kind, ToJson(data));
}

Response GetEventStream(const Call& call) {
  Query query(call.request);
  EventFilter filter{call.caller, query.Strings("dag_id"), query.Strings("run_id"), query.Words("kind", kKinds)};
  std::optional<std::int64_t> after;
  if (!ReadLastId(call.request, query, after))
    return Detail(400, "Last-Event-ID must be the id of an event that this stream has sent");
  if (!query.ok()) return query.Refusal();
  const std::string accept = call.request.List("accept");
  if (!accept.empty() && accept.find("text/event-stream") == accept.npos && accept.find("*/*") == accept.npos)
    return Detail(406, "the answer is text/event-stream");
  Result<std::shared_ptr<const Streams::Place>> place = call.service.streams.Take(call.caller.name);
  if (!place.ok()) return ErrorResponse(place.error());
  Response response = NoStore(Text(200, "text/event-stream; charset=utf-8", ""));
  response.headers.emplace_back("X-Accel-Buffering", "no");  // proxies pass each event on
  response.feed = std::make_shared<EventFeed>(call.service, *std::move(place), std::move(filter), after);
  return response;
}

}  // namespace pipelined::api
