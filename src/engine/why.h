// What a task waits for, in words and codes: answered from the state that decides.
#pragma once

#include <functional>
#include <optional>

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
  std::function<std::string(AttemptId)> name_of;  // "task load of run r1 of sales"
};

// {"state": "none", "reasons": [{"code": "trigger_rule", "text": "…"}]}; no reasons when it runs or has ended. `line`:
// its place in the queue, when it has one: {"pool": "default_pool", "position": 3, "waiting_since": "…"} come with it.
Value ExplainTask(const WhyContext& context, SlotNo no, ReadyQueue& queue, const std::optional<InLine>& line);

}  // namespace pipelined
