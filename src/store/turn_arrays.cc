#include "store/turn_arrays.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "pipelined/schema/json.h"
#include "store/arrays.h"

namespace pipelined {
namespace {

template <std::size_t N>
void Append(std::array<ArrayText, N>& columns, std::vector<std::string>& out) {
  for (ArrayText& column : columns) out.push_back(column.text());
}

// Nearly always nobody has asked for any of the changes: then there is no column of empty words.
template <class Change, class Who>
std::string Authors(const std::vector<Change>& changes, const Who& who) {
  ArrayText column;
  if (std::all_of(changes.begin(), changes.end(), [&](const Change& change) { return who(change).empty(); }))
    return column.text();
  for (const Change& change : changes) column.Add(who(change));
  return column.text();
}

void AddRuns(const Plan& plan, std::vector<std::string>& out) {
  std::array<ArrayText, 4> columns;
  auto& [id, from, to, why] = columns;
  for (const RunChange& change : plan.runs) {
    id.Add(change.run.value);
    from.Add(ToString(change.from));
    to.Add(ToString(change.to));
    why.Add(std::string_view(change.why));
  }
  Append(columns, out);
  out.push_back(Authors(plan.runs, [](const RunChange& change) { return std::string_view(change.who); }));
}

void AddClosed(const Plan& plan, std::vector<std::string>& out) {
  std::array<ArrayText, 13> columns;
  auto& [attempt, run, outcome, exit_code, signal, start, end, duration, user, system, rss, pid, message] = columns;
  for (const AttemptClosed& closed : plan.closed) {
    const AttemptFinished& e = closed.end;
    attempt.Add(e.attempt.value);
    run.Add(closed.run.value);
    outcome.Add(ToString(e.outcome));
    // A code belongs to a command that ran and ended by itself.
    if (e.start && e.signal == 0)
      exit_code.Add(e.exit_code);
    else
      exit_code.AddNull();
    if (e.signal != 0)
      signal.Add(e.signal);
    else
      signal.AddNull();
    start.Add(e.start);
    end.Add(e.end == Instant{} ? plan.now : e.end);
    duration.Add(e.duration.count());
    user.Add(e.cpu_user.count());
    system.Add(e.cpu_system.count());
    rss.Add(e.max_rss_kib);
    if (e.pid != 0)
      pid.Add(e.pid);
    else
      pid.AddNull();
    message.Add(std::string_view(e.message));
  }
  Append(columns, out);
}

void AddOutputs(const Plan& plan, std::vector<std::string>& out) {
  std::array<ArrayText, 5> columns;
  auto& [run, task, map_index, key, value] = columns;
  for (const AttemptClosed& closed : plan.closed) {
    if (!closed.end.outputs.is_map() || !closed.run) continue;
    for (const auto& [name, output] : closed.end.outputs.map()) {
      run.Add(closed.run.value);
      task.Add(std::int64_t{closed.task});
      map_index.Add(closed.map_index);
      key.Add(std::string_view(name));
      value.Add(std::string_view(ToJson(output)));
    }
  }
  Append(columns, out);
}

void AddTasks(const Plan& plan, const std::vector<TaskChange>& changes, std::vector<std::string>& out) {
  std::array<ArrayText, 12> columns;
  auto& [run, task, map_index, from, to, try_number, max_tries, attempt, start, end, retry, why] = columns;
  for (const TaskChange& change : changes) {
    run.Add(change.run.value);
    task.Add(std::int64_t{change.task});
    map_index.Add(change.map_index);
    from.Add(ToString(change.from));
    to.Add(ToString(change.to));
    try_number.Add(std::int64_t{change.try_number});
    max_tries.Add(std::int64_t{change.max_tries});
    if (change.attempt)
      attempt.Add(change.attempt.value);
    else
      attempt.AddNull();
    start.Add(change.start_date);
    end.Add(change.end_date);
    retry.Add(change.retry_at);
    why.Add(std::string_view(change.why));
  }
  Append(columns, out);
  out.push_back(Authors(changes, [&](const TaskChange& change) { return plan.WhoOf(change); }));
}

void AddOpened(const Plan& plan, std::vector<std::string>& out) {
  std::array<ArrayText, 6> columns;
  auto& [attempt, run, task, map_index, try_number, version] = columns;
  for (const AttemptOpened& opened : plan.opened) {
    attempt.Add(opened.attempt.value);
    run.Add(opened.run.value);
    task.Add(std::int64_t{opened.task});
    map_index.Add(opened.map_index);
    try_number.Add(std::int64_t{opened.try_number});
    version.Add(opened.version.value);
  }
  Append(columns, out);
}

}  // namespace

std::vector<std::string> TurnArrays(const Plan& plan) {
  std::vector<std::string> out;
  out.reserve(40);
  AddRuns(plan, out);
  AddClosed(plan, out);
  AddOutputs(plan, out);
  AddTasks(plan, plan.tasks, out);
  AddOpened(plan, out);
  return out;
}

std::vector<std::string> SteeredArrays(const Plan& plan) {
  std::vector<std::string> out;
  AddTasks(plan, plan.steered, out);
  return out;
}

std::int64_t LastAttempt(const Plan& plan) {
  std::int64_t last = 0;
  for (const AttemptOpened& opened : plan.opened) last = std::max(last, opened.attempt.value);
  return last;
}

}  // namespace pipelined
