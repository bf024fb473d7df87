#include "cli/offline/simulation_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "pipelined/schema/json.h"

namespace pipelined::cli {
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

Value RunShape(const SimulationView& view, const RunRecord& run) {
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

Value MissedShape(const SimulationView& view, const MissedSlot& slot) {
  return Value::Map{{"dag_id", view.input.dags[slot.dag].dag->id},
                    {"logical_date", FormatInstant(slot.due.logical_date)},
                    {"run_after", FormatInstant(slot.due.run_after)}};
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

// --- the summary for people
// -----------------------------------------------------------------------------------------------------------------

std::string Length(const Value* seconds) {
  return seconds == nullptr || !seconds->is_number()
             ? ""
             : FormatDuration(Micros(static_cast<std::int64_t>(seconds->number() * 1e6 + 0.5)));
}

std::string CountsText(const Value& counts) {
  std::string text;
  for (const auto& [state, count] : counts.map()) {
    if (state != "total") text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count.integer(), state);
  }
  return fmt::format("{}{}{}{}", counts.Find("total")->integer(), text.empty() ? "" : " (", text,
                     text.empty() ? "" : ")");
}

std::string ListText(const Value& ids) {
  constexpr std::size_t kShown = 8;
  std::string text;
  const Value::List& list = ids.list();
  for (std::size_t i = 0; i < std::min(kShown, list.size()); ++i) text += (text.empty() ? "" : ", ") + list[i].string();
  if (list.size() > kShown) text += fmt::format(" and {} more", list.size() - kShown);
  return text;
}

std::string SlotsText(const Value& slots) {
  Value::List shown;
  for (const Value& dag : slots.Find("dags")->list())
    shown.emplace_back(fmt::format("{} {}", TextOf(dag, "dag_id"), dag.Find("slots")->integer()));
  const std::int64_t total = slots.Find("total")->integer();
  return total == 0 ? "none" : fmt::format("{} ({})", total, ListText(Value(std::move(shown))));
}

std::string WaitsText(const Value& waits) {
  std::string text;
  for (const Value& wait : waits.list()) {
    const std::string task = TextOf(wait, "task_id");
    text += fmt::format("  {:<8} {}{}{} of {}\n", Length(wait.Find("waited")), TextOf(wait, "dag_id"),
                        task.empty() ? "" : ".", task, TextOf(wait, "dag_run_id"));
  }
  return text;
}

std::string PoolsText(const Value& pools) {
  std::string text;
  for (const Value& pool : pools.list()) {
    const std::int64_t slots = pool.Find("slots")->integer();
    const std::string at = TextOf(pool, "at");
    text += fmt::format("  {}: {} of {}{}{}\n", TextOf(pool, "name"), pool.Find("peak")->integer(),
                        slots < 0 ? "any number" : std::to_string(slots), at.empty() ? "" : " at ", at);
  }
  return text;
}

// --- rows
// -----------------------------------------------------------------------------------------------------------------

constexpr std::size_t kColumns = 9;
using Cells = std::array<std::string, kColumns>;
const Cells kTitles{"DAG", "RUN", "LOGICAL DATE", "DUE", "START", "END", "WAITED", "DURATION", "STATE"};

std::string ToTheSecond(Instant instant) {
  return instant == Instant() ? "" : FormatInstant(std::chrono::floor<Seconds>(instant));
}

Cells CellsOf(const SimulationView& view, const RunRecord& run) {
  const bool started = run.started();
  return {view.input.dags[run.dag].dag->id,
          run.run_id,
          ToTheSecond(run.due.logical_date),
          ToTheSecond(run.due.run_after),
          ToTheSecond(run.start),
          ToTheSecond(run.end),
          started ? FormatDuration(run.start - DueWithin(run, view.options.from)) : "",
          started && IsFinished(run.state) ? FormatDuration(run.end - run.start) : "",
          std::string(ToString(run.state))};
}

void PrintTableLine(const Cells& cells, const std::array<std::size_t, kColumns>& widths, bool colour) {
  std::string line;
  for (std::size_t c = 0; c + 1 < kColumns; ++c) line += cells[c] + std::string(widths[c] - cells[c].size() + 2, ' ');
  fmt::print("{}{}\n", line, ColouredState(cells.back(), colour));
}

// The cells are made twice, once for their widths, rather than kept: there may be a million runs.
void PrintTable(const SimulationView& view) {
  std::array<std::size_t, kColumns> widths{};
  const auto widen = [&](const Cells& cells) {
    for (std::size_t c = 0; c < kColumns; ++c) widths[c] = std::max(widths[c], cells[c].size());
  };
  widen(kTitles);
  for (const RunRecord& run : view.result.runs) widen(CellsOf(view, run));
  PrintTableLine(kTitles, widths, false);
  const bool colour = StdoutIsTerminal();
  for (const RunRecord& run : view.result.runs) PrintTableLine(CellsOf(view, run), widths, colour);
  fmt::print("\n{}", SummaryText(SimulationSummary(view)));
}

void PrintJson(const SimulationView& view, bool runs) {
  fmt::print("{{\"summary\": {}", ToJson(SimulationSummary(view)));
  if (runs) {
    const char* between = ",\n\"runs\": [\n";
    for (const RunRecord& run : view.result.runs)
      fmt::print("{}{}", std::exchange(between, ",\n"), ToJson(RunShape(view, run)));
    fmt::print("{}],\n\"missed_slots\": [", view.result.runs.empty() ? between : "\n");
    between = "\n";
    for (const MissedSlot& slot : view.result.missed)
      fmt::print("{}{}", std::exchange(between, ",\n"), ToJson(MissedShape(view, slot)));
    fmt::print("]");
  }
  fmt::print("}}\n");
}

void PrintYaml(const SimulationView& view, bool runs) {
  fmt::print("{}", ToYaml(Value(Value::Map{{"summary", SimulationSummary(view)}})));
  if (!runs) return;
  fmt::print("runs:{}\n", view.result.runs.empty() ? " []" : "");
  for (const RunRecord& run : view.result.runs) fmt::print("{}", ToYaml(Value(Value::List{RunShape(view, run)})));
  fmt::print("missed_slots:{}\n", view.result.missed.empty() ? " []" : "");
  for (const MissedSlot& slot : view.result.missed)
    fmt::print("{}", ToYaml(Value(Value::List{MissedShape(view, slot)})));
}

}  // namespace

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

std::string SummaryText(const Value& summary) {
  const Value& dags = *summary.Find("dags");
  const Value& busiest = *summary.Find("busiest");
  std::string text = fmt::format("from {} to {}\n", TextOf(summary, "from"), TextOf(summary, "to"));
  text += fmt::format("DAGs: {}", dags.Find("simulated")->integer());
  const auto named = [&](const char* key, const char* words) {
    const Value& list = *dags.Find(key);
    if (!list.list().empty()) text += fmt::format("\n  {}: {}", words, ListText(list));
  };
  named("without_schedule", "without a schedule, so they never run");
  named("paused_upon_creation", "left out, paused upon creation (--include-paused)");
  text += "\n";
  for (const Value& dag : dags.Find("paused_by_failures")->list())
    text += fmt::format("  paused at {}: {} ({})\n", TextOf(dag, "at"), TextOf(dag, "dag_id"), TextOf(dag, "why"));
  text += fmt::format("runs: {}\ntasks: {}, {} tries\n", CountsText(*summary.Find("runs")),
                      CountsText(*summary.Find("tasks")), summary.Find("tries")->integer());
  if (const std::string at = TextOf(busiest, "at"); !at.empty())
    text += fmt::format("busiest: {} of {} tasks at once, at {}\n", busiest.Find("running")->integer(),
                        busiest.Find("parallelism")->integer(), at);
  text += "pools, most slots in use:\n" + PoolsText(*summary.Find("pools"));
  const Value& waits = *summary.Find("longest_waits");
  if (!waits.Find("runs")->list().empty()) text += "longest waits of runs to begin:\n" + WaitsText(*waits.Find("runs"));
  if (!waits.Find("tasks")->list().empty())
    text += "longest waits of tasks for a slot:\n" + WaitsText(*waits.Find("tasks"));
  text += fmt::format("slots that began late: {}\nslots passed over: {}\n", SlotsText(*summary.Find("late_slots")),
                      SlotsText(*summary.Find("missed_slots")));
  return text;
}

void PrintSimulation(Layout format, const SimulationView& view, bool runs) {
  switch (format) {
    case Layout::kJson:
      return PrintJson(view, runs);
    case Layout::kYaml:
      return PrintYaml(view, runs);
    case Layout::kTable:
    case Layout::kWide:
      if (runs) return PrintTable(view);
      break;
    case Layout::kPlain:
      if (!runs) break;
      for (const RunRecord& run : view.result.runs) fmt::print("{}\n", fmt::join(CellsOf(view, run), "\t"));
      return;
  }
  fmt::print("{}", SummaryText(SimulationSummary(view)));
}

}  // namespace pipelined::cli
