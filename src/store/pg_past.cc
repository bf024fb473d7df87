// The run before another one, for tasks that wait for it.
#include "store/arrays.h"
#include "store/pg_store.h"
#include "store/pg_with.h"
#include "store/rows.h"

namespace pipelined {

Result<std::optional<PastRun>> PgStore::RunBefore(const RunInfo& run, bool passing_by_hand,
                                                  const std::vector<std::string>& task_ids) {
  if (!run.logical_date) return std::optional<PastRun>();
  return With("read the run before", [&]() -> Result<std::optional<PastRun>> {
    // In the order of dag_run_logical_date, which leaves out runs that repeat another one: the first row is the answer.
    const pqxx::result found = session_->Run(
        "run_before",
        "select id, run_id, micros(logical_date), state, version_id from dag_run where dag_id = $1 and logical_date < "
        "at_micros($2) and rerun_of is null and (not $3 or type <> 'manual') order by logical_date desc limit 1",
        CleanText(run.dag_id), ToMicros(*run.logical_date), passing_by_hand);
    if (found.empty()) return std::optional<PastRun>();
    PastRun past;
    past.run = RunId{found[0][0].as<std::int64_t>()};
    past.run_id = found[0][1].c_str();
    past.logical_date = *ReadInstant(found[0][2]);
    const auto state = RunStateFromString(found[0][3].c_str());
    past.finished = state && IsFinished(*state);
    // Of one under way the engine knows more.
    if (past.finished) past.unmet = UnmetOf(past, VersionId{found[0][4].as<std::int64_t>()}, run.dag_id, task_ids);
    return std::optional(std::move(past));
  });
}

// Two ways, because the key of dates has no order of its own for runs without one: they count from when they were due.
Result<std::vector<RecentRun>> PgStore::LatestRuns(const std::string& dag_id, std::int32_t most) {
  return With("read the latest runs", [&]() -> Result<std::vector<RecentRun>> {
    std::vector<RecentRun> latest;
    for (const pqxx::row& row :
         session_->Run("latest_runs",
                       "select id, micros(date), state from ("
                       "(select id, logical_date as date, state from dag_run where dag_id = $1 and logical_date is not "
                       "null and rerun_of is null order by logical_date desc limit $2) union all "
                       "(select id, run_after, state from dag_run where dag_id = $1 and logical_date is null order by "
                       "run_after desc limit $2)) r order by date desc, id desc limit $2",
                       CleanText(dag_id), most)) {
      latest.push_back(RecentRun{RunId{row[0].as<std::int64_t>()}, *ReadInstant(row[1]),
                                 RunStateFromString(row[2].c_str()).value_or(RunState::kQueued)});
    }
    return latest;
  });
}

Result<std::optional<Micros>> PgStore::AverageRuntime(const std::string& dag_id, std::int32_t least, std::int32_t most,
                                                      Instant ended_by) {
  return With("read how long runs took", [&]() -> Result<std::optional<Micros>> {
    const pqxx::result found = session_->Run(
        "average_runtime",
        "select count(*), (extract(epoch from avg(took)) * 1000000)::bigint from (select took from ("
        "(select logical_date as date, end_date - start_date as took from dag_run where dag_id = $1 and logical_date "
        "is "
        "not null and rerun_of is null and start_date is not null and end_date <= at_micros($3) "
        "order by logical_date desc limit $2) union all "
        "(select run_after, end_date - start_date from dag_run where dag_id = $1 and logical_date is null and "
        "start_date is not null and end_date <= at_micros($3) order by run_after desc limit $2)) r "
        "order by date desc limit $2) latest",
        CleanText(dag_id), most, ToMicros(ended_by));
    if (found[0][1].is_null() || found[0][0].as<std::int64_t>() < least) return std::optional<Micros>();
    return std::optional(Micros(found[0][1].as<std::int64_t>()));
  });
}

// Of a mapped task all instances count; those that were removed do not.
std::vector<PastTask> PgStore::UnmetOf(const PastRun& run, VersionId version, const std::string& dag_id,
                                       const std::vector<std::string>& task_ids) {
  std::vector<PastTask> unmet;
  const pqxx::result rows = session_->Run(
      "unmet_before",
      "select w.task_id, case when t.task_no is not null then coalesce(i.unmet, 'none') end, "
      "t.task_no is null and not exists (select from dag_run r join dag_version_task e on e.version_id = r.version_id "
      "and e.task_id = w.task_id where r.dag_id = $4 and r.logical_date < at_micros($5) and r.rerun_of is null) "
      "from unnest($3::text[]) with ordinality as w (task_id, place) "
      "left join dag_version_task t on t.version_id = $2 and t.task_id = w.task_id "
      "left join task_map m on m.run_id = $1 and m.task_no = t.task_no "
      "left join lateral (select count(*) filter (where state in ('success', 'skipped', 'removed')) as met, "
      "min(state) filter (where state not in ('success', 'skipped', 'removed')) as unmet "
      "from task_instance where run_id = $1 and task_no = t.task_no and "
      "map_index between case when m.length is null then -1 else 0 end and coalesce(m.length, 0) - 1) i on true "
      "where t.task_no is null or i.met < coalesce(m.length, 1) order by w.place",
      run.run.value, version.value, TextArray(task_ids), CleanText(dag_id), ToMicros(run.logical_date));
  for (const pqxx::row& row : rows) {
    PastTask task;
    task.task_id = row[0].c_str();
    if (!row[1].is_null()) task.state = TaskStateFromString(row[1].c_str()).value_or(TaskState::kNone);
    task.first = row[2].as<bool>();
    unmet.push_back(std::move(task));
  }
  return unmet;
}

}  // namespace pipelined
