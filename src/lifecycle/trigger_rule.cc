#include "pipelined/lifecycle/trigger_rule.h"

namespace pipelined {

void UpstreamCounts::Count(TaskState state, int by) {
  const auto step = static_cast<std::uint32_t>(by);  // unsigned wrap-around makes -1 a subtraction
  switch (state) {
    case TaskState::kSuccess:
      success += step;
      break;
    case TaskState::kFailed:
      failed += step;
      break;
    case TaskState::kSkipped:
      skipped += step;
      break;
    case TaskState::kUpstreamFailed:
      upstream_failed += step;
      break;
    case TaskState::kRemoved:
      removed += step;
      total -= step;
      break;
    default:
      break;
  }
}

RuleVerdict Evaluate(TriggerRule rule, const UpstreamCounts& up, const UpstreamCounts* setups) {
  using enum RuleVerdict;
  if (up.total + up.removed == 0) return kRun;
  const std::uint32_t bad = up.failed + up.upstream_failed;
  const bool all_done = up.done() >= up.total;
  switch (rule) {
    case TriggerRule::kAllSuccess:
      if (bad > 0) return kUpstreamFailed;
      if (up.skipped > 0) return kSkip;
      return up.success == up.total ? kRun : kWait;
    case TriggerRule::kAllFailed:
      if (up.success + up.skipped > 0) return kSkip;
      return bad == up.total ? kRun : kWait;
    case TriggerRule::kAllDone:
      return all_done ? kRun : kWait;
    case TriggerRule::kAllDoneMinOneSuccess:
      if (up.skipped > 0) return kSkip;
      if (!all_done) return kWait;
      return up.success > 0 ? kRun : kUpstreamFailed;
    case TriggerRule::kOneSuccess:
      if (up.success > 0) return kRun;
      if (!all_done) return kWait;
      return up.skipped > 0 && up.skipped == up.total + up.removed ? kSkip : kUpstreamFailed;
    case TriggerRule::kOneFailed:
      if (bad > 0) return kRun;
      return all_done ? kSkip : kWait;
    case TriggerRule::kOneDone:
      if (up.success + up.failed > 0) return kRun;
      return all_done ? kSkip : kWait;
    case TriggerRule::kNoneFailed:
      if (bad > 0) return kUpstreamFailed;
      return all_done ? kRun : kWait;
    case TriggerRule::kNoneFailedMinOneSuccess:
      if (bad > 0) return kUpstreamFailed;
      if (!all_done) return kWait;
      if (up.success > 0) return kRun;
      return up.skipped == up.total + up.removed ? kSkip : kUpstreamFailed;
    case TriggerRule::kNoneSkipped:
      if (up.skipped > 0) return kSkip;
      return all_done ? kRun : kWait;
    case TriggerRule::kAllSkipped:
      if (up.success + bad > 0) return kSkip;
      return up.skipped == up.total + up.removed ? kRun : kWait;
    case TriggerRule::kAlways:
      return kRun;
    case TriggerRule::kAllDoneSetupSuccess:
      if (!all_done) return kWait;
      if (setups == nullptr || setups->total + setups->removed == 0 || setups->success > 0) return kRun;
      return setups->skipped == setups->total ? kSkip : kUpstreamFailed;
  }
  return kWait;
}

bool IsRemovedWith(TriggerRule rule, const UpstreamCounts& up, std::int32_t map_index) {
  return rule == TriggerRule::kAllSuccess && map_index >= 0 && up.removed > 0 && up.success > 0 &&
         up.failed + up.upstream_failed + up.skipped == 0 && static_cast<std::uint32_t>(map_index) >= up.success;
}

}  // namespace pipelined
