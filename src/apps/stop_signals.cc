#include "apps/stop_signals.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <utility>

namespace pipelined::apps {

StopSignals::StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  end_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

StopSignals::~StopSignals() {
  Forget();
  close(signals_);
  close(end_);
}

int StopSignals::Take() const {
  signalfd_siginfo info{};
  return read(signals_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

bool StopSignals::HangUpEnds() {
  return isatty(STDERR_FILENO) == 1;
}

void StopSignals::OnSignal(std::function<void()> stop) {
  thread_ = std::thread([this, stop = std::move(stop)] {
    pollfd waits[] = {{signals_, POLLIN, 0}, {end_, POLLIN, 0}};
    while (poll(waits, 2, -1) < 0) {
    }
    if (waits[0].revents != 0) stop();
  });
}

void StopSignals::Forget() {
  if (!thread_.joinable()) return;
  eventfd_write(end_, 1);
  thread_.join();
}

void StopSignals::Wait() const {
  pollfd wait{signals_, POLLIN, 0};
  while (poll(&wait, 1, -1) < 0) {
  }
}

bool StopSignals::Wait(Micros patience) const {
  pollfd wait{signals_, POLLIN, 0};
  return poll(&wait, 1, static_cast<int>(std::chrono::ceil<Millis>(patience).count())) > 0;
}

}  // namespace pipelined::apps
