#include <sys/epoll.h>

#include <iterator>
#include <utility>

#include "executor/local/owned_fd.h"
#include "pipelined/executor/worker_executor.h"

namespace pipelined {
namespace {

// Two executors on one attempts folder, as one.
class RoutingExecutor final : public Executor {
 public:
  RoutingExecutor(Executor& commands, WorkerExecutor& actions)
      : commands_(commands), actions_(actions), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (const int fd : {commands.PollFd(), actions.PollFd()}) {
      epoll_event event{};
      event.events = EPOLLIN;
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    }
  }

  const std::string& instance() const override { return commands_.instance(); }
  const std::string& boot_id() const override { return commands_.boot_id(); }

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
    std::vector<AttemptEnd> ends = commands_.Ended();
    std::vector<AttemptEnd> more = actions_.Ended();
    std::move(more.begin(), more.end(), std::back_inserter(ends));
    return ends;
  }
  int PollFd() const override { return epoll_.get(); }

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

 private:
  Executor& commands_;
  WorkerExecutor& actions_;
  executor::OwnedFd epoll_;
};

}  // namespace

std::unique_ptr<Executor> MakeRoutingExecutor(Executor& commands, WorkerExecutor& actions) {
  return std::make_unique<RoutingExecutor>(commands, actions);
}

}  // namespace pipelined
