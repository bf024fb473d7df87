// What a task waits for, in words and codes: answered from the state that decides.
#pragma once

#include "engine/backfills.h"
#include "engine/dag_schedule.h"
#include "engine/ready_queue.h"

namespace pipelined {

struct WhyContext {
  const ActiveRun& run;
  const DagState& dag;
  const BackfillState* backfill = nullptr;  // that the run belongs to
  std::int32_t running = 0;                 // attempts, over all runs
  std::int32_t parallelism = 0;
};

// {"state": "none", "reasons": [{"code": "trigger_rule", "text": "…"}]}; no reasons when it runs or has ended.
Value ExplainTask(const WhyContext& context, SlotNo no, ReadyQueue& queue);

}  // namespace pipelined
