// What needs a variable or connection that cannot be read now, and is tried again after a pause. The scheduler goes on
// leading meanwhile.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "pipelined/base/log.h"
#include "pipelined/base/time.h"
#include "pipelined/engine/plan.h"

namespace pipelined {

class PutOff {
 public:
  void Add(const AttemptOpened& attempt, const Error& why, Micros now) {
    Note(why, now);
    attempts_.push_back(attempt);
  }
  void Add(const LengthWanted& length, const Error& why, Micros now) {
    Note(why, now);
    lengths_.push_back(length);
  }

  // Whether the attempt was there.
  bool Remove(AttemptId attempt) {
    return std::erase_if(attempts_, [&](const AttemptOpened& one) { return one.attempt == attempt; }) != 0;
  }

  // In monotonic time; nothing: there is nothing to try again.
  std::optional<Micros> due() const { return due_; }

  // All of it when it is due.
  std::pair<std::vector<AttemptOpened>, std::vector<LengthWanted>> TakeDue(Micros now) {
    if (!due_ || now < *due_) return {};
    due_.reset();
    return {std::exchange(attempts_, {}), std::exchange(lengths_, {})};
  }

  void Clear() { *this = PutOff(); }

 private:
  static constexpr Micros kPause = std::chrono::seconds(5);
  static constexpr Micros kSilence = std::chrono::minutes(1);

  void Note(const Error& why, Micros now) {
    if (!due_) due_ = now + kPause;
    if (said_ && now < *said_ + kSilence) return;
    said_ = now;
    log::Warning("tasks wait until their variables and connections can be read: {}", why.message);
  }

  std::vector<AttemptOpened> attempts_;
  std::vector<LengthWanted> lengths_;
  std::optional<Micros> due_, said_;
};

}  // namespace pipelined
