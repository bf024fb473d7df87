// Parked attempts: their tasks wait for something outside, a run that they have made or what a sensor looks for. They
// are open as any other, but have no process, and take nothing of any limit but of pools that count what is deferred.
#include <fmt/format.h>

#include <utility>

#include "engine/engine_impl.h"

namespace pipelined {

AttemptFinished Engine::Impl::EndOf(AttemptId attempt, TryOutcome outcome, Instant now, std::string message) {
  AttemptFinished end;
  end.attempt = attempt;
  end.outcome = outcome;
  end.end = now;
  end.message = std::move(message);
  return end;
}

void Engine::Impl::FinishAttempt(Turn& turn, AttemptFinished end) {
  On(turn, end);
}

// Its task has moved on, or was cleared, since it was opened.
bool Engine::Impl::IsToStop(const OpenedAttempt& attempt) {
  return attempt.run == nullptr || attempt.run->slot(attempt.slot).state == TaskState::kRestarting;
}

void Engine::Impl::On(Turn& turn, SensorAsked& e) {
  const auto found = attempts_.find(e.attempt);
  if (found == attempts_.end() || found->second.parked) return;
  if (IsToStop(found->second)) return FinishAttempt(turn, EndOf(e.attempt, TryOutcome::kStopped, turn.now));
  const Instant since = found->second.opened;
  Park(turn, found->second, e.attempt, since);
  turn.plan.waits.push_back(WaitBegun{e.attempt, std::move(e.job), since});
  AfterChange(turn, *found->second.run);
}

// It gives back its slots: whoever waits for others must not keep them from running. A pool that is to count it
// (include_deferred) still does.
void Engine::Impl::Park(Turn& turn, OpenedAttempt& attempt, AttemptId id, Instant since) {
  if (std::exchange(attempt.parked, true)) return;
  --running_;
  --attempt.run->running_tasks;
  queue_.Release(attempt.hold, id);
  if (attempt.hold.key) turn.plan.keys_given.push_back(id);
  attempt.hold = queue_.Defer(*attempt.run, attempt.slot);
  attempt.run->Move(turn, attempt.slot, TaskEvent::kDeferred);
  SetParkedTimer(attempt, id, since);
}

void Engine::Impl::SetParkedTimer(const OpenedAttempt& attempt, AttemptId id, Instant since) {
  const Micros timeout = attempt.run->TaskAt(attempt.slot).execution_timeout;
  if (timeout <= Micros(0)) return;
  timers_.push(Timer{since + timeout,
                     TimerKind::kParkedTimeout,
                     attempt.run->info.id,
                     attempt.run->life,
                     attempt.slot,
                     static_cast<std::uint64_t>(id.value),
                     {}});
}

// After a restart. One that had asked for a run which was not made asks again.
void Engine::Impl::RestoreParked(Turn& turn, ActiveRun& run, SlotNo slot, const StoredTask& task) {
  OpenedAttempt& attempt = attempts_[task.attempt];
  attempt = OpenedAttempt{&run, slot, queue_.Defer(run, slot), run.info.id, run.InstanceOf(slot), {}, true, 0};
  if (task.state == TaskState::kRunning) run.MoveAlone(turn, slot, TaskEvent::kDeferred);  // as older versions had it
  if (task.child) attempt.child = task.child->run;
  const Instant since = task.child ? task.child->since : task.wait ? task.wait->since : turn.now;
  SetParkedTimer(attempt, task.attempt, since);
  if (!task.child) return;
  if (IsFinished(task.child->state) || !SpecOf(attempt).wait_for_completion)
    settled_.push_back({task.attempt, *task.child});
}

// A parked task is ended, or was cleared: nothing of it has to be stopped but a run that is a part of it. False: it is
// not parked.
bool Engine::Impl::StopParked(Turn& turn, AttemptId id, const Cause& why) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || !found->second.parked) return false;
  const OpenedAttempt attempt = found->second;
  AttemptClosed closed{attempt.run->info.id, attempt.run->TaskOf(attempt.slot),
                       EndOf(id, TryOutcome::kStopped, turn.now, why.text), attempt.run->MapIndexOf(attempt.slot)};
  turn.plan.closed.push_back(std::move(closed));
  std::erase_if(turn.plan.waits, [&](const WaitBegun& wait) { return wait.attempt == id; });
  DropChild(turn, id, attempt, why);
  ReadyQueue::EndDeferred(attempt.hold);
  attempts_.erase(found);
  return true;
}

void Engine::Impl::ParkedTimedOut(Turn& turn, const Timer& timer) {
  const AttemptId id{static_cast<std::int64_t>(timer.token)};
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || !found->second.parked || found->second.run == nullptr) return;
  const std::string why = fmt::format("execution_timeout of {} is over",
                                      FormatDuration(found->second.run->TaskAt(timer.slot).execution_timeout));
  DropChild(turn, id, found->second, why);
  const auto& sensor = found->second.run->TaskAt(timer.slot).sensor;
  const bool skips = sensor != nullptr && sensor->soft_fail;
  FinishAttempt(turn, EndOf(id, skips ? TryOutcome::kSkipped : TryOutcome::kTimedOut, turn.now, why));
}

// What a parked task waits for; nothing when it is none. `told`: of a sensor, by whoever asks it.
std::optional<Value> Engine::Impl::ExplainParked(const ActiveRun& run, SlotNo slot, const std::string& told) const {
  const auto found = attempts_.find(run.slot(slot).attempt);
  if (found == attempts_.end() || !found->second.parked) return std::nullopt;
  const bool makes_run = run.TaskAt(slot).trigger != nullptr;
  std::string text = makes_run      ? ExplainChild(found->second)
                     : told.empty() ? "waits for what its sensor looks for"
                                    : told;
  return Value(Value::Map{{"code", makes_run ? "sub_run" : "sensor"}, {"text", std::move(text)}});
}

std::optional<AttemptId> Engine::Impl::ParkedOf(RunId id, const std::string& task_id, std::int32_t map_index) const {
  const ActiveRun* run = Find(id);
  const auto task = run == nullptr || run->size() == 0 ? std::nullopt : run->dag().Find(task_id);
  const auto slot = task ? run->Find(*task, map_index) : std::nullopt;
  if (!slot || run->slot(*slot).state != TaskState::kDeferred) return std::nullopt;
  return run->slot(*slot).attempt;
}

}  // namespace pipelined
