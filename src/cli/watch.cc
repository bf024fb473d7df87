#include "cli/watch.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "cli/commands.h"
#include "cli/instance_name.h"
#include "cli/live_view.h"
#include "pipelined/base/clock.h"

namespace pipelined::cli {
namespace {

bool IsEnd(const std::string& state) {
  return state == "success" || state == "failed";
}

// Counts by state, in the order in which they matter.
std::string Summary(const std::map<std::string, int>& counts, bool colour) {
  static constexpr const char* kOrder[] = {
      "running", "success", "failed", "upstream_failed", "up_for_retry", "skipped", "scheduled", "queued", "none"};
  std::string text;
  for (const char* state : kOrder) {
    const auto found = counts.find(state);
    if (found == counts.end()) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", found->second, ColouredState(state, colour));
  }
  return text;
}

std::size_t TerminalRows() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 4 ? size.ws_row : 24;
}

class Watch {
 public:
  Watch(std::string dag_id, std::string run_id, bool progress)
      : dag_id_(std::move(dag_id)),
        run_id_(std::move(run_id)),
        progress_(progress),
        live_(progress && StderrIsTerminal()) {}

  void Show(const Value& progress) {
    const Value* tasks = progress.Find("tasks");
    const Value* run = progress.Find("run");
    if (!progress_ || tasks == nullptr || !tasks->is_list() || run == nullptr) return;
    if (live_) {
      const Value* previous = progress.Find("previous");  // comes with the first answer only
      if (previous != nullptr && previous->Find("tasks") != nullptr) previous_ = *previous->Find("tasks");
      Draw(*run, tasks->list());
    } else {
      PrintChanges(*run, tasks->list());
    }
  }

 private:
  void PrintChanges(const Value& run, const Value::List& tasks) {
    for (const Value& task : tasks) {
      const std::string id = InstanceName(task);
      const std::string state = TextOf(task, "state");
      const Value* tried = task.Find("try_number");
      const std::string now =
          state + (tried != nullptr && tried->is_int() ? " " + std::to_string(tried->integer()) : "");
      std::string& before = seen_[id];
      if (state.empty() || state == "none" || state == "scheduled" || now == before) continue;
      before = now;
      const bool again = tried != nullptr && tried->is_int() && tried->integer() > 1;
      fmt::print(stderr, "{} {} {}{}\n", FormatInstant(std::chrono::floor<Millis>(SystemClock().Now())), id, state,
                 again ? fmt::format(" (try {})", tried->integer()) : "");
    }
    const std::string state = TextOf(run, "state");
    if (state != seen_[""])
      fmt::print(stderr, "{} run {}\n", FormatInstant(std::chrono::floor<Millis>(SystemClock().Now())), state);
    seen_[""] = state;
  }

  void Draw(const Value& run, const Value::List& tasks) {
    std::map<std::string, int> counts;
    double done = 0;
    double left = 0;
    const bool known = previous_.is_map() && !previous_.map().empty();
    const Instant now = SystemClock().Now();
    std::vector<std::string> rows;
    for (const Value& task : tasks) {
      std::string state = TextOf(task, "state");
      if (state.empty()) state = "none";
      ++counts[state];
      const bool ended = state == "success" || state == "failed" || state == "skipped" || state == "upstream_failed" ||
                         state == "removed";
      done += ended ? 1 : 0;
      if (known && !ended) {
        const Value* took = previous_.Find(TextOf(task, "task_id"));
        left += took != nullptr && took->is_number() ? took->number() : 0;
      }
      rows.push_back(Row(task, state, now));
    }
    const std::size_t most = TerminalRows() - 3;
    std::vector<std::string> lines;
    const auto start = ParseInstant(TextOf(run, "start_date"));
    lines.push_back(fmt::format("{} {}  {}  {}", dag_id_, run_id_, ColouredState(TextOf(run, "state"), true),
                                start ? Clock(now - *start) : ""));
    if (rows.size() <= most) {
      lines.insert(lines.end(), rows.begin(), rows.end());
    } else {  // a large run: only what is under way
      for (std::size_t i = 0; i < rows.size() && lines.size() < most; ++i) {
        const std::string state = TextOf(tasks[i], "state");
        if (state == "running" || state == "up_for_retry" || state == "failed") lines.push_back(rows[i]);
      }
    }
    const double share = tasks.empty() ? 1 : done / static_cast<double>(tasks.size());
    lines.push_back(fmt::format(
        "{} {:.0f}%  {}{}", Bar(share, 30), share * 100, Summary(counts, true),
        known && left > 0.5 ? fmt::format("  about {} left", Clock(Micros(static_cast<std::int64_t>(left * 1e6))))
                            : ""));
    view_.Draw(lines);
  }

  static std::string Row(const Value& task, const std::string& state, Instant now) {
    const auto start = ParseInstant(TextOf(task, "start"));
    const auto end = ParseInstant(TextOf(task, "end"));
    const std::string took = start ? Clock((end ? *end : now) - *start) : "";
    const Value* tried = task.Find("try_number");
    const bool again = tried != nullptr && tried->is_int() && tried->integer() > 1;
    return fmt::format("  {:<32} {}{}  {}", InstanceName(task), ColouredState(state == "none" ? "-" : state, true),
                       again ? fmt::format(" (try {})", tried->integer()) : "", took);
  }

  std::string dag_id_, run_id_;
  bool progress_, live_;
  LiveView view_;
  std::map<std::string, std::string> seen_;
  Value previous_;  // seconds of each task in the last successful run
};

}  // namespace

Result<Value> WatchRun(const Session& session, const std::string& dag_id, const std::string& run_id,
                       const WatchOptions& options) {
  constexpr int kEveryMillis = 50;
  constexpr int kWaitSeconds = 2;  // the server answers as soon as something changes
  const std::string path = RunPath(dag_id, run_id, "/api/ext/v1") + "/progress";
  std::string etag;
  Watch watch(dag_id, run_id, options.progress);
  const Micros began = SystemClock().Monotonic();
  int failures = 0;
  for (;;) {
    auto progress = session.Get(etag.empty() ? path : fmt::format("{}?after={}&wait={}", path, etag, kWaitSeconds));
    if (!progress && (progress.error().code != ErrorCode::kUnavailable || ++failures > 100)) return progress.error();
    if (progress) {  // a server that restarts is waited for
      failures = 0;
      if (progress->is_map()) etag = TextOf(*progress, "etag");
      watch.Show(*progress);
      const Value* run = progress->Find("run");
      if (run != nullptr && IsEnd(TextOf(*run, "state"))) return *run;
    }
    const double passed = std::chrono::duration<double>(SystemClock().Monotonic() - began).count();
    if (options.timeout_seconds > 0 && passed > options.timeout_seconds) {
      return Error{ErrorCode::kFailed, fmt::format("the run has not ended after {} seconds", options.timeout_seconds),
                   "it goes on"};
    }
    poll(nullptr, 0, kEveryMillis);
  }
}

}  // namespace pipelined::cli
