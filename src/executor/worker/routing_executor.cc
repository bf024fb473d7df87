#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "pipelined/base/owned_fd.h"
#include "pipelined/base/clock.h"
#include "pipelined/executor/worker_executor.h"

namespace pipelined {
namespace {

// A look of a sensor is a command with an id of its own, far beyond those of attempts, which the database counts from
// one. Each id is used once, also over restarts: what a killed daemon left of a look is unknown to the next one, which
// stops and forgets it as all that the database does not hold open.
constexpr std::int64_t kFirstLook = std::int64_t{1} << 62;

AttemptStart StartOf(const Value& command, const LookOptions& options) {
  AttemptStart start;
  if (const Value* argv = command.Find("argv"); argv != nullptr && argv->is_list()) {
    for (const Value& word : argv->list()) start.argv.push_back(word.is_string() ? word.string() : "");
  }
  start.env = options.environment;
  if (const Value* env = command.Find("env"); env != nullptr && env->is_map()) {
    for (const auto& [name, value] : env->map()) {
      std::erase_if(start.env, [&name = name](const auto& inherited) { return inherited.first == name; });
      start.env.emplace_back(name, value.is_string() ? value.string() : "");
    }
  }
  start.working_dir = command.TextOf("working_dir");
  start.run_as_user = command.TextOf("run_as_user");
  start.log_path = command.TextOf("log");
  if (const Value* timeout = command.Find("timeout"); timeout != nullptr && timeout->is_int())
    start.timeout = Micros(timeout->integer());
  start.grace = options.grace;
  return start;
}

// An exit code is an answer; everything else is none.
ProbeResult ResultOf(std::int64_t id, Micros timeout, const AttemptEnd& end) {
  const bool seen = end.outcome == AttemptOutcome::kSucceeded;
  ProbeResult result;
  result.id = id;
  result.answered = seen || (end.outcome == AttemptOutcome::kFailed && end.signal == 0);
  if (!result.answered) {
    result.error = end.outcome == AttemptOutcome::kTimedOut
                       ? fmt::format("the command did not end within {}", FormatDuration(timeout))
                       : end.message;
    return result;
  }
  result.value = Value(Value::Map{{"ok", seen}});
  if (seen && end.outputs.is_map()) result.value.Set("outputs", end.outputs);
  if (!seen) result.value.Set("why", end.message);
  return result;
}

// Two executors on one attempts folder, as one.
class RoutingExecutorImpl final : public RoutingExecutor {
 public:
  RoutingExecutorImpl(Executor& commands, WorkerExecutor& actions, LookOptions looks)
      : commands_(commands),
        actions_(actions),
        options_(std::move(looks)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        last_look_(kFirstLook + SystemClock().Now().time_since_epoch().count()) {
    for (const int fd : {commands.PollFd(), actions.PollFd(), wake_.get()}) {
      epoll_event event{};
      event.events = EPOLLIN;
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    }
  }

  const std::string& instance() const override { return commands_.instance(); }
  const std::string& boot_id() const override { return commands_.boot_id(); }
  int PollFd() const override { return epoll_.get(); }

  void Start(std::vector<AttemptStart> attempts) override {
    std::vector<AttemptStart> commands, actions;
    for (AttemptStart& start : attempts) {
      std::vector<AttemptStart>& to = start.action.is_null() ? commands : actions;
      to.push_back(std::move(start));
    }
    if (!commands.empty()) commands_.Start(std::move(commands));
    if (!actions.empty()) actions_.Start(std::move(actions));
  }

  void Stop(AttemptId attempt) override {  // unknown ids are ignored
    commands_.Stop(attempt);
    actions_.Stop(attempt);
  }

  std::vector<AttemptEnd> Ended() override {
    Listen();
    std::vector<AttemptEnd> ends = std::exchange(ends_, {});
    std::vector<AttemptEnd> more = actions_.Ended();
    std::move(more.begin(), more.end(), std::back_inserter(ends));
    Announce();
    return ends;
  }

  void Forget(const std::vector<AttemptId>& attempts) override {
    commands_.Forget(attempts);
    actions_.Forget(attempts);
  }

  // What neither knows was never started: either may say so.
  std::vector<AttemptStatus> Reattach(const std::vector<OpenAttempt>& open) override {
    std::vector<OpenAttempt> commands, actions;
    for (const OpenAttempt& attempt : open) (actions_.Knows(attempt.attempt) ? actions : commands).push_back(attempt);
    std::vector<AttemptStatus> statuses = commands_.Reattach(commands);
    std::vector<AttemptStatus> more = actions_.Reattach(actions);
    std::move(more.begin(), more.end(), std::back_inserter(statuses));
    return statuses;
  }

  void Lead(std::int64_t epoch) override { epoch_ = epoch; }

  void Probe(std::int64_t id, Value job, std::vector<std::string> secrets) override {
    const Value* command = job.Find("command");
    if (command != nullptr) {
      waiting_.emplace_back(id, StartOf(*command, options_));
      StartLooks();
    } else {
      unasked_.push_back(Question{id, std::move(job), std::move(secrets)});
      AskMore();
    }
    Announce();
  }

  void Drop(std::int64_t id) override {
    std::erase_if(unasked_, [id](const auto& question) { return question.id == id; });
    if (asked_.erase(id) != 0) actions_.Drop(id);
    AskMore();
    std::erase_if(waiting_, [id](const auto& look) { return look.first == id; });
    std::erase_if(probed_, [id](const ProbeResult& result) { return result.id == id; });
    for (auto& [number, look] : looks_) {
      if (look.probe != id) continue;
      look.probe = kDropped;
      commands_.Stop(AttemptId{number});
    }
  }

  std::vector<ProbeResult> Probed() override {
    if (asked_.empty() && looks_.empty() && probed_.empty()) return {};  // each turn asks
    Listen();
    std::vector<ProbeResult> probed = std::exchange(probed_, {});
    for (ProbeResult& result : actions_.Probed()) {
      asked_.erase(result.id);
      probed.push_back(std::move(result));
    }
    AskMore();
    Announce();
    return probed;
  }

 private:
  static constexpr std::int64_t kDropped = -1;
  static constexpr std::size_t kQuestionsAtOnce = 32;  // to the worker, which has 64 threads for queries
  struct Question {
    std::int64_t id;
    Value job;
    std::vector<std::string> secrets;
  };
  struct Look {
    std::int64_t probe;
    Micros timeout;
  };

  // Tells the ends of looks from those of attempts.
  void Listen() {
    std::vector<AttemptId> over;
    for (AttemptEnd& end : commands_.Ended()) {
      if (end.attempt.value < kFirstLook) {
        ends_.push_back(std::move(end));
        continue;
      }
      over.push_back(end.attempt);
      const auto look = looks_.find(end.attempt.value);
      if (look == looks_.end()) continue;  // of a daemon before this one
      const auto& [probe, timeout] = look->second;
      if (probe != kDropped) probed_.push_back(ResultOf(probe, timeout, end));
      looks_.erase(look);
    }
    if (over.empty()) return;
    commands_.Forget(over);
    StartLooks();
  }

  void StartLooks() {
    std::vector<AttemptStart> starts;
    while (!waiting_.empty() && looks_.size() < options_.at_once) {
      auto [probe, start] = std::move(waiting_.front());
      waiting_.pop_front();
      start.attempt = AttemptId{++last_look_};
      start.epoch = epoch_;
      looks_[start.attempt.value] = Look{probe, start.timeout};
      starts.push_back(std::move(start));
    }
    if (!starts.empty()) commands_.Start(std::move(starts));
  }

  // Thousands of sensors that are due together, as after a restart, take the worker neither its descriptors nor the
  // threads of tasks.
  void AskMore() {
    while (!unasked_.empty() && asked_.size() < kQuestionsAtOnce) {
      Question question = std::move(unasked_.front());
      unasked_.pop_front();
      asked_.insert(question.id);
      actions_.Probe(question.id, std::move(question.job), std::move(question.secrets));
    }
  }

  // What was heard in passing and not asked for yet: PollFd() must say so.
  void Announce() {
    std::uint64_t ticks = 0;
    if (read(wake_.get(), &ticks, sizeof ticks) < 0) {
    }
    const std::uint64_t one = 1;
    if ((!ends_.empty() || !probed_.empty()) && write(wake_.get(), &one, sizeof one) < 0) {
    }
  }

  Executor& commands_;
  WorkerExecutor& actions_;
  const LookOptions options_;
  OwnedFd epoll_, wake_;
  std::int64_t epoch_ = 0;  // the leader's
  std::int64_t last_look_;
  std::deque<Question> unasked_;  // of the worker
  std::unordered_set<std::int64_t> asked_;
  std::deque<std::pair<std::int64_t, AttemptStart>> waiting_;  // looks, with the ids of their probes
  std::unordered_map<std::int64_t, Look> looks_;               // under way
  std::vector<AttemptEnd> ends_;
  std::vector<ProbeResult> probed_;
};

}  // namespace

std::unique_ptr<RoutingExecutor> MakeRoutingExecutor(Executor& commands, WorkerExecutor& actions, LookOptions looks) {
  return std::make_unique<RoutingExecutorImpl>(commands, actions, std::move(looks));
}

}  // namespace pipelined
