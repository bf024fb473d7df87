#include "api/logs/log_feed.h"

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/logs/log_file.h"
#include "api/logs/log_lines.h"
#include "pipelined/base/log.h"

namespace pipelined::api {
namespace {

constexpr std::int64_t kPiece = 64 << 10;
constexpr std::size_t kMostEvents = 256;
constexpr Micros kPatience = Seconds(2);  // until it is known from where on its end would be told

// The file tells by itself what was added; that nothing will be added any more is told by the history.
class LogFeed final : public Feed {
 public:
  LogFeed(Service& service, const TaskInstanceRow& instance, std::int64_t try_number)
      : service_(service),
        dag_id_(instance.dag_id),
        run_id_(instance.run_id),
        task_id_(instance.task_id),
        map_index_(instance.map_index),
        path_(LogPath(dag_id_, run_id_, task_id_, try_number, map_index_)),
        place_(service.streams),
        follower_(service.events.Join(std::nullopt, std::make_shared<const std::function<void()>>([] {}))) {}
  ~LogFeed() override {
    service_.ticks.Leave(tick_);
    service_.events.Leave(follower_);
  }

  bool AwaitPlace() { return service_.events.AwaitPlace(follower_, kPatience); }
  void End() { ended_ = true; }  // the try had ended before

  void Begin(std::function<void()> more) override { tick_ = service_.ticks.Join(std::move(more)); }

  Piece Take(std::size_t) override {
    TakeEvents();
    const Result<LogPiece> read = ReadLog(service_.options.logs_dir, path_, offset_, kPiece, ended_);
    if (!read.ok()) {
      log::Warning("a log is not followed any more: {}", read.error().message);
      return {{}, true};
    }
    offset_ = read->next;
    return {LogLinesAsNdjson(read->text), ended_ && read->at_end};
  }

  // Half a log that looks like a whole one would mislead.
  bool MayEndEarly() const override { return false; }

 private:
  void TakeEvents() {
    while (!ended_) {
      const EventHub::Batch batch = service_.events.Take(follower_, kMostEvents);
      ended_ = !batch.lost.empty();  // it may be among those that are missing
      for (const LiveEventPtr& event : batch.events) ended_ = ended_ || IsItsEnd(event->row);
      if (batch.events.empty()) return;
    }
  }
  bool IsItsEnd(const EventRow& event) const {
    return event.kind == "task" && event.old_state == "running" && event.task_id == task_id_ &&
           event.run_id == run_id_ && event.dag_id == dag_id_ && event.map_index.value_or(kNotMapped) == map_index_;
  }

  Service& service_;
  const std::string dag_id_, run_id_, task_id_;
  const std::int32_t map_index_;
  const std::string path_;
  const Place place_;
  const std::uint64_t follower_;
  std::uint64_t tick_ = 0;
  std::int64_t offset_ = 0;
  bool ended_ = false;
};

}  // namespace

Response FollowLog(const Call& call, const TaskInstanceRow& instance, std::int64_t try_number) {
  if (std::optional<Response> full = RefuseStream(call.service)) return *std::move(full);
  const auto runs = [&](const TaskInstanceRow& row) {
    return try_number == row.try_number && row.state == TaskState::kRunning;
  };
  const auto feed = std::make_shared<LogFeed>(call.service, instance, try_number);
  if (runs(instance)) {
    if (!feed->AwaitPlace())
      return ErrorResponse({ErrorCode::kUnavailable, "the end of the try could not be told now", "try again"});
    // Ended meanwhile? From here on its end is told.
    const Result<TaskInstanceRow> again = FindInstance(call, instance.map_index);
    if (!again.ok()) return ErrorResponse(again.error());
    if (!runs(*again)) feed->End();
  } else {
    feed->End();
  }
  Response response = NoStore(Text(200, "application/x-ndjson", ""));
  response.feed = feed;
  return response;
}

}  // namespace pipelined::api
