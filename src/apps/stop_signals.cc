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
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  end_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

StopSignals::~StopSignals() {
  eventfd_write(end_, 1);
  if (thread_.joinable()) thread_.join();
  close(signals_);
  close(end_);
}

void StopSignals::OnSignal(std::function<void()> stop) {
  thread_ = std::thread([this, stop = std::move(stop)] {
    pollfd waits[] = {{signals_, POLLIN, 0}, {end_, POLLIN, 0}};
    while (poll(waits, 2, -1) < 0) {
    }
    if (waits[0].revents != 0) stop();
  });
}

void StopSignals::Wait() const {
  pollfd wait{signals_, POLLIN, 0};
  while (poll(&wait, 1, -1) < 0) {
  }
}

}  // namespace pipelined::apps
