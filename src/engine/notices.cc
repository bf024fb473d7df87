// Who is to be told of what has happened in this turn: made from the changes and the rules of the DAG that the run is
// pinned to. What people set by hand is no news to them: a mark tells nobody.
#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "engine/engine_impl.h"

namespace pipelined {
namespace {

using Ends = std::unordered_map<AttemptId, const AttemptFinished*>;

Notice About(const ActiveRun& run, NotifyOn on, std::string_view state) {
  Notice notice;
  notice.on = on;
  notice.run = run.info.id;
  notice.dag_id = run.info.dag_id;
  notice.run_id = run.info.run_id;
  notice.state = state;
  notice.logical_date = run.info.logical_date;
  notice.run_after = run.info.run_after;
  return notice;
}

std::optional<NotifyOn> NewsOf(const TaskChange& change) {
  if (change.from == change.to) return std::nullopt;
  if (change.to == TaskState::kSuccess) return NotifyOn::kSuccess;
  if (change.to == TaskState::kFailed) return NotifyOn::kFailure;
  if (change.to == TaskState::kSkipped) return NotifyOn::kSkipped;
  return std::nullopt;
}

void AddEnd(Notice& notice, const AttemptFinished& end) {
  notice.outcome = ToString(end.outcome);
  notice.start_date = end.start;
  notice.end_date = end.end;
  if (end.start) notice.duration = end.duration;
}

Notice AboutTask(const ActiveRun& run, NotifyOn on, const TaskChange& change) {
  Notice notice = About(run, on, ToString(change.to));
  notice.task_id = run.dag().tasks[change.task].id;
  notice.task_no = static_cast<std::int32_t>(change.task);
  notice.map_index = change.map_index;
  notice.try_number = change.try_number;
  notice.max_tries = change.max_tries;
  notice.why = change.why;
  notice.end_date = change.end_date;
  return notice;
}

constexpr std::size_t kMostNamed = 5;

std::string NameOf(const ActiveRun& run, SlotNo slot) {
  const std::int32_t index = run.MapIndexOf(slot);
  return index < 0 ? run.TaskAt(slot).id : fmt::format("{}[{}]", run.TaskAt(slot).id, index);
}

// Which tasks a run has failed for, and why one of them did where that is news of this turn.
void AddFailures(Notice& notice, const ActiveRun& run, const Plan& plan) {
  std::size_t number = 0;
  std::string reason;
  for (TaskNo task = 0; task < run.dag().tasks.size() && run.size() > 0; ++task) {
    for (const SlotNo slot : run.SlotsOf(task)) {
      const TaskSlot& failed = run.slot(slot);
      if (failed.state != TaskState::kFailed) continue;
      if (++number <= kMostNamed) notice.failed_tasks += fmt::format("{}{}", number > 1 ? ", " : "", NameOf(run, slot));
      if (!reason.empty() || failed.change == 0) continue;
      if (const std::string& why = plan.tasks[failed.change - 1].why; !why.empty() && why != notice.why)
        reason = fmt::format("{}: {}", NameOf(run, slot), why);
    }
  }
  if (number > kMostNamed) notice.failed_tasks += fmt::format(" and {} more", number - kMostNamed);
  if (!reason.empty()) notice.why += fmt::format("{}{}", notice.why.empty() ? "" : "; ", reason);
}

}  // namespace

// `run` has ended by itself, or because somebody cancelled it.
void Engine::Impl::TellOfRun(Turn& turn, const ActiveRun& run, const RunChange& change, bool marked) {
  const Dag& dag = run.dag();
  const bool succeeded = change.to == RunState::kSuccess;
  if (succeeded && dag.notifies_of_failures)
    turn.plan.notices.push_back(About(run, NotifyOn::kRecovered, ToString(change.to)));
  if (marked || dag.notify == nullptr) return;
  const NotifyOn on = succeeded ? NotifyOn::kSuccess : NotifyOn::kFailure;
  if (dag.notify->Of(on).empty()) return;
  Notice notice = About(run, on, ToString(change.to));
  notice.why = change.why;
  if (!succeeded) AddFailures(notice, run, turn.plan);
  notice.start_date = run.info.start_date;
  notice.end_date = turn.now;
  if (run.info.start_date) notice.duration = turn.now - *run.info.start_date;
  notice.uses = dag.notify->Of(on);
  turn.plan.notices.push_back(std::move(notice));
}

void Engine::Impl::TellOfRetry(Turn& turn, const ActiveRun& run, SlotNo slot, const AttemptFinished& end) {
  const NotifyRulesPtr& rules = run.TaskAt(slot).notify;
  if (rules == nullptr || rules->Of(NotifyOn::kRetry).empty()) return;
  Notice notice = About(run, NotifyOn::kRetry, ToString(TaskState::kUpForRetry));
  notice.task_id = run.TaskAt(slot).id;
  notice.task_no = static_cast<std::int32_t>(run.TaskOf(slot));
  notice.map_index = run.MapIndexOf(slot);
  notice.try_number = run.slot(slot).try_number;
  notice.max_tries = run.slot(slot).max_tries;
  notice.why = end.message;
  AddEnd(notice, end);
  notice.uses = rules->Of(NotifyOn::kRetry);
  turn.plan.notices.push_back(std::move(notice));
}

void Engine::Impl::TellOfDeadline(Turn& turn, const ActiveRun& run, const StoredDeadline& deadline) {
  const Deadline& wanted = run.dag().deadlines[static_cast<std::size_t>(deadline.number)];
  if (wanted.on_missed.empty()) return;
  Notice notice = About(run, NotifyOn::kDeadline, ToString(run.info.state));
  notice.deadline = ToText(wanted);
  notice.why = "the deadline was missed: " + notice.deadline;
  notice.start_date = run.info.start_date;
  if (run.info.start_date) notice.duration = turn.now - *run.info.start_date;
  notice.uses = wanted.on_missed;
  turn.plan.notices.push_back(std::move(notice));
}

namespace {

const std::vector<NotifyUse>* ToldOf(const Dag& dag, const TaskChange& change, NotifyOn on) {
  const NotifyRulesPtr& rules = dag.tasks[change.task].notify;
  return rules == nullptr || rules->Of(on).empty() ? nullptr : &rules->Of(on);
}

}  // namespace

// The plan is complete: where each task went is where the store will have it. Runs of DAGs without such rules cost a
// look at each that has ended.
void Engine::Impl::TellOfTasks(Turn& turn) const {
  std::unordered_map<RunId, const ActiveRun*> telling;
  for (const auto& run : leaving_) {
    if (run->dag().notifies_of_tasks) telling.emplace(run->info.id, run.get());
  }
  if (telling.empty() && !tells_of_tasks_) return;
  Ends ends;
  for (const TaskChange& change : turn.plan.tasks) {
    const std::optional<NotifyOn> on = NewsOf(change);
    if (!on) continue;
    const ActiveRun* run = Find(change.run);
    if (const auto left = telling.find(change.run); run == nullptr && left != telling.end()) run = left->second;
    if (run == nullptr) continue;
    const std::vector<NotifyUse>* uses = ToldOf(run->dag(), change, *on);
    if (uses == nullptr) continue;
    if (ends.empty()) {
      for (const AttemptClosed& closed : turn.plan.closed) ends.emplace(closed.end.attempt, &closed.end);
    }
    Notice notice = AboutTask(*run, *on, change);
    if (const auto end = ends.find(change.attempt); end != ends.end()) AddEnd(notice, *end->second);
    notice.uses = *uses;
    turn.plan.notices.push_back(std::move(notice));
  }
}

}  // namespace pipelined
