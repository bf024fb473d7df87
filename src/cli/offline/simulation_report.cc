#include "cli/offline/simulation_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "pipelined/schema/json.h"

namespace pipelined::cli {
namespace {

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
      fmt::print("{}{}", std::exchange(between, ",\n"), ToJson(SimulatedRun(view, run)));
    fmt::print("{}],\n\"missed_slots\": [", view.result.runs.empty() ? between : "\n");
    between = "\n";
    for (const MissedSlot& slot : view.result.missed)
      fmt::print("{}{}", std::exchange(between, ",\n"), ToJson(SimulatedMiss(view, slot)));
    fmt::print("]");
  }
  fmt::print("}}\n");
}

void PrintYaml(const SimulationView& view, bool runs) {
  fmt::print("{}", ToYaml(Value(Value::Map{{"summary", SimulationSummary(view)}})));
  if (!runs) return;
  fmt::print("runs:{}\n", view.result.runs.empty() ? " []" : "");
  for (const RunRecord& run : view.result.runs) fmt::print("{}", ToYaml(Value(Value::List{SimulatedRun(view, run)})));
  fmt::print("missed_slots:{}\n", view.result.missed.empty() ? " []" : "");
  for (const MissedSlot& slot : view.result.missed)
    fmt::print("{}", ToYaml(Value(Value::List{SimulatedMiss(view, slot)})));
}

}  // namespace

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
