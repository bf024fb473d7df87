#include "engine/why.h"

#include <fmt/format.h>

namespace pipelined {
namespace {

Value Reason(std::string code, std::string text) {
  return Value(Value::Map{{"code", std::move(code)}, {"text", std::move(text)}});
}

// "extract (running), load (none)" for the direct upstreams that are not done; the rest is counted.
std::string Unfinished(const ActiveRun& run, SlotNo slot) {
  constexpr int kShown = 5;
  std::string text;
  int more = 0;
  int shown = 0;
  for (const TaskNo up : run.dag().upstream.Of(run.TaskOf(slot))) {
    const TaskState state = run.slot(up).state;
    if (run.instances().IsExpanded(up) ? run.instances().unfinished(up) == 0 : IsFinished(state)) continue;
    if (shown++ >= kShown) {
      ++more;
      continue;
    }
    const std::string what =
        run.instances().IsExpanded(up)
            ? fmt::format("{} of {} instances", run.instances().unfinished(up), run.instances().Length(up))
            : std::string(ToString(state));
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", run.dag().tasks[up].id, what);
  }
  if (more > 0) text += fmt::format(" and {} more", more);
  return text;
}

void ExplainRule(const ActiveRun& run, SlotNo slot, Value::List& reasons) {
  const Task& what = run.TaskAt(slot);
  const UpstreamCounts counts = run.CountsOf(slot);
  reasons.push_back(Reason(
      "trigger_rule", fmt::format("trigger rule {} waits: {} of {} upstream tasks are done; still to come: {}",
                                  ToString(what.trigger_rule), counts.done(), counts.total, Unfinished(run, slot))));
}

void ExplainPast(const ActiveRun& run, SlotNo slot, Value::List& reasons) {
  if (auto why = run.before->WhyNot(run.dag(), run.TaskOf(slot)))
    reasons.push_back(Reason("depends_on_past", std::move(*why)));
}

Value ExplainHolders(const WhyContext& context, const Gate& gate, std::string code, std::string_view what,
                     std::int32_t most) {
  std::string by;
  if (!gate.holders().empty()) by = fmt::format(", the first by {}", context.name_of(gate.holders().begin()->first));
  return Reason(std::move(code), fmt::format("{}: {} of {} run already{}", what, gate.holders().size(), most, by));
}

Value ExplainGate(const WhyContext& context, const Demand& demand, ReadyQueue& queue) {
  Gate& gate = *demand.gate;
  switch (gate.kind()) {
    case GateKind::kTisPerDag:
      return ExplainHolders(context, gate, "max_active_tis_per_dag",
                            fmt::format("max_active_tis_per_dag of task {}", gate.name()), demand.most);
    case GateKind::kTisPerDagrun:
      return ExplainHolders(context, gate, "max_active_tis_per_dagrun",
                            fmt::format("max_active_tis_per_dagrun of task {}", gate.name()), demand.most);
    case GateKind::kKey:
      return ExplainHolders(context, gate, "concurrency", fmt::format("concurrency key \"{}\"", gate.name()),
                            gate.Most(demand));
    case GateKind::kRate:
      break;
  }
  return Reason("rate", fmt::format("rate key \"{}\": {} of {} starts within {} were made, room for the next at {}",
                                    gate.name(), gate.Used(demand, queue.now()), demand.most,
                                    FormatDuration(demand.window), FormatIso(gate.OpensAt(demand))));
}

void ExplainSlot(const WhyContext& context, SlotNo number, ReadyQueue& queue, const std::optional<InLine>& line,
                 Value::List& reasons) {
  const Task& task = context.run.TaskAt(number);
  if (context.running >= context.parallelism) {
    reasons.push_back(Reason("parallelism", fmt::format("{} of {} tasks run already (core.parallelism)",
                                                        context.running, context.parallelism)));
  }
  if (context.run.dag().max_active_tasks > 0 && context.run.running_tasks >= context.run.dag().max_active_tasks) {
    reasons.push_back(
        Reason("max_active_tasks", fmt::format("{} of {} tasks of this run run already (max_active_tasks)",
                                               context.run.running_tasks, context.run.dag().max_active_tasks)));
  }
  const Pool& pool = queue.PoolNamed(task.pool);
  if (!pool.exists) {
    reasons.push_back(Reason("pool_missing", fmt::format("pool \"{}\" does not exist", task.pool)));
  } else if (!pool.CanEverHold(task.pool_slots)) {
    reasons.push_back(Reason(
        "pool_too_small", fmt::format("needs {} slots, pool \"{}\" has {}", task.pool_slots, task.pool, pool.slots)));
  } else if (!pool.HasRoom(task.pool_slots)) {
    reasons.push_back(
        Reason("pool_full", fmt::format("pool \"{}\": {} of {} slots are taken", task.pool, pool.Taken(), pool.slots)));
  }
  for (const Demand& demand : queue.DemandsOf(context.run, number)) {
    if (!demand.gate->HasRoom(demand, queue.now())) reasons.push_back(ExplainGate(context, demand, queue));
  }
  if (!reasons.empty()) return;
  const std::int64_t before = line ? line->position - 1 : 0;
  reasons.push_back(
      Reason("priority", before > 0 ? fmt::format("{} tasks of its pool have a higher priority or come first", before)
                                    : std::string("tasks of higher priority go first")));
}

Value ExplainQueued(const WhyContext& context) {
  if (context.dag.head.paused) return Reason("paused", "the run is queued: its DAG is paused");
  if (const BackfillState* backfill = context.backfill) {
    if (backfill->what.paused)
      return Reason("backfill_paused",
                    fmt::format("the run is queued: backfill {} is paused", backfill->what.id.value));
    return Reason("backfill_max_active_runs",
                  fmt::format("the run is queued: {} of {} runs of backfill {} run already (its max_active_runs)",
                              backfill->running.size(), backfill->what.max_active_runs, backfill->what.id.value));
  }
  return Reason("max_active_runs",
                fmt::format("the run is queued: {} of {} runs of this DAG run already (max_active_runs)",
                            context.dag.Running(), context.dag.head.max_active_runs));
}

}  // namespace

Value ExplainTask(const WhyContext& context, SlotNo no, ReadyQueue& queue, const std::optional<InLine>& line) {
  const ActiveRun& run = context.run;
  const TaskSlot& slot = run.slot(no);
  Value::List reasons;
  if (!IsFinished(slot.state) && slot.state != TaskState::kRunning && slot.state != TaskState::kDeferred) {
    if (run.info.state == RunState::kQueued) {
      reasons.push_back(ExplainQueued(context));
    } else if (context.dag.head.paused) {
      reasons.push_back(Reason("paused", "its DAG is paused"));
    }
    const bool held = run.HoldsForPast(run.TaskOf(no));
    if (slot.state == TaskState::kRestarting || run.IsHeld(no)) {
      reasons.push_back(Reason("stopping", "it runs again when its attempt, which is being stopped, has ended"));
    } else if (held) {
      ExplainPast(run, no, reasons);
    } else if (slot.state == TaskState::kNone && run.info.state == RunState::kRunning) {
      ExplainRule(run, no, reasons);
    }
    if (slot.state == TaskState::kScheduled && reasons.empty()) ExplainSlot(context, no, queue, line, reasons);
    if (slot.state == TaskState::kUpForRetry && !held) {
      reasons.push_back(
          Reason("retry_delay", fmt::format("try {} failed; the next one waits for its delay", slot.try_number)));
    }
  }
  Value answer = Value::Map{{"state", std::string(ToString(slot.state))},
                            {"try_number", std::int64_t{slot.try_number}},
                            {"reasons", Value(std::move(reasons))}};
  if (!line) return answer;
  answer.Set("pool", run.TaskAt(no).pool);
  answer.Set("position", line->position);
  answer.Set("waiting_since", FormatIso(line->since));
  return answer;
}

}  // namespace pipelined
