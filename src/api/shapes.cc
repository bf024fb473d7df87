#include "api/shapes.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/words.h"
#include "pipelined/base/hash.h"

namespace pipelined::api {
namespace {

Value DurationOrNull(const std::optional<Instant>& start, const std::optional<Instant>& end) {
  if (!start || !end) return nullptr;
  return static_cast<double>((*end - *start).count()) / 1e6;
}

Value VersionShape(const std::string& dag_id, VersionId version, std::int32_t number,
                   const std::optional<Instant>& created) {
  if (!version || !created) return nullptr;
  return Value::Map{{"id", StableUuid("dag_version", std::to_string(version.value))},
                    {"version_number", number},
                    {"dag_id", dag_id},
                    {"bundle_name", kBundle},
                    {"bundle_version", nullptr},
                    {"created_at", FormatInstant(*created)},
                    {"dag_display_name", dag_id},
                    {"bundle_url", nullptr}};
}

Value Tags(const DagRow& row) {
  Value::List tags;
  for (const std::string& tag : row.tags) {
    tags.emplace_back(Value::Map{{"name", tag}, {"dag_id", row.dag_id}, {"dag_display_name", row.dag_id}});
  }
  return tags;
}

Value Summary(const Schedule& schedule) {
  if (schedule.kind == ScheduleKind::kNone) return nullptr;
  return TextOrNull(schedule.text);
}

std::string Rhythm(const Schedule& schedule) {
  switch (schedule.kind) {
    case ScheduleKind::kNone:
      return "Never, external triggers only";
    case ScheduleKind::kOnce:
      return "Once, as soon as possible";
    case ScheduleKind::kContinuous:
      return "As frequently as possible, but only one run at a time.";
    case ScheduleKind::kAssets:
      return "Triggered by assets";
    case ScheduleKind::kEvents:
      return fmt::format("At {} given times", schedule.events.size());
    case ScheduleKind::kEvery:
      return "Every" +
             schedule.text.substr(std::min<std::size_t>(schedule.text.size(), std::string_view("every").size()));
    case ScheduleKind::kCron:
      return "";
  }
  return "";
}

// The rhythm, then what a listing of expressions does not show.
Value Description(const Schedule& schedule) {
  std::string text = Rhythm(schedule);
  const auto add = [&text](std::string_view more) {
    if (!text.empty()) text += ", ";
    text += more;
  };
  if (!schedule.calendar.empty()) {
    add(schedule.calendar.on_excluded == OnExcluded::kNext ? "moved from excluded days to the next"
                                                           : "not on excluded days");
  }
  if (schedule.jitter > Micros(0)) add("up to " + FormatDuration(schedule.jitter) + " later");
  return text;
}

bool Periodic(const Schedule& schedule) {
  return schedule.kind == ScheduleKind::kCron || schedule.kind == ScheduleKind::kEvery ||
         schedule.kind == ScheduleKind::kContinuous;
}

bool Backfillable(const Schedule& schedule) {
  return schedule.kind == ScheduleKind::kCron || schedule.kind == ScheduleKind::kEvery;
}

// What the plain and the detailed object begin with.
Value::Map DagHeadFields(const DagRow& row, const std::optional<DueRun>& next) {
  std::optional<Instant> logical, start, end, after;
  if (next) {
    logical = next->logical_date;
    start = next->interval.start;
    end = next->interval.end;
    after = next->run_after;
  }
  return {{"dag_id", row.dag_id},
          {"dag_display_name", row.dag_id},
          {"is_paused", row.paused},
          {"is_stale", row.stale},
          {"last_parsed_time", FormatInstant(row.last_parsed)},
          {"last_parse_duration", nullptr},
          {"last_expired", nullptr},
          {"bundle_name", kBundle},
          {"bundle_version", nullptr},
          {"relative_fileloc", TextOrNull(row.relative_file)},
          {"fileloc", row.file},
          {"description", TextOrNull(row.description)},
          {"timetable_summary", Summary(row.schedule)},
          {"timetable_description", Description(row.schedule)},
          {"timetable_partitioned", false},
          {"timetable_periodic", Periodic(row.schedule)},
          {"tags", Tags(row)},
          {"max_active_tasks", row.max_active_tasks},
          {"max_active_runs", row.max_active_runs},
          {"max_consecutive_failed_dag_runs", row.max_consecutive_failed_dag_runs},
          {"has_task_concurrency_limits", false},
          {"has_import_errors", row.has_import_errors},
          {"next_dagrun_logical_date", InstantOrNull(logical)},
          {"next_dagrun_data_interval_start", InstantOrNull(start)},
          {"next_dagrun_data_interval_end", InstantOrNull(end)},
          {"next_dagrun_run_after", InstantOrNull(after)},
          {"allowed_run_types", nullptr},
          {"owners", Value::List{OwnerOf(row)}},
          {"is_backfillable", Backfillable(row.schedule)},
          {"file_token", FileToken(row)}};
}

Value IsoDuration(Micros duration) {
  if (duration <= Micros(0)) return nullptr;
  const std::int64_t seconds = duration.count() / 1'000'000;
  const std::int64_t fraction = duration.count() % 1'000'000;
  return fraction == 0 ? fmt::format("PT{}S", seconds) : fmt::format("PT{}.{:06}S", seconds, fraction);
}

Value TimeDelta(Micros duration) {
  const std::int64_t seconds = duration.count() / 1'000'000;
  return Value::Map{{"__type", "TimeDelta"},
                    {"days", seconds / 86400},
                    {"seconds", seconds % 86400},
                    {"microseconds", static_cast<std::int64_t>(duration.count() % 1'000'000)}};
}

Value DeclaredParams(const Dag& dag) {
  Value::Map params;
  for (const Param& param : dag.params) {
    Value::Map entry{{"value", param.default_value ? *param.default_value : Value()}, {"schema", param.schema}};
    const Value* description = param.schema.Find("description");
    entry.emplace_back("description", description == nullptr ? Value() : *description);
    entry.emplace_back("source", "dag");
    params.emplace_back(param.name, std::move(entry));
  }
  return params;
}

std::string InstanceName(const TaskInstanceRow& row) {
  const std::string task = fmt::format("{}:{}", row.run.value, row.task_no);
  return row.map_index < 0 ? task : fmt::format("{}:{}", task, row.map_index);
}

// As Airflow: its index, where nothing else names an instance.
Value RenderedMapIndex(const TaskInstanceRow& row) {
  if (!row.rendered_map_index.empty()) return row.rendered_map_index;
  return row.map_index < 0 ? Value() : Value(std::to_string(row.map_index));
}

// What instances and tries share, from task_id to queue-related fields.
Value::Map InstanceFields(const TaskInstanceRow& row) {
  return {{"task_id", row.task_id},
          {"dag_id", row.dag_id},
          {"dag_run_id", row.run_id},
          {"map_index", row.map_index},
          {"start_date", InstantOrNull(row.start_date)},
          {"end_date", InstantOrNull(row.end_date)},
          {"duration", DurationOrNull(row.start_date, row.end_date)},
          {"state", row.state == TaskState::kNone ? Value() : Value(ToString(row.state))},
          {"try_number", row.try_number},
          {"max_tries", row.max_tries},
          {"task_display_name", row.task_id},
          {"dag_display_name", row.dag_id},
          {"hostname", row.hostname},
          {"unixname", nullptr},
          {"pool", row.pool.empty() ? std::string(kDefaultPool) : row.pool},
          {"pool_slots", row.pool_slots},
          {"queue", row.queue.empty() ? Value("default") : Value(row.queue)},
          {"priority_weight", row.priority_weight},
          {"operator", OperatorClass(row.operator_name)},
          {"operator_name", OperatorClass(row.operator_name)},
          {"queued_when", InstantOrNull(row.queued_when)},
          {"scheduled_when", InstantOrNull(row.scheduled_when)},
          {"pid", row.pid > 0 ? Value(row.pid) : Value()},
          {"executor", nullptr},
          {"executor_config", "{}"}};
}

}  // namespace

Value InstantOrNull(const std::optional<Instant>& instant) {
  return instant ? Value(FormatInstant(*instant)) : Value();
}

std::string FileToken(const DagRow& row) {
  return StableUuid("file", row.file);
}

std::string OwnerOf(const DagRow& row) {
  return row.owner.empty() ? std::string(kDefaultOwner) : row.owner;
}

Value TextOrNull(const std::string& text) {
  return text.empty() ? Value() : Value(text);
}

std::string StableUuid(std::string_view kind, std::string_view words) {
  auto digest = Sha256(fmt::format("{}:{}", kind, words));
  digest[6] = static_cast<std::uint8_t>((digest[6] & 0x0F) | 0x80);  // version 8: made our own way
  digest[8] = static_cast<std::uint8_t>((digest[8] & 0x3F) | 0x80);
  const std::string hex = Hex(digest.data(), 16);
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20));
}

Value DagShape(const DagRow& row, const std::optional<DueRun>& next) {
  return DagHeadFields(row, next);
}

Value DagDetailsShape(const DagRow& row, const std::optional<DueRun>& next, std::int64_t active_runs) {
  Value::Map fields = DagHeadFields(row, next);
  const auto add = [&](std::string_view name, Value value) { fields.emplace_back(name, std::move(value)); };
  add("catchup", row.schedule.catchup);
  add("dag_run_timeout", IsoDuration(row.dagrun_timeout));
  add("asset_expression", nullptr);
  add("doc_md", TextOrNull(row.doc_md));
  add("start_date", InstantOrNull(row.schedule.start_date));
  add("end_date", InstantOrNull(row.schedule.end_date));
  add("is_paused_upon_creation", row.is_paused_upon_creation ? Value(true) : Value());
  add("params", ParamsShape(row.params, nullptr));
  add("render_template_as_native_obj", false);
  add("template_search_path", nullptr);
  add("timezone", row.schedule.timezone);
  add("last_parsed", FormatInstant(row.last_parsed));
  add("default_args", nullptr);
  add("rerun_with_latest_version", nullptr);
  add("owner_links", nullptr);
  add("is_favorite", false);
  add("active_runs_count", active_runs);
  add("fail_fast", row.fail_fast ? Value(true) : Value());
  add("concurrency", row.max_active_tasks);
  add("latest_dag_version", VersionShape(row.dag_id, row.version, row.version_number, row.version_created));
  return fields;
}

Value ParamsShape(const Value& stored, const Value& source) {
  Value::Map params;
  if (!stored.is_map()) return params;
  for (const auto& [name, param] : stored.map()) {
    const Value* value = param.Find("value");
    const Value* schema = param.Find("schema");
    const Value* description = schema == nullptr ? nullptr : schema->Find("description");
    params.emplace_back(name, Value::Map{{"value", value == nullptr ? Value() : *value},
                                         {"schema", schema == nullptr ? Value(Value::Map{}) : *schema},
                                         {"description", description == nullptr ? Value() : *description},
                                         {"source", source}});
  }
  return params;
}

Value TaskShape(const Dag& dag, TaskNo number) {
  const Task& task = dag.tasks[number];
  Value::List downstream;
  for (const TaskNo below : dag.downstream.Of(number)) downstream.emplace_back(dag.tasks[below].id);
  const std::string operator_class = OperatorClass(task.action.kind);
  return Value::Map{
      {"task_id", task.id},
      {"task_display_name", task.id},
      {"owner", !task.owner.empty() ? task.owner
                : dag.owner.empty() ? std::string(kDefaultOwner)
                                    : dag.owner},
      {"start_date", InstantOrNull(dag.schedule.start_date)},
      {"end_date", InstantOrNull(dag.schedule.end_date)},
      {"trigger_rule", ToString(task.trigger_rule)},
      {"depends_on_past", task.depends_on_past},
      {"wait_for_downstream", task.wait_for_downstream},
      {"retries", static_cast<double>(task.retry.retries)},
      {"queue", "default"},
      {"pool", task.pool},
      {"pool_slots", static_cast<double>(task.pool_slots)},
      {"execution_timeout", task.execution_timeout > Micros(0) ? TimeDelta(task.execution_timeout) : Value()},
      {"retry_delay", TimeDelta(task.retry.delay)},
      {"retry_exponential_backoff", task.retry.multiplier},
      {"priority_weight", static_cast<double>(task.priority_weight)},
      {"weight_rule", WeightRuleWord(task.weight_rule)},
      {"ui_color", "#f0ede4"},
      {"ui_fgcolor", "#000"},
      {"template_fields", TemplateFields(task.action.kind)},
      {"downstream_task_ids", downstream},
      {"doc_md", TextOrNull(task.doc_md)},
      {"operator_name", operator_class},
      {"params", DeclaredParams(dag)},
      {"class_ref", Value::Map{{"module_path", OperatorModule(task.action.kind)}, {"class_name", operator_class}}},
      {"is_mapped", false},
      {"extra_links", Value::List{}}};
}

Value RunShape(const RunRow& row) {
  const RunInfo& info = row.info;
  std::optional<Instant> start, end;
  if (info.interval) {
    start = info.interval->start;
    end = info.interval->end;
  }
  Value::List versions;
  if (Value version = VersionShape(info.dag_id, info.version, row.version_number, row.version_created);
      !version.is_null()) {
    versions.push_back(std::move(version));
  }
  return Value::Map{{"dag_run_id", info.run_id},
                    {"dag_id", info.dag_id},
                    {"logical_date", InstantOrNull(info.logical_date)},
                    {"queued_at", FormatInstant(info.queued_at)},
                    {"start_date", InstantOrNull(info.start_date)},
                    {"end_date", InstantOrNull(row.end_date)},
                    {"duration", DurationOrNull(info.start_date, row.end_date)},
                    {"data_interval_start", InstantOrNull(start)},
                    {"data_interval_end", InstantOrNull(end)},
                    {"run_after", FormatInstant(info.run_after)},
                    {"last_scheduling_decision", InstantOrNull(row.last_scheduling_decision)},
                    {"run_type", ToString(info.type)},
                    {"state", ToString(info.state)},
                    {"triggered_by", TriggeredByWord(row.triggered_by)},
                    {"triggering_user_name", TextOrNull(row.triggering_user)},
                    {"conf", info.conf.is_null() ? Value(Value::Map{}) : info.conf},
                    {"note", TextOrNull(row.note)},
                    {"dag_versions", versions},
                    {"bundle_version", nullptr},
                    {"dag_display_name", info.dag_id},
                    {"partition_key", nullptr},
                    {"partition_date", nullptr}};
}

Value TaskInstanceShape(const TaskInstanceRow& row) {
  Value::Map fields{{"id", StableUuid("task_instance", InstanceName(row))}};
  for (auto& field : InstanceFields(row)) fields.push_back(std::move(field));
  fields.emplace_back("logical_date", InstantOrNull(row.logical_date));
  fields.emplace_back("run_after", FormatInstant(row.run_after));
  fields.emplace_back("note", TextOrNull(row.note));
  fields.emplace_back("rendered_map_index", RenderedMapIndex(row));
  fields.emplace_back("rendered_fields", Value::Map{});
  fields.emplace_back("trigger", nullptr);
  fields.emplace_back("triggerer_job", nullptr);
  fields.emplace_back("dag_version", VersionShape(row.dag_id, row.version, row.version_number, row.version_created));
  return fields;
}

Value XComShape(const TaskInstanceRow& row, const std::string& key) {
  return Value::Map{{"key", key},
                    {"timestamp", FormatInstant(row.end_date.value_or(row.run_after))},
                    {"logical_date", InstantOrNull(row.logical_date)},
                    {"map_index", row.map_index},
                    {"task_id", row.task_id},
                    {"dag_id", row.dag_id},
                    {"run_id", row.run_id},
                    {"dag_display_name", row.dag_id},
                    {"task_display_name", row.task_id},
                    {"run_after", FormatInstant(row.run_after)}};
}

Value PoolShape(const PoolRow& row) {
  // Nothing is ever queued: a task has its process as soon as it has its slots.
  const std::int64_t occupied = row.running_slots + (row.include_deferred ? row.deferred_slots : 0);
  return Value::Map{{"name", row.name},
                    {"slots", row.slots},
                    {"description", TextOrNull(row.description)},
                    {"include_deferred", row.include_deferred},
                    {"occupied_slots", occupied},
                    {"running_slots", row.running_slots},
                    {"queued_slots", 0},
                    {"scheduled_slots", row.scheduled_slots},
                    {"open_slots", row.slots < 0 ? -1 : row.slots - occupied},
                    {"deferred_slots", row.deferred_slots},
                    {"team_name", nullptr}};
}

Value TryShape(const TaskInstanceRow& row) {
  Value::Map fields = InstanceFields(row);
  fields.emplace_back("dag_version", VersionShape(row.dag_id, row.version, row.version_number, row.version_created));
  return fields;
}

Value AuditShape(const AuditRow& row) {
  const auto number = [](const std::optional<std::int32_t>& value) { return value ? Value(*value) : Value(); };
  return Value::Map{{"event_log_id", row.id},
                    {"when", FormatInstant(row.at)},
                    {"dag_id", TextOrNull(row.dag_id)},
                    {"task_id", TextOrNull(row.task_id)},
                    {"run_id", TextOrNull(row.run_id)},
                    {"map_index", number(row.map_index)},
                    {"try_number", number(row.try_number)},
                    {"event", row.event},
                    {"logical_date", InstantOrNull(row.logical_date)},
                    {"owner", TextOrNull(row.who)},
                    {"extra", TextOrNull(row.why)},
                    {"dag_display_name", TextOrNull(row.dag_id)},
                    {"task_display_name", TextOrNull(row.task_id)}};
}

Value DagVersionShape(const DagVersionRow& row) {
  return VersionShape(row.dag_id, row.id, row.number, row.created);
}

Value DagStatsShape(const DagStatsRow& row) {
  const auto of = [](std::string_view state, std::int64_t count) {
    return Value(Value::Map{{"state", state}, {"count", count}});
  };
  return Value::Map{{"dag_id", row.dag_id},
                    {"dag_display_name", row.dag_id},
                    {"stats", Value::List{of("queued", row.queued), of("running", row.running),
                                          of("success", row.success), of("failed", row.failed)}}};
}

Value DagWarningShape(const DagWarningRow& row) {
  return Value::Map{{"dag_id", row.dag_id},
                    {"warning_type", row.type},
                    {"message", row.message},
                    {"timestamp", FormatInstant(row.at)},
                    {"dag_display_name", row.dag_id}};
}

Value ImportErrorShape(const ImportErrorRow& row) {
  return Value::Map{{"import_error_id", row.id},
                    {"timestamp", FormatInstant(row.timestamp)},
                    {"filename", row.relative_file},
                    {"bundle_name", kBundle},
                    {"stack_trace", row.text}};
}

}  // namespace pipelined::api
