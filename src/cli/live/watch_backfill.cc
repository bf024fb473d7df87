#include "cli/live/watch_backfill.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "cli/live/live_view.h"
#include "cli/output/output.h"
#include "cli/shell/patience.h"
#include "cli/output/table.h"
#include "pipelined/base/clock.h"

namespace pipelined::cli {
namespace {

constexpr int kPollMillis = 300;

std::int64_t Count(const Value& progress, std::string_view key) {
  const Value* count = progress.Find(key);
  return count != nullptr && count->is_int() ? count->integer() : 0;
}

std::int64_t Skipped(const Value& progress) {
  const Value* skipped = progress.Find("skipped");
  if (skipped == nullptr) return 0;
  return Count(*skipped, "already_exists") + Count(*skipped, "in_flight") + Count(*skipped, "cancelled");
}

bool Flag(const Value& progress, std::string_view key) {
  const Value* flag = progress.Find(key);
  return flag != nullptr && flag->is_bool() && flag->boolean();
}

std::int64_t Runs(const Value& progress) {
  return Count(progress, "slots") - Skipped(progress);
}

std::int64_t Ended(const Value& progress) {
  return Count(progress, "success") + Count(progress, "failed");
}

std::string Seconds(const Value& progress, std::string_view key) {
  const Value* seconds = progress.Find(key);
  if (seconds == nullptr || !seconds->is_number()) return {};
  return Clock(Micros(static_cast<std::int64_t>(seconds->number() * 1e6)));
}

std::string State(const Value& progress) {
  const Value* backfill = progress.Find("backfill");
  if (backfill == nullptr) return {};
  if (Flag(progress, "cancelled")) return "cancelled";
  if (!TextOf(*backfill, "completed_at").empty()) return "completed";
  return Flag(*backfill, "is_paused") ? "paused" : "running";
}

bool IsOver(const Value& progress) {
  const std::string state = State(progress);
  return (state == "completed" || state == "cancelled") && Count(progress, "running") == 0;
}

std::string Line(const Value& progress) {
  std::string text = fmt::format("{}/{} runs", Ended(progress), Runs(progress));
  if (const auto failed = Count(progress, "failed"); failed > 0) text += fmt::format(", {} failed", failed);
  if (const auto running = Count(progress, "running"); running > 0) text += fmt::format(", {} running", running);
  if (const std::string state = State(progress); state != "running") text += ", " + state;
  if (const std::string elapsed = Seconds(progress, "elapsed_seconds"); !elapsed.empty()) text += "  " + elapsed;
  if (const std::string left = Seconds(progress, "remaining_seconds"); !left.empty() && !IsOver(progress))
    text += fmt::format("  about {} left", left);
  return text;
}

class Shown {
 public:
  void Show(const Value& progress) {
    if (StderrIsTerminal()) {
      const double share =
          Runs(progress) == 0 ? 1 : static_cast<double>(Ended(progress)) / static_cast<double>(Runs(progress));
      const std::string line = fmt::format("{} {:3.0f}%  {}", Bar(share, 30), share * 100, Line(progress));
      view_.Draw({Shortened(line, LiveView::Room().width)});
      return;
    }
    // A line for each twentieth of the way, each new failure and each change of state.
    const std::int64_t step = Runs(progress) == 0 ? 0 : Ended(progress) * 20 / Runs(progress);
    const auto now = std::tuple(step, Count(progress, "failed"), State(progress));
    if (now == last_) return;
    last_ = now;
    fmt::print(stderr, "{} {}\n", FormatInstant(std::chrono::floor<Millis>(SystemClock().Now())), Line(progress));
  }

 private:
  LiveView view_;
  std::tuple<std::int64_t, std::int64_t, std::string> last_{-1, 0, ""};
};

}  // namespace

Result<Value> WatchBackfill(const Session& session, std::int64_t id, const WatchBackfillOptions& options) {
  const Micros began = SystemClock().Monotonic();
  const auto patience = Micros(static_cast<std::int64_t>(options.timeout_seconds * 1e6));
  Shown shown;
  PatientSession patient(session);
  AwayNotice notice;
  const InterruptNotice farewell(
      fmt::format("backfill {} goes on; follow it again: pipectl backfill watch {}", id, id));
  for (;;) {
    const auto progress = patient.Get(fmt::format("/api/ext/v1/backfills/{}/progress", id));
    if (options.progress) notice.Say(patient);
    if (progress && !*progress) return *progress;
    if (progress && options.progress) shown.Show(**progress);
    if (progress && IsOver(**progress)) return *progress;
    if (patience > Micros(0) && SystemClock().Monotonic() - began > patience)
      return Error{ErrorCode::kFailed, fmt::format("backfill {} has not ended within the time; it goes on", id),
                   fmt::format("follow it again: pipectl backfill watch {}", id)};
    poll(nullptr, 0, kPollMillis);
  }
}

std::string BackfillSummary(const Value& progress) {
  std::string text = fmt::format("{} of {} runs: {} succeeded, {} failed", Ended(progress), Runs(progress),
                                 Count(progress, "success"), Count(progress, "failed"));
  if (const auto skipped = Skipped(progress); skipped > 0) {
    const Value& why = *progress.Find("skipped");
    text += fmt::format("; {} slots passed over ({} exist already, {} in flight, {} cancelled)", skipped,
                        Count(why, "already_exists"), Count(why, "in_flight"), Count(why, "cancelled"));
  }
  const Value* failures = progress.Find("failures");
  if (failures == nullptr || !failures->is_list() || failures->list().empty()) return text;
  text += "\nfailed:";
  for (const Value& failure : failures->list()) {
    text += fmt::format("\n  {}", TextOf(failure, "dag_run_id"));
    const Value* tasks = failure.Find("failed_tasks");
    for (std::size_t i = 0; tasks != nullptr && i < tasks->list().size(); ++i)
      text += fmt::format("{}{}", i == 0 ? "  " : ", ", tasks->list()[i].string());
  }
  const auto more = Count(progress, "failed") - static_cast<std::int64_t>(failures->list().size());
  if (more > 0) text += fmt::format("\n  and {} more", more);
  return text;
}

bool Succeeded(const Value& progress) {
  return Count(progress, "failed") == 0 && !Flag(progress, "cancelled");
}

}  // namespace pipelined::cli
