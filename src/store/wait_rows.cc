#include "store/wait_rows.h"

#include <unordered_map>

#include "pipelined/schema/json.h"
#include "store/arrays.h"
#include "store/rows.h"

namespace pipelined {
namespace {

// One row for each run that is there, in the order of the questions: by id or by date, each through its own index.
const char* const kRunsSeen =
    "select q.place, r.id, r.run_id, r.state from unnest($1::integer[], $2::text[], $3::text[]) as q (place, dag, run) "
    "join dag_run r on r.dag_id = q.dag and r.run_id = q.run "
    "union all "
    "select q.place, r.id, r.run_id, r.state from unnest($4::integer[], $5::text[], $6::bigint[]) as q (place, dag, "
    "at) "
    "join dag_run r on r.dag_id = q.dag and r.logical_date = at_micros(q.at) and r.rerun_of is null";

// The states of tasks: of a mapped one those of its instances, of which the untouched ones have no row.
const char* const kTasksSeen =
    "select q.place, q.number, coalesce(m.length, 1), i.state "
    "from unnest($1::integer[], $2::integer[], $3::bigint[], $4::text[]) as q (place, number, run, task) "
    "join dag_run r on r.id = q.run "
    "join dag_version_task t on t.version_id = r.version_id and t.task_id = q.task "
    "left join task_map m on m.run_id = r.id and m.task_no = t.task_no "
    "left join task_instance i on i.run_id = r.id and i.task_no = t.task_no and (i.map_index >= 0) = (m.length is not "
    "null)";

}  // namespace

void StoreWaits(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  if (plan.waits.empty()) return;
  ArrayText attempt, job;
  for (const WaitBegun& wait : plan.waits) {
    attempt.Add(wait.attempt.value);
    job.Add(std::string_view(ToJson(wait.job)));
  }
  session.In(transaction, "store_waits",
             "update attempt a set waits_for = u.job::json from unnest($1::bigint[], $2::text[]) as u (id, job) "
             "where a.id = u.id",
             attempt.text(), job.text());
}

void ReadWaits(pqxx::transaction_base& transaction, std::vector<RestoredRun>& runs) {
  std::unordered_map<std::int64_t, StoredTask*> tasks;
  for (RestoredRun& run : runs) {
    for (StoredTask& task : run.tasks) {
      if (task.attempt) tasks[task.attempt.value] = &task;
    }
  }
  if (tasks.empty()) return;
  for (const pqxx::row& row :
       transaction.exec("select a.id, r.id, r.dag_id, r.run_id, r.state, micros(a.opened_at) from attempt a "
                        "join dag_run r on r.parent_attempt = a.id where a.outcome is null")) {
    const auto task = tasks.find(row[0].as<std::int64_t>());
    if (task == tasks.end()) continue;
    task->second->child = StoredChild{RunId{row[1].as<std::int64_t>()}, row[2].c_str(), row[3].c_str(),
                                      RunStateFromString(row[4].c_str()).value_or(RunState::kFailed),
                                      FromMicros(row[5].as<std::int64_t>())};
  }
  for (const pqxx::row& row : transaction.exec("select a.id, a.waits_for::text, micros(a.opened_at) from attempt a "
                                               "where a.outcome is null and a.waits_for is not null")) {
    const auto task = tasks.find(row[0].as<std::int64_t>());
    if (task == tasks.end()) continue;
    task->second->wait = StoredWait{ReadJson(row[1]), FromMicros(row[2].as<std::int64_t>())};
  }
}

std::vector<std::optional<RunSeen>> ReadRunsSeen(Session& session, const std::vector<RunQuestion>& questions) {
  std::vector<std::optional<RunSeen>> seen(questions.size());
  ArrayText id_place, id_dag, id_run, date_place, date_dag, date_at;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const RunQuestion& question = questions[i];
    if (!question.run_id.empty()) {
      id_place.Add(static_cast<std::int64_t>(i));
      id_dag.Add(std::string_view(question.dag_id));
      id_run.Add(std::string_view(question.run_id));
    } else if (question.logical_date) {
      date_place.Add(static_cast<std::int64_t>(i));
      date_dag.Add(std::string_view(question.dag_id));
      date_at.Add(ToMicros(*question.logical_date));
    }
  }
  ArrayText place, number, run, task;
  for (const pqxx::row& row : session.Run("runs_seen", kRunsSeen, id_place.text(), id_dag.text(), id_run.text(),
                                          date_place.text(), date_dag.text(), date_at.text())) {
    const auto at = row[0].as<std::size_t>();
    const std::vector<std::string>& tasks = questions[at].task_ids;
    seen[at] = RunSeen{row[2].c_str(), RunStateFromString(row[3].c_str()).value_or(RunState::kQueued),
                       std::vector<std::vector<TaskState>>(tasks.size())};
    for (std::size_t no = 0; no < tasks.size(); ++no) {
      place.Add(static_cast<std::int64_t>(at));
      number.Add(static_cast<std::int64_t>(no));
      run.Add(row[1].as<std::int64_t>());
      task.Add(std::string_view(tasks[no]));
    }
  }
  if (place.empty()) return seen;
  for (const pqxx::row& row :
       session.Run("tasks_seen", kTasksSeen, place.text(), number.text(), run.text(), task.text())) {
    std::vector<TaskState>& states = seen[row[0].as<std::size_t>()]->tasks[row[1].as<std::size_t>()];
    states.resize(row[2].as<std::size_t>(), TaskState::kNone);
    if (row[3].is_null()) continue;
    const TaskState state = TaskStateFromString(row[3].c_str()).value_or(TaskState::kNone);
    for (TaskState& free : states) {  // the first that nothing is known of yet
      if (free != TaskState::kNone) continue;
      free = state;
      break;
    }
  }
  return seen;
}

}  // namespace pipelined
