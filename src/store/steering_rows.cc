#include "store/steering_rows.h"

#include <unordered_map>

#include "pipelined/schema/json.h"
#include "store/arrays.h"
#include "store/deadline_rows.h"
#include "store/rows.h"
#include "store/turn_arrays.h"

namespace pipelined {
namespace {

void StoreSteered(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  if (plan.steered.empty()) return;
  const std::vector<std::string> t = SteeredArrays(plan);
  session.In(transaction, "steer_tasks",
             "select steer_tasks($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)", ToMicros(plan.now),
             t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11], t[12]);
}

void StoreCleared(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  if (plan.cleared.empty()) return;
  ArrayText runs;
  for (const RunCleared& run : plan.cleared) runs.Add(run.run.value);
  session.In(transaction, "count_clears",
             "update dag_run r set clear_number = clear_number + u.times from (select id, count(*)::integer as times "
             "from unnest($1::bigint[]) as c (id) group by id) as u where r.id = u.id",
             runs.text());
}

void StoreNote(pqxx::transaction_base& transaction, Session& session, const NoteChange& note, Instant now) {
  if (note.task_id.empty()) {
    session.In(transaction, "note_run", "update dag_run set note = $2 where id = $1", note.run.value,
               CleanText(note.note));
  } else if (note.note.empty()) {
    session.In(transaction, "drop_task_note",
               "delete from task_note where run_id = $1 and task_id = $2 and map_index = $3", note.run.value,
               CleanText(note.task_id), note.map_index);
  } else {
    session.In(transaction, "note_task",
               "insert into task_note (run_id, task_id, map_index, note, who, at) "
               "select r.id, $2, $6, $3, $4, at_micros($5) from dag_run r where r.id = $1 "
               "on conflict (run_id, task_id, map_index) do update set note = excluded.note, who = excluded.who, at = "
               "excluded.at",
               note.run.value, CleanText(note.task_id), CleanText(note.note), CleanText(note.who), ToMicros(now),
               note.map_index);
  }
}

void StoreOutput(pqxx::transaction_base& transaction, Session& session, const OutputChange& output) {
  if (!output.value) {
    session.In(transaction, "drop_output",
               "delete from xcom x using dag_run r, dag_version_task t where r.id = $1 and t.version_id = "
               "r.version_id and t.task_id = $2 and x.run_id = r.id and x.task_no = t.task_no and x.map_index = $3 and "
               "x.key = $4",
               output.run.value, CleanText(output.task_id), output.map_index, CleanText(output.key));
    return;
  }
  session.In(transaction, "set_output",
             "insert into xcom (run_id, task_no, map_index, key, value) select r.id, t.task_no, $3, $4, $5::json "
             "from dag_run r join dag_version_task t on t.version_id = r.version_id and t.task_id = $2 where r.id = $1 "
             "on conflict (run_id, task_no, map_index, key) do update set value = excluded.value",
             output.run.value, CleanText(output.task_id), output.map_index, CleanText(output.key),
             ToJson(*output.value));
}

std::optional<std::int64_t> MicrosOf(const std::optional<Instant>& instant) {
  return instant ? std::optional(ToMicros(*instant)) : std::nullopt;
}

}  // namespace

void StoreSteering(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  for (const RunRebased& run : plan.rebased) {
    session.In(transaction, "rebase_run", "select rebase_run($1, $2, $3, $4, $5)", run.run.value, run.version.value,
               ToMicros(plan.now), CleanText(run.why), CleanText(run.who));
  }
  StoreSteered(transaction, session, plan);
  StoreCleared(transaction, session, plan);
  for (const NoteChange& note : plan.notes) StoreNote(transaction, session, note, plan.now);
  for (const OutputChange& output : plan.outputs) StoreOutput(transaction, session, output);
}

void DeleteRuns(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  for (const RunDeleted& run : plan.deleted) {
    session.In(transaction, "delete_run",
               "insert into event (at, who, kind, dag_id, new_state, why) "
               "select at_micros($2), author($5), 'dag', $3, 'run deleted', $4 where delete_run($1)",
               run.run.value, ToMicros(plan.now), CleanText(run.dag_id), CleanText(run.why), CleanText(run.who));
  }
}

std::vector<RestoredRun> ReadRunsChosen(Session& session, const RunChoice& choice, std::size_t most) {
  std::vector<RestoredRun> runs;
  std::unordered_map<std::int64_t, std::size_t> places;
  ArrayText ended;
  const pqxx::result found =
      choice.run ? session.Run("runs_around",
                               "select " PIPELINED_RUN_COLUMNS
                               " from dag_run o join dag_run r on r.dag_id = o.dag_id and (r.id = o.id or ($2 and "
                               "r.logical_date < o.logical_date) or ($3 and r.logical_date > o.logical_date)) "
                               "where o.id = $1 order by r.logical_date, r.id limit $4",
                               choice.run.value, choice.past, choice.future, static_cast<std::int64_t>(most))
                 : session.Run("runs_of_dates",
                               "select " PIPELINED_RUN_COLUMNS
                               " from dag_run r where r.dag_id = $1 and ($2::bigint is null or r.logical_date >= "
                               "at_micros($2::bigint)) and ($3::bigint is null or r.logical_date <= "
                               "at_micros($3::bigint)) order by r.logical_date, r.id limit $4",
                               CleanText(choice.dag_id), MicrosOf(choice.from), MicrosOf(choice.to),
                               static_cast<std::int64_t>(most));
  for (const pqxx::row& row : found) {
    runs.push_back(RestoredRun{ReadRun(row), {}, {}});
    const RunInfo& run = runs.back().run;
    if (!IsFinished(run.state)) continue;  // the engine knows its tasks
    places[run.id.value] = runs.size() - 1;
    ended.Add(run.id.value);
  }
  if (places.empty()) return runs;
  for (const pqxx::row& row :
       session.Run("tasks_chosen",
                   "select i.run_id, " PIPELINED_TASK_COLUMNS
                   " from task_instance i where i.run_id = any ($1) order by i.run_id, i.task_no, i.map_index",
                   ended.text())) {
    runs[places.at(row[0].as<std::int64_t>())].tasks.push_back(ReadTask(row, 1));
  }
  for (const pqxx::row& row : session.Run(
           "lengths_chosen",
           "select run_id, task_no, length, stale from task_map where run_id = any ($1) order by run_id, task_no",
           ended.text())) {
    runs[places.at(row[0].as<std::int64_t>())].lengths.push_back(
        StoredLength{row[1].as<TaskNo>(), row[2].as<std::uint32_t>(), row[3].as<bool>()});
  }
  ReadDeadlines(session, runs);
  return runs;
}

}  // namespace pipelined
