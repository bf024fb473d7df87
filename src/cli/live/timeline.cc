#include "cli/live/timeline.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace pipelined::cli {
namespace {

constexpr std::size_t kMostRunLines = 40;  // more runs: a line for each DAG
constexpr std::size_t kLongestLabel = 36;
constexpr std::size_t kLeast = 40;

constexpr std::string_view kLegendOfRuns = ". due, waits   - begun, nothing of it runs   # runs   x failed";
constexpr std::string_view kLegendOfDags = ". runs wait   1-9 runs at once, + more   x runs failed";

// The period, cut into cells.
class Axis {
 public:
  Axis(Instant from, Instant to, std::size_t cells) : from_(from), length_(to - from), cells_(cells) {}
  std::size_t cells() const { return cells_; }
  std::size_t CellOf(Instant instant) const {
    const double share = static_cast<double>((instant - from_).count()) / static_cast<double>(length_.count());
    return std::min(cells_ - 1, static_cast<std::size_t>(std::max(0.0, share) * static_cast<double>(cells_)));
  }
  Instant Begin(std::size_t cell) const {
    return from_ + Micros(static_cast<std::int64_t>(static_cast<double>(length_.count()) * static_cast<double>(cell) /
                                                    static_cast<double>(cells_)));
  }
  Micros length() const { return length_; }

 private:
  Instant from_;
  Micros length_;
  std::size_t cells_;
};

std::string WithoutTail(std::string line) {
  while (line.ends_with(' ')) line.pop_back();
  return line + "\n";
}

std::string Cut(const std::string& text, std::size_t width) {
  return text.size() <= width ? text + std::string(width - text.size(), ' ') : text.substr(0, width - 1) + "~";
}

// Dates below the ticks: with the time of day when the period is short.
std::string AxisLine(const Axis& axis, std::size_t label_width) {
  const bool days = axis.length() > std::chrono::hours(24 * 15);
  const std::size_t every = days ? 12 : 13;
  std::string line(label_width, ' ');
  for (std::size_t cell = 0; cell + every <= axis.cells() + 1; cell += every) {
    const auto at = std::chrono::floor<Seconds>(axis.Begin(cell));
    const std::string text = FormatInstant(at);  // 2026-01-31T06:00:00Z
    line += Cut("|" + (days ? text.substr(0, 10) : text.substr(5, 5) + " " + text.substr(11, 5)), every);
  }
  return WithoutTail(std::move(line));
}

void Paint(std::string& cells, const Axis& axis, Instant from, Instant to, char with) {
  for (std::size_t cell = axis.CellOf(from), last = axis.CellOf(std::max(from, to - Micros(1))); cell <= last; ++cell)
    cells[cell] = with;
}

std::string RunCells(const SimulationView& view, const RunRecord& run, const Axis& axis) {
  std::string cells(axis.cells(), ' ');
  const Instant due = DueWithin(run, view.options.from);
  const Instant over = IsFinished(run.state) ? run.end : view.options.to;
  if (const Instant begun = run.started() ? run.start : over; begun > due) Paint(cells, axis, due, begun, '.');
  if (!run.started()) return cells;
  Paint(cells, axis, run.start, over, '-');
  const std::size_t tasks = view.input.dags[run.dag].tasks.size();
  for (std::size_t t = run.first_task; t < run.first_task + tasks; ++t) {
    const TaskRecord& task = view.result.tasks[t];
    if (task.started()) Paint(cells, axis, task.start, task.end == Instant() ? over : task.end, '#');
  }
  if (run.state == RunState::kFailed) cells[axis.CellOf(std::max(run.start, over - Micros(1)))] = 'x';
  return cells;
}

// For each cell the most that was under way at once, from (instant, +1 or -1).
std::vector<std::int32_t> Most(std::vector<std::pair<Instant, std::int32_t>> steps, const Axis& axis) {
  std::sort(steps.begin(), steps.end());  // of one instant, ends come before beginnings
  std::vector<std::int32_t> most(axis.cells(), 0);
  std::int32_t now = 0;
  std::size_t cell = 0;
  for (const auto& [at, by] : steps) {
    for (const std::size_t reached = axis.CellOf(at); cell < reached;) most[++cell] = now;
    now += by;
    most[cell] = std::max(most[cell], now);
  }
  while (cell + 1 < axis.cells()) most[++cell] = now;
  return most;
}

std::string DagCells(const SimulationView& view, const std::vector<const RunRecord*>& runs, const Axis& axis) {
  std::string cells(axis.cells(), ' ');
  std::vector<std::pair<Instant, std::int32_t>> steps;
  for (const RunRecord* run : runs) {
    const Instant due = DueWithin(*run, view.options.from);
    const Instant over = IsFinished(run->state) ? run->end : view.options.to;
    if (const Instant begun = run->started() ? run->start : over; begun > due) Paint(cells, axis, due, begun, '.');
    if (!run->started()) continue;
    steps.emplace_back(run->start, 1);
    steps.emplace_back(std::max(over, run->start + Micros(1)), -1);
  }
  const std::vector<std::int32_t> most = Most(std::move(steps), axis);
  for (std::size_t cell = 0; cell < cells.size(); ++cell) {
    if (most[cell] > 0) cells[cell] = most[cell] > 9 ? '+' : static_cast<char>('0' + most[cell]);
  }
  for (const RunRecord* run : runs) {
    if (run->state == RunState::kFailed) cells[axis.CellOf(run->end - Micros(1))] = 'x';
  }
  return cells;
}

// How full the machine is: tenths of parallelism, rounded up; a blank for none.
std::string LoadCells(const SimulationView& view, const Axis& axis) {
  std::vector<std::int32_t> most(axis.cells(), 0);
  std::int32_t now = 0;
  std::size_t cell = 0;
  for (const LoadChange& change : view.result.load) {
    for (const std::size_t reached = axis.CellOf(change.at); cell < reached;) most[++cell] = now;
    now = change.running;
    most[cell] = std::max(most[cell], now);
  }
  while (cell + 1 < axis.cells()) most[++cell] = now;
  std::string cells(axis.cells(), ' ');
  const std::int32_t all = std::max(view.options.parallelism, 1);
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const std::int32_t tenths = (most[c] * 10 + all - 1) / all;
    if (most[c] > 0) cells[c] = tenths >= 10 ? '*' : static_cast<char>('0' + tenths);
  }
  return cells;
}

std::string RunLabel(const SimulationView& view, const RunRecord& run) {
  const std::string due = FormatInstant(std::chrono::floor<Seconds>(run.due.run_after));
  return fmt::format("{} {} {}", view.input.dags[run.dag].dag->id, due.substr(5, 5), due.substr(11, 5));
}

}  // namespace

std::string Timeline(const SimulationView& view, std::size_t width) {
  const std::vector<RunRecord>& runs = view.result.runs;
  const bool by_run = runs.size() <= kMostRunLines;
  std::vector<std::string> labels;
  std::vector<std::vector<const RunRecord*>> of_dag(view.input.dags.size());
  for (const RunRecord& run : runs) {
    of_dag[run.dag].push_back(&run);
    if (by_run) labels.push_back(RunLabel(view, run));
  }
  if (!by_run) {
    for (const SimulatedDag& dag : view.input.dags) labels.push_back(dag.dag->id);
  }
  std::size_t label_width = 8;
  for (const std::string& label : labels) label_width = std::max(label_width, label.size());
  width = std::max(width, kLeast);
  label_width = std::min({label_width, kLongestLabel, width / 2}) + 1;
  const Axis axis(view.options.from, view.options.to, width - label_width);
  std::string text = AxisLine(axis, label_width);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string cells = by_run ? RunCells(view, runs[i], axis) : DagCells(view, of_dag[i], axis);
    text += WithoutTail(Cut(labels[i], label_width - 1) + " " + cells);
  }
  text += WithoutTail(Cut("load", label_width - 1) + " " + LoadCells(view, axis));
  text += fmt::format("{}\nload: tenths of parallelism {}, * all of it; one column is {}\n",
                      by_run ? kLegendOfRuns : kLegendOfDags, view.options.parallelism,
                      FormatDuration(std::chrono::round<Seconds>(axis.Begin(1) - axis.Begin(0))));
  return text;
}

std::size_t OutputColumns() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  const int given = columns == nullptr ? 0 : std::atoi(columns);
  return given > 0 ? static_cast<std::size_t>(given) : 100;
}

}  // namespace pipelined::cli
