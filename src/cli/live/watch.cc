#include "cli/live/watch.h"

#include <fmt/format.h>
#include <poll.h>

#include <map>
#include <set>
#include <sstream>

#include "cli/commands.h"
#include "cli/runs/instance_name.h"
#include "cli/live/live_view.h"
#include "cli/shell/patience.h"
#include "cli/live/run_tree.h"
#include "cli/output/table.h"
#include "pipelined/base/percent.h"
#include "pipelined/base/clock.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

bool IsEnd(const std::string& state) {
  return state == "success" || state == "failed";
}

std::int64_t TryOf(const Value& task) {
  const Value* tried = task.Find("try_number");
  return tried != nullptr && tried->is_int() ? tried->integer() : 0;
}

std::vector<std::string> LastLines(const std::string& text) {
  constexpr std::size_t kMost = 8;
  std::vector<std::string> last;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    last.push_back(std::move(line));
    if (last.size() > kMost) last.erase(last.begin());
  }
  return last;
}

class Watch {
 public:
  Watch(std::string dag_id, std::string run_id, bool progress)
      : dag_id_(std::move(dag_id)),
        run_id_(std::move(run_id)),
        progress_(progress),
        live_(progress && StderrIsTerminal()) {}

  void Show(const Value& progress, const Session& session) {
    const Value* tasks = progress.Find("tasks");
    const Value* run = progress.Find("run");
    if (!progress_ || tasks == nullptr || !tasks->is_list() || run == nullptr) return;
    if (!live_) return PrintChanges(*run, tasks->list());
    const Value* previous = progress.Find("previous");  // comes with the first answer only
    if (previous != nullptr && previous->Find("tasks") != nullptr) {
      previous_ = *previous->Find("tasks");
      if (const Value* duration = previous->Find("duration")) previous_duration_ = *duration;
    }
    last_ = progress;
    ReadTail(session, tasks->list());
    Draw("");
  }

  // When nothing has changed: time goes on all the same, and the terminal may have another size.
  void Tick(const PatientSession& session) {
    if (!live_) return;
    const auto away = session.AwayFor();
    Draw(away ? fmt::format("no answer from {} for {}; still trying", session.session().url(), Clock(*away)) : "");
  }
  void SayAway(const PatientSession& session) {
    if (progress_ && !live_) notice_.Say(session);
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

  // The end of the log of what went wrong last. Many may fail at once: only one log is read.
  void ReadTail(const Session& session, const Value::List& tasks) {
    const Value* failed = nullptr;
    std::string name;
    for (const Value& task : tasks) {
      const std::string state = TextOf(task, "state");
      if ((state != "failed" && state != "up_for_retry") || TryOf(task) == 0) continue;
      std::string tried = fmt::format("{} (try {})", InstanceName(task), TryOf(task));
      if (!tails_seen_.insert(tried).second) continue;
      failed = &task;
      name = std::move(tried);
    }
    if (failed == nullptr) return;
    std::string path = fmt::format("{}/taskInstances/{}/logs/{}?full_content=true", RunPath(dag_id_, run_id_),
                                   PercentEncode(TextOf(*failed, "task_id")), TryOf(*failed));
    if (const Value* index = failed->Find("map_index"); index != nullptr && index->is_int())
      path += fmt::format("&map_index={}", index->integer());
    const auto text = session.GetText(path);
    if (text) tail_ = LogTail{name, LastLines(*text)};
  }

  void Draw(const std::string& notice) {
    const LiveView::Size room = LiveView::Room();
    TreeOptions options{room.width, room.height - (notice.empty() ? 0 : 1), true, SystemClock().Now()};
    std::vector<std::string> lines;
    if (last_.is_map()) lines = RunTree(last_, previous_, previous_duration_, tail_, options);
    if (!notice.empty()) lines.push_back(Shortened(notice, room.width));
    view_.Draw(lines);
  }

  std::string dag_id_, run_id_;
  bool progress_, live_;
  LiveView view_;
  std::map<std::string, std::string> seen_;
  Value last_;                          // answer
  Value previous_, previous_duration_;  // seconds of each task in the last successful run, and of that run
  LogTail tail_;
  std::set<std::string> tails_seen_;
  AwayNotice notice_;
};

}  // namespace

Result<Value> WatchRun(const Session& session, const std::string& dag_id, const std::string& run_id,
                       const WatchOptions& options) {
  constexpr int kEveryMillis = 50;
  constexpr int kAwayMillis = 500;
  constexpr int kWaitSeconds = 1;  // the server answers as soon as something changes
  const std::string path = RunPath(dag_id, run_id, "/api/ext/v1") + "/progress";
  std::string etag;
  Watch watch(dag_id, run_id, options.progress);
  PatientSession patient(session);
  const InterruptNotice farewell(
      fmt::format("run {} of {} goes on; follow it again: pipectl runs watch {} {}", run_id, dag_id, dag_id, run_id));
  const Micros began = SystemClock().Monotonic();
  for (;;) {
    const auto progress =
        patient.Get(etag.empty() ? path : fmt::format("{}?after={}&wait={}", path, etag, kWaitSeconds));
    if (progress && !*progress) return progress->error();
    watch.SayAway(patient);
    if (!progress || !(*progress)->is_map()) {
      watch.Tick(patient);
    } else {
      etag = TextOf(**progress, "etag");
      watch.Show(**progress, patient.session());
      const Value* run = (*progress)->Find("run");
      if (run != nullptr && IsEnd(TextOf(*run, "state"))) return *run;
    }
    const double passed = std::chrono::duration<double>(SystemClock().Monotonic() - began).count();
    if (options.timeout_seconds > 0 && passed > options.timeout_seconds) {
      return Error{ErrorCode::kFailed, fmt::format("the run has not ended after {} seconds", options.timeout_seconds),
                   fmt::format("it goes on; follow it again: pipectl runs watch {} {}", dag_id, run_id)};
    }
    poll(nullptr, 0, progress ? kEveryMillis : kAwayMillis);
  }
}

}  // namespace pipelined::cli
