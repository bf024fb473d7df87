#include "cli/shell/patience.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "pipelined/base/clock.h"

namespace pipelined::cli {
namespace {

// What a signal handler may read: plain bytes.
std::array<char, 1024> farewell_text{};
volatile std::sig_atomic_t farewell_size = 0;

void SayFarewell(int signal_number) {
  [[maybe_unused]] const ssize_t written =
      write(STDERR_FILENO, farewell_text.data(), static_cast<std::size_t>(farewell_size));
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);  // whoever started us sees that it was an interrupt
}

}  // namespace

std::optional<Result<Value>> PatientSession::Get(const std::string& path) {
  auto answer = session_.Get(path);
  if (answer || answer.error().code != ErrorCode::kUnavailable) {
    away_since_.reset();
    return answer;
  }
  const Micros now = SystemClock().Monotonic();
  if (!away_since_) away_since_ = now;
  if (now - *away_since_ > kGivesUpAfter) return answer;
  if (auto again = session_.Again()) session_ = *std::move(again);
  return std::nullopt;
}

std::optional<Micros> PatientSession::AwayFor() const {
  if (!away_since_) return std::nullopt;
  return SystemClock().Monotonic() - *away_since_;
}

void AwayNotice::Say(const PatientSession& session) {
  const bool away = session.AwayFor().has_value();
  if (away == said_) return;
  said_ = away;
  fmt::print(stderr, "{} {}\n", FormatInstant(std::chrono::floor<Millis>(SystemClock().Now())),
             away ? "no answer from " + session.session().url() + ": trying again" : "the server answers again");
}

InterruptNotice::InterruptNotice(const std::string& farewell) {
  const std::string text = "\n" + farewell + "\n";
  const std::size_t size = std::min(text.size(), farewell_text.size());
  std::memcpy(farewell_text.data(), text.data(), size);
  farewell_size = static_cast<std::sig_atomic_t>(size);
  std::signal(SIGINT, SayFarewell);
}

InterruptNotice::~InterruptNotice() {
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace pipelined::cli
