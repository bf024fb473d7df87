#include "store/rows.h"

#include <fmt/format.h>

#include <stdexcept>

#include "pipelined/schema/json.h"
#include "store/arrays.h"
#include "store/codec.h"

namespace pipelined {

std::optional<Instant> ReadInstant(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return FromMicros(field.as<std::int64_t>());
}

std::optional<DataInterval> ReadInterval(const pqxx::field& start, const pqxx::field& end) {
  if (start.is_null() || end.is_null()) return std::nullopt;
  return DataInterval{FromMicros(start.as<std::int64_t>()), FromMicros(end.as<std::int64_t>())};
}

Value ReadJson(const pqxx::field& field) {
  if (field.is_null()) return Value();
  auto value = ParseJson(std::string_view(field.c_str(), field.size()));
  if (!value) throw std::runtime_error("stored JSON: " + value.error().message);
  return std::move(*value);
}

RunInfo ReadRun(const pqxx::row& row) {
  RunInfo run;
  run.id = RunId{row[0].as<std::int64_t>()};
  run.dag_id = row[1].c_str();
  run.run_id = row[2].c_str();
  run.type = RunTypeFromString(row[3].c_str()).value_or(RunType::kManual);
  run.state = RunStateFromString(row[4].c_str()).value_or(RunState::kQueued);
  run.logical_date = ReadInstant(row[5]);
  run.interval = ReadInterval(row[6], row[7]);
  run.run_after = FromMicros(row[8].as<std::int64_t>());
  run.queued_at = FromMicros(row[9].as<std::int64_t>());
  run.start_date = ReadInstant(row[10]);
  run.conf = ReadJson(row[11]);
  run.version = VersionId{row[12].as<std::int64_t>()};
  run.backfill = BackfillId{row[13].as<std::int64_t>()};
  run.backfill_ordinal = row[14].as<std::int32_t>();
  run.parent = RunParent{RunId{row[15].as<std::int64_t>()}, row[16].c_str(), AttemptId{row[17].as<std::int64_t>()},
                         row[18].as<bool>()};
  run.repeats = row[19].as<bool>();
  return run;
}

Error NoRun(const std::string& dag_id, const std::string& run_id) {
  return Error{ErrorCode::kNotFound,
               fmt::format("The DagRun with dag_id: `{}` and run_id: `{}` was not found", dag_id, run_id), ""};
}

StoredTask ReadTask(const pqxx::row& row, int first) {
  StoredTask task;
  task.task = row[first].as<TaskNo>();
  task.state = TaskStateFromString(row[first + 1].c_str()).value_or(TaskState::kNone);
  task.try_number = row[first + 2].as<std::int32_t>();
  task.retry_at = ReadInstant(row[first + 3]);
  if (!row[first + 4].is_null()) task.attempt = AttemptId{row[first + 4].as<std::int64_t>()};
  task.max_tries = row[first + 5].as<std::int32_t>();
  task.map_index = row[first + 6].as<std::int32_t>();
  return task;
}

StoredDag ReadDag(const pqxx::row& row) {
  StoredDag dag;
  dag.head.dag_id = row[0].c_str();
  dag.head.version = VersionId{row[1].as<std::int64_t>()};
  dag.head.paused = row[2].as<bool>();
  dag.head.stale = row[3].as<bool>();
  dag.head.max_active_runs = row[4].as<std::int32_t>();
  dag.head.max_consecutive_failed_dag_runs = row[5].as<std::int32_t>();
  dag.head.last_interval = ReadInterval(row[6], row[7]);
  auto schedule = DecodeSchedule(row[8].c_str());
  if (!schedule) throw std::runtime_error("schedule of " + dag.head.dag_id + ": " + schedule.error().message);
  dag.schedule = std::move(*schedule);
  dag.head.overlap = OverlapFromString(row[9].c_str()).value_or(Overlap::kQueue);
  return dag;
}

}  // namespace pipelined
