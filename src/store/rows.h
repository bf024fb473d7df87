// Rows of queries that several classes make.
#pragma once

#include <pqxx/pqxx>

#include "pipelined/ports/store.h"

namespace pipelined {

// Of `dag_run r`, for ReadRun.
#define PIPELINED_RUN_COLUMNS                                                                     \
  "r.id, r.dag_id, r.run_id, r.type, r.state, micros(r.logical_date), micros(r.interval_start), " \
  "micros(r.interval_end), "                                                                      \
  "micros(r.run_after), micros(r.queued_at), micros(r.start_date), r.conf::text, r.version_id, "  \
  "coalesce(r.backfill_id, 0), coalesce(r.backfill_ordinal, 0), coalesce(r.parent_run, 0), "      \
  "coalesce(r.parent_task, ''), coalesce(r.parent_attempt, 0), r.sub_run, r.rerun_of is not null"
inline constexpr int kRunColumns = 20;

// Of `task_instance i`, for ReadTask.
#define PIPELINED_TASK_COLUMNS                                                                          \
  "i.task_no, i.state, i.try_number, micros(i.retry_at), case when i.state in ('running', 'deferred', " \
  "'restarting') then i.attempt_id end, "                                                               \
  "i.max_tries, i.map_index"

// Of `dag d`, for ReadDag.
#define PIPELINED_DAG_COLUMNS                                                                         \
  "d.dag_id, d.version_id, d.paused, d.stale, d.max_active_runs, d.max_consecutive_failed_dag_runs, " \
  "micros(d.last_interval_start), micros(d.last_interval_end), d.schedule::text, d.overlap"

std::optional<Instant> ReadInstant(const pqxx::field& field);
std::optional<DataInterval> ReadInterval(const pqxx::field& start, const pqxx::field& end);
Value ReadJson(const pqxx::field& field);  // null for NULL; throws std::runtime_error when it is no JSON
RunInfo ReadRun(const pqxx::row& row);
Error NoRun(const std::string& dag_id, const std::string& run_id);  // kNotFound, in Airflow's words
StoredTask ReadTask(const pqxx::row& row, int first);               // from column `first` on
StoredDag ReadDag(const pqxx::row& row);

}  // namespace pipelined
