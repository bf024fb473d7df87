#include "pipelined/simulation/report.h"

#include <algorithm>
#include <map>

namespace pipelined {
namespace {

constexpr std::size_t kLongestWaits = 5;

Value TimeOrNull(Instant instant) {
  return instant == Instant() ? Value() : Value(FormatInstant(instant));
}

double InSeconds(Micros micros) {
  return static_cast<double>(micros.count()) / 1e6;
}

// --- one run as a value
// -----------------------------------------------------------------------------------------------------------------

Value::Map TaskShape(const Task& task, const TaskRecord& record) {
  return {{"task_id", task.id},
          {"state", record.state == TaskState::kNone ? Value() : Value(ToString(record.state))},
          {"try_number", record.tries},
          {"start_date", TimeOrNull(record.start)},
          {"end_date", TimeOrNull(record.end)},
          {"waited", InSeconds(record.waited)}};
}

// --- the summary
// -----------------------------------------------------------------------------------------------------------------

template <class State, class Records>
Value CountStates(const Records& records) {
  std::map<State, std::int64_t> counts;
  for (const auto& record : records) ++counts[record.state];
  Value::Map shape{{"total", static_cast<std::int64_t>(records.size())}};
  for (const auto& [state, count] : counts) shape.emplace_back(ToString(state), count);
  return shape;
}

// The longest, longest first.
template <class Waits, class Name>
Value LongestOf(Waits waits, const Name& name) {
  const std::size_t most = std::min(kLongestWaits, waits.size());
  std::partial_sort(
      waits.begin(), waits.begin() + static_cast<std::ptrdiff_t>(most), waits.end(),
      [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  Value::List longest;
  for (std::size_t i = 0; i < most; ++i) {
    Value::Map shape = name(waits[i].second);
    shape.emplace_back("waited", InSeconds(waits[i].first));
    longest.emplace_back(std::move(shape));
  }
  return longest;
}

Value LongestRunWaits(const SimulationView& view) {
  std::vector<std::pair<Micros, std::size_t>> waits;
  for (std::size_t r = 0; r < view.result.runs.size(); ++r) {
    const RunRecord& run = view.result.runs[r];
    const Instant until = run.started() ? run.start : IsFinished(run.state) ? run.end : view.options.to;
    const Micros waited = until - DueWithin(run, view.options.from);
    if (waited > Micros(0)) waits.emplace_back(waited, r);
  }
  return LongestOf(std::move(waits), [&](std::size_t r) {
    const RunRecord& run = view.result.runs[r];
    return Value::Map{{"dag_id", view.input.dags[run.dag].dag->id}, {"dag_run_id", run.run_id}};
  });
}

Value LongestTaskWaits(const SimulationView& view) {
  std::vector<std::pair<Micros, std::size_t>> waits;
  for (std::size_t t = 0; t < view.result.tasks.size(); ++t) {
    if (view.result.tasks[t].waited > Micros(0)) waits.emplace_back(view.result.tasks[t].waited, t);
  }
  return LongestOf(std::move(waits), [&](std::size_t t) {
    const auto next = std::upper_bound(view.result.runs.begin(), view.result.runs.end(), t,
                                       [](std::size_t task, const RunRecord& run) { return task < run.first_task; });
    const RunRecord& run = *std::prev(next);
    const Dag& dag = *view.input.dags[run.dag].dag;
    return Value::Map{{"dag_id", dag.id}, {"dag_run_id", run.run_id}, {"task_id", dag.tasks[t - run.first_task].id}};
  });
}

// Slots by DAG: {"total": 3, "dags": [{"dag_id": …, "slots": 3}]}.
Value ByDag(const SimulationView& view, const std::map<std::uint32_t, std::int64_t>& counts) {
  std::int64_t total = 0;
  Value::List dags;
  for (const auto& [dag, count] : counts) {
    total += count;
    dags.emplace_back(Value::Map{{"dag_id", view.input.dags[dag].dag->id}, {"slots", count}});
  }
  return Value::Map{{"total", total}, {"dags", std::move(dags)}};
}

Value LateSlots(const SimulationView& view) {
  std::map<std::uint32_t, std::int64_t> late;
  for (const RunRecord& run : view.result.runs) {
    const Instant due = DueWithin(run, view.options.from);
    if (run.started() ? run.start > due : !IsFinished(run.state) && due < view.options.to) ++late[run.dag];
  }
  return ByDag(view, late);
}

Value MissedSlots(const SimulationView& view) {
  std::map<std::uint32_t, std::int64_t> missed;
  for (const MissedSlot& slot : view.result.missed) ++missed[slot.dag];
  return ByDag(view, missed);
}

Value PoolShapes(const SimulationView& view) {
  Value::List pools;
  for (const PoolPeak& pool : view.result.pools)
    pools.emplace_back(
        Value::Map{{"name", pool.name}, {"slots", pool.slots}, {"peak", pool.peak}, {"at", TimeOrNull(pool.at)}});
  return pools;
}

Value DagShapes(const SimulationView& view) {
  Value::List unscheduled, paused, left_out;
  for (const SimulatedDag& dag : view.input.dags) {
    if (dag.timetable == nullptr) unscheduled.emplace_back(dag.dag->id);
  }
  for (const std::string& id : view.input.paused) left_out.emplace_back(id);
  for (const PausedDag& dag : view.result.paused) {
    paused.emplace_back(
        Value::Map{{"dag_id", view.input.dags[dag.dag].dag->id}, {"at", FormatInstant(dag.at)}, {"why", dag.why}});
  }
  return Value::Map{{"simulated", static_cast<std::int64_t>(view.input.dags.size())},
                    {"without_schedule", std::move(unscheduled)},
                    {"paused_upon_creation", std::move(left_out)},
                    {"paused_by_failures", std::move(paused)}};
}

}  // namespace

Value SimulatedRun(const SimulationView& view, const RunRecord& run) {
  const Dag& dag = *view.input.dags[run.dag].dag;
  Value::List tasks;
  for (std::size_t t = 0; t < dag.tasks.size(); ++t)
    tasks.emplace_back(TaskShape(dag.tasks[t], view.result.tasks[run.first_task + t]));
  const bool ended = IsFinished(run.state) && run.started();
  return Value::Map{
      {"dag_id", dag.id},
      {"dag_run_id", run.run_id},
      {"state", ToString(run.state)},
      {"logical_date", FormatInstant(run.due.logical_date)},
      {"data_interval_start", FormatInstant(run.due.interval.start)},
      {"data_interval_end", FormatInstant(run.due.interval.end)},
      {"run_after", FormatInstant(run.due.run_after)},
      {"start_date", TimeOrNull(run.start)},
      {"end_date", TimeOrNull(run.end)},
      {"waited", run.started() ? Value(InSeconds(run.start - DueWithin(run, view.options.from))) : Value()},
      {"duration", ended ? Value(InSeconds(run.end - run.start)) : Value()},
      {"tasks", std::move(tasks)}};
}

Value SimulatedMiss(const SimulationView& view, const MissedSlot& slot) {
  return Value::Map{{"dag_id", view.input.dags[slot.dag].dag->id},
                    {"logical_date", FormatInstant(slot.due.logical_date)},
                    {"run_after", FormatInstant(slot.due.run_after)}};
}

Value SimulationSummary(const SimulationView& view) {
  return Value::Map{{"from", FormatInstant(view.options.from)},
                    {"to", FormatInstant(view.options.to)},
                    {"dags", DagShapes(view)},
                    {"runs", CountStates<RunState>(view.result.runs)},
                    {"tasks", CountStates<TaskState>(view.result.tasks)},
                    {"tries", view.result.tries},
                    {"busiest", Value::Map{{"at", TimeOrNull(view.result.busiest)},
                                           {"running", view.result.most_running},
                                           {"parallelism", view.options.parallelism}}},
                    {"pools", PoolShapes(view)},
                    {"longest_waits", Value::Map{{"runs", LongestRunWaits(view)}, {"tasks", LongestTaskWaits(view)}}},
                    {"late_slots", LateSlots(view)},
                    {"missed_slots", MissedSlots(view)}};
}

}  // namespace pipelined
