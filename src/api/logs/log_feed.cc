#include "api/logs/log_feed.h"

#include <atomic>

#include <fmt/format.h>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/logs/log_file.h"
#include "api/logs/log_lines.h"
#include "pipelined/base/log.h"

namespace pipelined::api {
namespace {

constexpr std::int64_t kPiece = 64 << 10;
constexpr std::size_t kMostEvents = 256;
constexpr Micros kHeartbeat = Seconds(15);

bool Runs(const TaskInstanceRow& row, std::int64_t try_number) {
  return try_number == row.try_number && row.state == TaskState::kRunning;
}

// Whether the try still runs, by the database.
Result<bool> StillRuns(Catalog& catalog, const TaskInstanceRow& instance, std::int64_t try_number) {
  TaskFilter filter;
  filter.dag_id = instance.dag_id;
  filter.run_id = instance.run_id;
  filter.task_id = instance.task_id;
  filter.map_index = instance.map_index;
  const Result<Listing<TaskInstanceRow>> found = catalog.TaskInstances(filter, Page::One());
  if (!found.ok()) return found.error();
  return !found->rows.empty() && Runs(found->rows.front(), try_number);
}

// The file tells by itself what was added. That nothing will be added any more is told by the history; the database is
// asked, too, from where on that tells it, when that has lost its place, and now and then in any case.
class LogFeed final : public Feed {
 public:
  LogFeed(Service& service, std::shared_ptr<const Streams::Place> place, const TaskInstanceRow& instance,
          std::int64_t try_number)
      : service_(service),
        place_(std::move(place)),
        instance_(instance),
        try_number_(try_number),
        path_(LogPath(instance.dag_id, instance.run_id, instance.task_id, try_number, instance.map_index)),
        said_(service.clock.Monotonic()) {
    *ended_ = !Runs(instance, try_number);
  }
  ~LogFeed() override {
    service_.ticks.Leave(tick_);
    service_.events.Leave(follower_);
    service_.premises.Leave(runs_);
  }

  void Begin(std::function<void()> more) override {
    if (!*ended_) {
      runs_ = service_.premises.Join(
          "the log " + path_,
          [&service = service_, instance = instance_, number = try_number_] {
            return StillRuns(service.catalog, instance, number);
          },
          [ended = ended_, more] {
            *ended = true;
            more();
          });
      follower_ = service_.events.Join(std::nullopt, std::make_shared<const std::function<void()>>([] {}));
    }
    tick_ = service_.ticks.Join(std::move(more));
  }

  Piece Take(std::size_t) override {
    TakeEvents();
    const bool ended = *ended_;  // what it has written is there
    const Result<LogPiece> read = ReadLog(service_.options.logs_dir, path_, offset_, kPiece, ended);
    if (!read.ok()) {
      log::Warning("a log is not followed any more: {}", read.error().message);
      return Piece::Cut();
    }
    offset_ = read->next;
    Piece piece;
    piece.bytes = LogLinesAsNdjson(read->text);
    piece.last = ended && read->at_end;
    const Micros now = service_.clock.Monotonic();
    if (piece.bytes.empty() && !piece.last && now - said_ >= kHeartbeat) piece.bytes.push_back('\n');
    if (!piece.bytes.empty()) said_ = now;
    return piece;
  }

  // Half a log that looks like a whole one would mislead.
  bool MayEndEarly() const override { return false; }

 private:
  void TakeEvents() {
    while (!*ended_) {
      const EventHub::Batch batch = service_.events.Take(follower_, kMostEvents);
      const bool first = batch.placed && !std::exchange(placed_, true);
      if (first || !batch.lost.empty()) service_.premises.AskSoon(runs_);  // it may have ended before
      for (const LiveEventPtr& event : batch.events) {
        if (IsItsEnd(event->row)) *ended_ = true;
      }
      if (batch.events.empty()) return;
    }
  }
  bool IsItsEnd(const EventRow& event) const {
    return event.kind == "task" && event.old_state == "running" && event.task_id == instance_.task_id &&
           event.run_id == instance_.run_id && event.dag_id == instance_.dag_id &&
           event.map_index.value_or(kNotMapped) == instance_.map_index &&
           event.try_number.value_or(try_number_) == try_number_;  // an earlier one may only now be told of
  }

  Service& service_;
  const std::shared_ptr<const Streams::Place> place_;
  const TaskInstanceRow instance_;
  const std::int64_t try_number_;
  const std::string path_;
  std::uint64_t follower_ = 0, tick_ = 0, runs_ = 0;
  bool placed_ = false;
  std::int64_t offset_ = 0;
  Micros said_;  // when it was sent something last
  const std::shared_ptr<std::atomic<bool>> ended_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace

Response FollowLog(const Call& call, const TaskInstanceRow& instance, std::int64_t try_number) {
  Result<std::shared_ptr<const Streams::Place>> place = call.service.streams.Take(call.caller.name);
  if (!place.ok()) return ErrorResponse(place.error());
  Response response = NoStore(Text(200, "application/x-ndjson", ""));
  response.feed = std::make_shared<LogFeed>(call.service, *std::move(place), instance, try_number);
  return response;
}

}  // namespace pipelined::api
