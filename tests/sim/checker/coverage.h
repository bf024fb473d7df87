// What the histories have come to: how often each feature took part, each step had an effect, and each of the rarer
// things happened. What is never met is not tested.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "sim/checker/features.h"

namespace pipelined::sim {

enum class Effect : std::uint8_t {
  kRetried,
  kRetriedLost,
  kLost,
  kLaunchFailed,
  kSkippedByExitCode,
  kSkippedByRule,
  kUpstreamFailed,
  kLeftOut,           // by a branch, a short circuit, latest_only
  kLeftOutLate,       // … after it was upstream_failed
  kTornDown,          // a teardown ran although something of its run had failed
  kRunTimedOut,       //
  kRunCancelled,      //
  kFailedFast,        //
  kScheduledRun,      // began
  kBackfillRun,       // began
  kRunSetBack,        //
  kWaitedForSlot,     // long enough for a row
  kOrphaned,          // its run ended before its process
  kCleared,           //
  kClearedRunning,    //
  kClearedEnded,      // … and its run went on
  kMarked,            //
  kMarkedRunning,     //
  kTakenBack,         // what was let run waits again
  kSkippedByKey,      //
  kCancelledByKey,    //
  kRepeated,          //
  kRunTriggered,      // by a task
  kSubRunMade,        //
  kSubRunAgain,       // one that was there runs again
  kSubRunDropped,     // with the task that it was for
  kSensorWaited,      // without a process
  kSensorTimedOut,    // for good
  kDeadlineMet,       //
  kDeadlineMissed,    //
  kPausedByFailures,  //
  kSlotSkipped,       // because of too many runs
  kCancelledForSlot,  //
  kInDoubt,           // a commit, stored
  kInDoubtNotStored   //
};
inline constexpr std::size_t kEffects = static_cast<std::size_t>(Effect::kInDoubtNotStored) + 1;
std::string_view ToString(Effect effect);

class Coverage {
 public:
  void Hit(Effect effect) { ++effects_[static_cast<std::size_t>(effect)]; }
  void Hit(StepKind step) { ++steps_[static_cast<std::size_t>(step)]; }
  // A task came to its end, a run did.
  void Ended(const Task& task);
  void Ended(const DagSpec& dag);

  std::string Report() const;  // a line per kind, with counts
  std::vector<std::string_view> Missing() const;

 private:
  template <class Visit>
  void ForEach(Visit visit) const;

  std::array<std::size_t, kEffects> effects_{};
  std::array<std::size_t, kStepKinds> steps_{};
  std::array<std::size_t, 100> tasks_{}, dags_{};  // by feature
};

}  // namespace pipelined::sim
