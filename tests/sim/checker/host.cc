#include "sim/checker/host.h"

namespace pipelined::sim {

void Host::Start(std::vector<AttemptStart> attempts) {
  for (const AttemptStart& attempt : attempts) {
    watched_.insert(attempt.attempt);
    if (!processes_.try_emplace(attempt.attempt).second) continue;  // idempotent
    running_.insert(attempt.attempt);
    started_.push_back(attempt.attempt);
  }
}

void Host::Stop(AttemptId attempt) {
  if (IsRunning(attempt)) processes_.at(attempt).stopping = true;
}

bool Host::End(AttemptId attempt, AttemptOutcome outcome, int exit_code) {
  if (running_.erase(attempt) == 0) return false;
  Process& process = processes_.at(attempt);
  process.outcome = outcome;
  process.exit_code = exit_code;
  return true;
}

void Host::LetStop() {
  for (const AttemptId attempt : std::set(running_)) {
    if (processes_.at(attempt).stopping) End(attempt, AttemptOutcome::kStopped, 0);
  }
}

void Host::Lose() {
  for (const AttemptId attempt : std::exchange(running_, {})) processes_.at(attempt).lost = true;
}

Value Host::ItemsOf(AttemptId attempt) {
  Value::List items;
  for (std::int64_t item = 0; item < attempt.value % 4; ++item) items.emplace_back(item);
  return Value(std::move(items));
}

std::vector<AttemptEnd> Host::Ended() {
  std::vector<AttemptEnd> ends;
  for (auto it = watched_.begin(); it != watched_.end();) {
    const Process& process = processes_.at(*it);
    if (IsRunning(*it) || process.lost) {
      ++it;
      continue;
    }
    AttemptEnd end;
    end.attempt = *it;
    end.outcome = process.outcome;
    end.exit_code = process.exit_code;
    end.end = clock_.Now();
    if (end.outcome == AttemptOutcome::kSucceeded) end.outputs = Value::Map{{"items", ItemsOf(*it)}};
    ends.push_back(std::move(end));
    it = watched_.erase(it);
  }
  return ends;
}

std::vector<AttemptStatus> Host::Reattach(const std::vector<OpenAttempt>& open) {
  std::vector<AttemptStatus> answer;
  watched_.clear();
  for (const OpenAttempt& attempt : open) {
    if (forgotten_.contains(attempt.attempt)) fault_ = "the end of an attempt was forgotten before it was stored";
    const auto found = processes_.find(attempt.attempt);
    if (found == processes_.end()) {
      answer.push_back({attempt.attempt, AttemptLiveness::kNotStarted});
    } else if (found->second.lost) {
      answer.push_back({attempt.attempt, AttemptLiveness::kLost});
    } else {
      watched_.insert(attempt.attempt);
      answer.push_back(
          {attempt.attempt, IsRunning(attempt.attempt) ? AttemptLiveness::kRunning : AttemptLiveness::kEnded});
    }
  }
  return answer;
}

}  // namespace pipelined::sim
