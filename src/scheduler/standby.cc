#include "scheduler/standby.h"

#include <utility>

#include "pipelined/base/log.h"

namespace pipelined {
namespace {

AttemptFinished EndWithoutRecord(AttemptId attempt, TryOutcome outcome, Instant now, std::string message) {
  AttemptFinished end;
  end.attempt = attempt;
  end.outcome = outcome;
  end.end = now;
  end.message = std::move(message);
  return end;
}

}  // namespace

AttemptFinished ToEvent(AttemptEnd end) {
  static constexpr TryOutcome kOutcomes[] = {TryOutcome::kSucceeded, TryOutcome::kFailed,       TryOutcome::kTimedOut,
                                             TryOutcome::kStopped,   TryOutcome::kLaunchFailed, TryOutcome::kBadOutput,
                                             TryOutcome::kLost};
  AttemptFinished event;
  event.attempt = end.attempt;
  event.outcome = kOutcomes[static_cast<std::size_t>(end.outcome)];
  event.exit_code = end.exit_code;
  event.signal = end.signal;
  if (end.start != Instant{}) event.start = end.start;
  event.end = end.end;
  event.duration = end.duration;
  event.cpu_user = end.cpu_user;
  event.cpu_system = end.cpu_system;
  event.max_rss_kib = end.max_rss_kib;
  event.pid = end.pid;
  event.message = std::move(end.message);
  event.outputs = std::move(end.outputs);
  event.is_final = end.is_final;
  return event;
}

void Standby::Reset() {
  looked_ = false;
  ends_.clear();
  unforgotten_.clear();
}

void Standby::Collect() {
  for (AttemptEnd& end : executor_.Ended()) {
    unforgotten_.insert(end.attempt);
    ends_.push_back(ToEvent(std::move(end)));
  }
}

Status Standby::Step() {
  if (!looked_) {
    if (const Status looked = Look(); !looked) return looked;
  }
  Collect();
  if (!ends_.empty()) {
    if (const Status reported = store_.Report(holder_, ends_); !reported) return reported;
    log::Info("reported {} ends to the leader", ends_.size());
    ends_.clear();
  }
  return unforgotten_.empty() ? Ok() : ForgetStored();
}

// What became of the attempts that this scheduler started when it led. New ones cannot come while it stands by.
Status Standby::Look() {
  const auto open = store_.OpenAttempts(executor_.instance());
  if (!open) return open.error();
  looked_ = true;
  if (open->empty()) return Ok();
  for (const AttemptStatus& status : executor_.Reattach(*open)) {
    if (status.liveness == AttemptLiveness::kLost) {
      ends_.push_back(EndWithoutRecord(status.attempt, TryOutcome::kLost, clock_.Now(),
                                       "what became of it cannot be known: its supervisor or its host went down"));
    } else if (status.liveness ==
               AttemptLiveness::kNotStarted) {  // and will not be: this scheduler carries out no plan
      ends_.push_back(EndWithoutRecord(status.attempt, TryOutcome::kLaunchFailed, clock_.Now(),
                                       "its scheduler stopped leading before it was started"));
    }
  }
  return Ok();
}

Status Standby::ForgetStored() {
  const auto open = store_.OpenAttempts(executor_.instance());
  if (!open) return open.error();
  std::unordered_set<AttemptId> waiting;
  for (const OpenAttempt& attempt : *open) {
    if (unforgotten_.contains(attempt.attempt)) waiting.insert(attempt.attempt);
  }
  std::vector<AttemptId> stored;
  for (const AttemptId id : unforgotten_) {
    if (!waiting.contains(id)) stored.push_back(id);
  }
  executor_.Forget(stored);
  unforgotten_ = std::move(waiting);
  return Ok();
}

}  // namespace pipelined
