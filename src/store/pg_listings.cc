#include <fmt/format.h>

#include <map>

#include "pipelined/schema/json.h"
#include "store/arrays.h"
#include "store/codec.h"
#include "store/instance_source.h"
#include "store/listing.h"
#include "store/pg_catalog.h"
#include "store/rows.h"

namespace pipelined {
namespace {

const char* const kDagListing =
    "d.dag_id, d.description, d.doc_md, d.owner, d.relative_file, d.file, d.tags, d.schedule::text, d.paused, d.stale, "
    "exists (select from import_error e where e.root = d.root and e.relative_file = d.relative_file), "
    "d.max_active_runs, d.max_active_tasks, "
    "d.max_consecutive_failed_dag_runs, d.fail_fast, d.is_paused_upon_creation, d.dagrun_timeout_us, v.params::text, "
    "d.version_id, v.number, "
    "micros(d.last_parsed), micros(d.last_interval_start), micros(d.last_interval_end), micros(v.created_at)";
const char* const kDagFrom = " from dag d join dag_version v on v.id = d.version_id";

DagRow ReadDagRow(const pqxx::row& row) {
  DagRow dag;
  dag.dag_id = row[0].c_str();
  dag.description = row[1].c_str();
  dag.doc_md = row[2].c_str();
  dag.owner = row[3].c_str();
  dag.relative_file = row[4].c_str();
  dag.file = row[5].c_str();
  dag.tags = ParseTextArray(row[6].c_str());
  auto schedule = DecodeSchedule(row[7].c_str());
  if (!schedule) throw std::runtime_error(schedule.error().message);
  dag.schedule = std::move(*schedule);
  dag.paused = row[8].as<bool>();
  dag.stale = row[9].as<bool>();
  dag.has_import_errors = row[10].as<bool>();
  dag.max_active_runs = row[11].as<std::int32_t>();
  dag.max_active_tasks = row[12].as<std::int32_t>();
  dag.max_consecutive_failed_dag_runs = row[13].as<std::int32_t>();
  dag.fail_fast = row[14].as<bool>();
  dag.is_paused_upon_creation = row[15].as<bool>();
  dag.dagrun_timeout = Micros(row[16].as<std::int64_t>());
  dag.params = ReadJson(row[17]);
  dag.version = VersionId{row[18].as<std::int64_t>()};
  dag.version_number = row[19].as<std::int32_t>();
  dag.last_parsed = FromMicros(row[20].as<std::int64_t>());
  dag.last_interval = ReadInterval(row[21], row[22]);
  dag.version_created = ReadInstant(row[23]);
  return dag;
}

const char* const kRunListing = PIPELINED_RUN_COLUMNS
    ", micros(r.end_date), micros(r.last_scheduling_decision), v.number, r.triggered_by, r.triggering_user, r.note, "
    "micros(v.created_at), r.clear_number, coalesce(r.rerun_of, '')";
const char* const kRunFrom = " from dag_run r join dag_version v on v.id = r.version_id";

RunRow ReadRunRow(const pqxx::row& row) {
  RunRow run;
  run.info = ReadRun(row);
  run.end_date = ReadInstant(row[kRunColumns]);
  run.last_scheduling_decision = ReadInstant(row[kRunColumns + 1]);
  run.version_number = row[kRunColumns + 2].as<std::int32_t>();
  run.triggered_by = row[kRunColumns + 3].c_str();
  run.triggering_user = row[kRunColumns + 4].c_str();
  run.note = row[kRunColumns + 5].c_str();
  run.version_created = ReadInstant(row[kRunColumns + 6]);
  run.clear_number = row[kRunColumns + 7].as<std::int32_t>();
  run.rerun_of = row[kRunColumns + 8].c_str();
  return run;
}

// Each try as a task of the version that it ran with, beside the task of that name as it is now.
const char* const kTryFrom =
    " from dag_run r join attempt a on a.run_id = r.id join dag_version v on v.id = a.version_id "
    "join dag_version_task t on t.version_id = a.version_id and t.task_no = a.task_no "
    "left join dag_version_task n on n.version_id = r.version_id and n.task_id = t.task_id "
    "left join task_instance i on i.run_id = r.id and i.task_no = n.task_no and i.map_index = a.map_index "
    "left join task_map m on m.run_id = r.id and m.task_no = n.task_no";
const char* const kRunAndTask =
    "r.id, r.dag_id, r.run_id, t.task_id, t.task_no, micros(r.logical_date), micros(r.run_after), ";
const char* const kTaskState =
    "coalesce(i.state, 'none'), coalesce(i.try_number, 0), coalesce(i.max_tries, t.retries), micros(i.start_date), "
    "micros(i.end_date), micros(i.retry_at), ";
const char* const kTryState =
    "case when i.attempt_id = a.id then i.state when a.outcome in ('success', 'skipped') then a.outcome "
    "when a.outcome is null then 'running' else 'failed' end, "
    "a.try_number, coalesce(i.max_tries, t.retries), micros(coalesce(a.start_date, a.opened_at)), micros(a.end_date), "
    "null, ";
constexpr const char* kTaskRest =
    "micros(a.opened_at), t.operator, t.pool, t.pool_slots, t.priority_weight, coalesce(a.instance, ''), "
    "coalesce(a.pid, 0), coalesce(a.outcome, ''), "
    "coalesce(a.message, {}, ''), a.exit_code, coalesce(a.id, 0), v.id, v.number, micros(v.created_at), "
    "coalesce(m.length, 0), ";
// Of a task that failed without a try (its mapping was refused), the history says why.
const char* const kTaskMessage = "case when a.id is null and i.state = 'failed' then why_failed(r.id, t.task_no) end";
const char* const kTaskIndex = "x.map_index, m.names ->> x.map_index, coalesce(k.note, '')";
const char* const kTryIndex = "a.map_index, m.names ->> a.map_index, ''";

TaskInstanceRow ReadTaskRow(const pqxx::row& row) {
  TaskInstanceRow task;
  task.run = RunId{row[0].as<std::int64_t>()};
  task.dag_id = row[1].c_str();
  task.run_id = row[2].c_str();
  task.task_id = row[3].c_str();
  task.task_no = row[4].as<TaskNo>();
  task.logical_date = ReadInstant(row[5]);
  task.run_after = FromMicros(row[6].as<std::int64_t>());
  task.state = TaskStateFromString(row[7].c_str()).value_or(TaskState::kNone);
  task.try_number = row[8].as<std::int32_t>();
  task.max_tries = row[9].as<std::int32_t>();
  task.start_date = ReadInstant(row[10]);
  task.end_date = ReadInstant(row[11]);
  task.retry_at = ReadInstant(row[12]);
  task.scheduled_when = task.queued_when = ReadInstant(row[13]);  // the decision to start and the start are one
  task.operator_name = row[14].c_str();
  task.pool = row[15].c_str();
  task.pool_slots = row[16].as<std::int32_t>();
  task.priority_weight = row[17].as<std::int32_t>();
  task.executor_instance = row[18].c_str();
  task.pid = row[19].as<std::int64_t>();
  task.outcome = row[20].c_str();
  task.message = row[21].c_str();
  if (!row[22].is_null()) task.exit_code = row[22].as<int>();
  task.attempt = AttemptId{row[23].as<std::int64_t>()};
  task.version = VersionId{row[24].as<std::int64_t>()};
  task.version_number = row[25].as<std::int32_t>();
  task.version_created = ReadInstant(row[26]);
  task.map_length = row[27].as<std::int32_t>();
  task.map_index = row[28].as<std::int32_t>();
  if (!row[29].is_null()) task.rendered_map_index = row[29].c_str();
  task.note = row[30].c_str();
  return task;
}

}  // namespace

Result<Listing<DagRow>> PgCatalog::Dags(const DagFilter& filter, const Page& page) {
  ListingSql sql;
  sql.WhereDag("d.dag_id", page);
  sql.WhereText("d.dag_id", filter.dag);
  if (!filter.tags.empty()) sql.Where("d.tags && {}::text[]", TextArray(filter.tags));
  if (filter.paused) sql.Where(*filter.paused ? "d.paused" : "not d.paused");
  if (!filter.include_stale) sql.Where("not d.stale");
  const Status ordered = sql.Order(page,
                                   {{"dag_id", "d.dag_id"},
                                    {"dag_display_name", "d.dag_id"},
                                    {"is_paused", "d.paused"},
                                    {"is_stale", "d.stale"},
                                    {"last_parsed_time", "d.last_parsed"},
                                    {"fileloc", "d.file"},
                                    {"max_active_runs", "d.max_active_runs"},
                                    {"max_active_tasks", "d.max_active_tasks"}},
                                   "d.dag_id collate \"C\"");
  if (!ordered) return ordered.error();
  return pool_.With("list DAGs", [&](Session& session) -> Result<Listing<DagRow>> {
    const std::string select =
        fmt::format("select {} from ({}) as p join dag d on d.id = p.id join dag_version v on v.id = d.version_id{}",
                    kDagListing, sql.Cut("select d.id from dag d", page), sql.Ordering());
    return FetchPage<DagRow>(session, select, CountOf(" from dag d", sql, page), sql, page, ReadDagRow);
  });
}

Result<DagRow> PgCatalog::Dag(const std::string& dag_id) {
  return dags_.Ask(CleanText(dag_id));
}

std::vector<Result<DagRow>> PgCatalog::ReadDags(const std::vector<std::string>& dag_ids) {
  using Found = std::map<std::string, DagRow>;
  const Result<Found> found = pool_.With("read a DAG", [&](Session& session) -> Result<Found> {
    Found dags;
    // Of JSON the planner does not ask how long it is, so that it plans once and for all.
    static const std::string kSelect = fmt::format(
        "select {} from json_array_elements_text($1::json) as wanted (id) cross join lateral (select * from dag where "
        "dag_id = wanted.id offset 0) d join dag_version v on v.id = d.version_id",
        kDagListing);
    for (const pqxx::row& row :
         session.Run("dag", kSelect, ToJson(Value(Value::List(dag_ids.begin(), dag_ids.end()))))) {
      DagRow dag = ReadDagRow(row);
      dags.emplace(dag.dag_id, std::move(dag));
    }
    return dags;
  });
  std::vector<Result<DagRow>> answers;
  // One that cannot be read is no reason to refuse the others.
  const bool apart = !found.ok() && found.error().code == ErrorCode::kBug && dag_ids.size() > 1;
  for (const std::string& dag_id : dag_ids) {
    if (apart) {
      answers.push_back(ReadDags({dag_id}).front());
    } else if (!found.ok()) {
      answers.emplace_back(found.error());
    } else if (const auto dag = found->find(dag_id); dag != found->end()) {
      answers.emplace_back(dag->second);
    } else {
      answers.emplace_back(Error{ErrorCode::kNotFound, fmt::format("The Dag with ID: `{}` was not found", dag_id), ""});
    }
  }
  return answers;
}

namespace {

constexpr const char* kRunUpdated = "coalesce(r.end_date, r.start_date, r.queued_at)";

ListingSql ConditionsOf(const RunFilter& filter) {
  ListingSql sql;
  if (filter.dag_id != "~" && !filter.dag_id.empty()) sql.Where("r.dag_id = {}", filter.dag_id);
  sql.WhereOneOf("r.dag_id", filter.dag_ids);
  if (!filter.states.empty()) WhereRunState(sql, filter.states);
  sql.WhereOneOf("r.type", filter.types);
  sql.WhereOneOf("v.number", filter.versions);
  if (!filter.rerun_of.empty()) sql.Where("r.rerun_of = {}", filter.rerun_of);
  if (!filter.conf_contains.empty()) sql.Where("strpos(lower(r.conf::text), lower({})) > 0", filter.conf_contains);
  sql.WhereText("r.dag_id", filter.dag);
  sql.WhereText("r.run_id", filter.run);
  sql.WhereText("r.triggering_user", filter.user);
  sql.WhereRange("r.logical_date", filter.logical_date);
  sql.WhereRange("r.start_date", filter.start_date);
  sql.WhereRange("r.run_after", filter.run_after);
  sql.WhereRange("r.end_date", filter.end_date);
  sql.WhereRange(kRunUpdated, filter.updated_at);
  sql.WhereLength("(r.end_date - r.start_date)", filter.duration);
  return sql;
}

}  // namespace

Result<Listing<RunRow>> PgCatalog::Runs(const RunFilter& filter, const Page& page) {
  ListingSql sql = ConditionsOf(filter);
  sql.WhereDag("r.dag_id", page);
  const Status ordered = sql.Order(page,
                                   {{"id", "r.id"},
                                    {"dag_id", "r.dag_id", false},
                                    {"run_id", "r.run_id", false},
                                    {"dag_run_id", "r.run_id", false},
                                    {"state", "r.state", false},
                                    {"logical_date", "r.logical_date"},
                                    {"run_after", "r.run_after", false},
                                    {"queued_at", "r.queued_at", false},
                                    {"start_date", "r.start_date"},
                                    {"end_date", "r.end_date"},
                                    {"run_type", "r.type"},
                                    {"data_interval_start", "r.interval_start"},
                                    {"data_interval_end", "r.interval_end"},
                                    {"last_scheduling_decision", "r.last_scheduling_decision"},
                                    {"updated_at", kRunUpdated},
                                    {"duration", "r.end_date - r.start_date"},
                                    {"conf", "r.conf::text"},
                                    {"bundle_version", "null::text"},
                                    {"triggering_user_name", "r.triggering_user"}},
                                   "r.id");
  if (!ordered) return ordered.error();
  if (const Status after = sql.After(page); !after) return after.error();
  return pool_.With("list runs", [&](Session& session) -> Result<Listing<RunRow>> {
    const std::string source = RunSource(!filter.versions.empty());
    // Chosen first, read then: what lies before the offset is never read.
    const std::string select = fmt::format(
        "select {}{} from ({}) as p join dag_run r on r.id = p.id join dag_version v on v.id = r.version_id{}",
        kRunListing, sql.Keys(page), sql.Cut("select r.id" + source, page), sql.Ordering());
    return FetchPage<RunRow>(session, select, CountOf(source, sql, page), sql, page, ReadRunRow);
  });
}

Result<RunRow> PgCatalog::Run(const std::string& dag_id, const std::string& run_id) {
  return pool_.With("read a run", [&](Session& session) -> Result<RunRow> {
    const pqxx::result found =
        session.Run("run", fmt::format("select {}{} where r.dag_id = $1 and r.run_id = $2", kRunListing, kRunFrom),
                    CleanText(dag_id), CleanText(run_id));
    if (found.empty()) return NoRun(dag_id, run_id);
    return ReadRunRow(found[0]);
  });
}

namespace {

constexpr const char* kTaskUpdated = "coalesce(i.end_date, i.start_date, a.opened_at)";
ListingSql ConditionsOf(const TaskFilter& filter) {
  ListingSql sql;
  if (filter.dag_id != "~" && !filter.dag_id.empty()) sql.Where("r.dag_id = {}", filter.dag_id);
  if (filter.run_id != "~" && !filter.run_id.empty()) sql.Where("r.run_id = {}", filter.run_id);
  if (!filter.task_id.empty()) sql.Where("t.task_id = {}", filter.task_id);
  if (filter.map_index) sql.Where("x.map_index = {}::integer", std::to_string(*filter.map_index));
  if (filter.nothing) sql.Where("false");
  sql.WhereOneOf("r.dag_id", filter.dag_ids);
  sql.WhereOneOf("r.run_id", filter.run_ids);
  sql.WhereOneOf("t.task_id", filter.task_ids);
  sql.WhereOneOf("t.pool", filter.pools);
  sql.WhereOneOf("t.operator", filter.operators);
  if (!filter.states.empty()) WhereTaskState(sql, filter.states);
  sql.WhereOneOf("v.number", filter.versions);
  sql.WhereOneOf("coalesce(i.try_number, 0)", filter.try_numbers);
  sql.WhereRange("r.run_after", filter.run_after);
  sql.WhereRange("r.logical_date", filter.logical_date);
  sql.WhereRange("i.start_date", filter.start_date);
  sql.WhereRange("i.end_date", filter.end_date);
  sql.WhereRange(kTaskUpdated, filter.updated_at);
  sql.WhereLength("(i.end_date - i.start_date)", filter.duration);
  sql.WhereText("r.dag_id", filter.dag);
  sql.WhereText("r.run_id", filter.run);
  sql.WhereText("t.task_id", filter.name);
  sql.WhereText("t.pool", filter.pool);
  sql.WhereText("coalesce(m.names ->> x.map_index, x.map_index::text)", filter.rendered_map_index);
  return sql;
}

}  // namespace

Result<Listing<TaskInstanceRow>> PgCatalog::TaskInstances(const TaskFilter& filter, const Page& page) {
  // Those that have not begun come last, so that a full page of those that have is the answer, and has an index.
  const bool by_start =
      !page.order_by.empty() && (page.order_by[0] == "start_date" || page.order_by[0] == "-start_date");
  if (!by_start) return TasksOf(filter, page, false);
  Result<Listing<TaskInstanceRow>> started = TasksOf(filter, page, true);
  const bool full = started.ok() && (page.cursor ? !started->next.empty()
                                                 : static_cast<std::int64_t>(started->rows.size()) >= page.limit);
  return started.ok() && !full ? TasksOf(filter, page, false) : started;
}

Result<Listing<TaskInstanceRow>> PgCatalog::TasksOf(const TaskFilter& filter, const Page& page, bool only_started) {
  ListingSql sql = ConditionsOf(filter);
  sql.WhereDag("r.dag_id", page);
  const Status ordered = sql.Order(page,
                                   {{"id", "r.id", false},
                                    {"dag_id", "r.dag_id", false},
                                    {"run_id", "r.run_id", false},
                                    {"dag_run_id", "r.run_id", false},
                                    {"task_id", "t.task_id", false},
                                    {"task_display_name", "t.task_id", false},
                                    {"state", "i.state"},
                                    {"start_date", "i.start_date", !only_started},
                                    {"end_date", "i.end_date"},
                                    {"duration", "i.end_date - i.start_date"},
                                    {"try_number", "i.try_number"},
                                    {"map_index", "x.map_index", false},
                                    {"logical_date", "r.logical_date"},
                                    {"run_after", "r.run_after", false},
                                    {"data_interval_start", "r.interval_start"},
                                    {"data_interval_end", "r.interval_end"},
                                    {"operator", "t.operator"},
                                    {"pool", "t.pool"},
                                    {"priority_weight", "t.priority_weight"},
                                    {"rendered_map_index", "coalesce(m.names ->> x.map_index, x.map_index::text)"},
                                    {"updated_at", kTaskUpdated},
                                    {"queued_when", "a.opened_at"},
                                    {"scheduled_when", "a.opened_at"}},
                                   "r.id, t.task_no, x.map_index");
  if (!ordered) return ordered.error();
  if (const Status after = sql.After(page); !after) return after.error();
  const bool touched = OnlyTouched(filter);
  if (touched) sql.Where(kTouchedCounts);
  ListingSql chosen = sql;
  if (only_started) chosen.Where("i.start_date is not null");
  if (only_started && !touched) chosen.Where(kTouchedCounts);
  // Chosen first, read then: what lies before the offset is not read, and only the tables that choosing needs are
  // joined.
  const std::string choice = chosen.Cut(std::string("select r.id as run_id, t.task_no, x.map_index") +
                                            (touched || only_started ? kTouchedFrom : kTaskFrom),
                                        page);
  const std::string select = fmt::format("select {}{}{}{}{} from ({}) as x {}{}", kRunAndTask, kTaskState,
                                         fmt::format(kTaskRest, kTaskMessage), kTaskIndex, sql.Keys(page), choice,
                                         kTaskOfPage, sql.Ordering());
  const std::string counting =
      OfWholeRuns(filter) ? CountByRun(filter, sql, page) : CountOf(touched ? kTouchedFrom : kTaskFrom, sql, page);
  return pool_.With("list task instances", [&](Session& session) -> Result<Listing<TaskInstanceRow>> {
    return FetchPage<TaskInstanceRow>(session, select, counting, sql, page, ReadTaskRow);
  });
}

Result<std::vector<TaskInstanceRow>> PgCatalog::Tries(const std::string& dag_id, const std::string& run_id,
                                                      const std::string& task_id, std::int32_t map_index) {
  return pool_.With("list tries", [&](Session& session) -> Result<std::vector<TaskInstanceRow>> {
    const pqxx::result known = session.Run(
        "task_known",
        "select exists (select from dag_version_task t where t.version_id = r.version_id and t.task_id = $3) "
        "from dag_run r where r.dag_id = $1 and r.run_id = $2",
        CleanText(dag_id), CleanText(run_id), CleanText(task_id));
    if (known.empty()) return NoRun(dag_id, run_id);
    if (!known[0][0].as<bool>()) {
      return Error{ErrorCode::kNotFound,
                   fmt::format("The Task Instance with dag_id: `{}`, run_id: `{}` and task_id: `{}` was not found",
                               dag_id, run_id, task_id),
                   ""};
    }
    std::vector<TaskInstanceRow> tries;
    for (const pqxx::row& row : session.Run(
             "tries",
             fmt::format(
                 "select {}{}{}{}{} where r.dag_id = $1 and r.run_id = $2 and t.task_id = $3 and a.map_index = $4 "
                 "order by a.try_number, a.id",
                 kRunAndTask, kTryState, fmt::format(kTaskRest, "null"), kTryIndex, kTryFrom),
             CleanText(dag_id), CleanText(run_id), CleanText(task_id), map_index)) {
      tries.push_back(ReadTaskRow(row));
    }
    return tries;
  });
}

Result<Listing<ImportErrorRow>> PgCatalog::ImportErrors(const Page& page) {
  ListingSql sql;
  // Of files of which all DAGs may be seen. One that never held a DAG is nobody's.
  if (page.dag_ids) {
    sql.Where(
        "exists (select from dag d where d.root = e.root and d.relative_file = e.relative_file) and not exists (select "
        "from dag d where d.root = e.root and d.relative_file = e.relative_file and not d.dag_id = any ({}::text[]))",
        TextArray(*page.dag_ids));
  }
  const Status ordered = sql.Order(page,
                                   {{"id", "e.id"},
                                    {"import_error_id", "e.id"},
                                    {"timestamp", "e.at"},
                                    {"filename", "e.relative_file"},
                                    {"bundle_name", "e.root"}},
                                   "e.id");
  if (!ordered) return ordered.error();
  return pool_.With("list import errors", [&](Session& session) -> Result<Listing<ImportErrorRow>> {
    return Fetch<ImportErrorRow>(session, "e.id, micros(e.at), e.relative_file, e.text, e.root", " from import_error e",
                                 sql, page, [](const pqxx::row& row) {
                                   return ImportErrorRow{row[0].as<std::int64_t>(),
                                                         FromMicros(row[1].as<std::int64_t>()), row[2].c_str(),
                                                         row[3].c_str(), row[4].c_str()};
                                 });
  });
}

namespace {

// Running: open attempts, those of cancelled runs too, until they end. Deferred: those of them whose
// tasks wait without a process.
// Scheduled: of running runs, which are few.
const char* const kPoolListing =
    "p.name, p.slots, p.description, p.include_deferred, coalesce(u.running, 0), coalesce(u.scheduled, 0), "
    "coalesce(u.deferred, 0)";
const char* const kPoolFrom =
    " from pool p left join (select t.pool, sum(t.pool_slots) filter (where w.kind = 'running') as running, "
    "sum(t.pool_slots) filter (where w.kind = 'scheduled') as scheduled, "
    "sum(t.pool_slots) filter (where w.kind = 'deferred') as deferred from ("
    "select a.version_id, a.task_no, case when exists (select from task_instance i where i.run_id = a.run_id and "
    "i.task_no = a.task_no and i.map_index = a.map_index and i.attempt_id = a.id and i.state = 'deferred') "
    "then 'deferred' else 'running' end as kind from attempt a where a.outcome is null "
    "union all select r.version_id, i.task_no, 'scheduled' from dag_run r join task_instance i on i.run_id = r.id "
    "where "
    "r.state = 'running' and i.state = 'scheduled') w "
    "join dag_version_task t on t.version_id = w.version_id and t.task_no = w.task_no group by t.pool) u on u.pool = "
    "p.name";

PoolRow ReadPool(const pqxx::row& row) {
  return PoolRow{row[0].c_str(),           row[1].as<std::int32_t>(), row[2].c_str(),
                 row[3].as<bool>(),        row[4].as<std::int64_t>(), row[5].as<std::int64_t>(),
                 row[6].as<std::int64_t>()};
}

}  // namespace

Result<Listing<PoolRow>> PgCatalog::Pools(const TextSearch& name, const Page& page) {
  ListingSql sql;
  sql.WhereText("p.name", name);
  const Status ordered = sql.Order(page,
                                   {{"id", "p.name"},
                                    {"name", "p.name"},
                                    {"pool", "p.name"},
                                    {"slots", "p.slots"},
                                    {"description", "p.description"}},
                                   "p.name collate \"C\"");
  if (!ordered) return ordered.error();
  return pool_.With("list pools", [&](Session& session) -> Result<Listing<PoolRow>> {
    return Fetch<PoolRow>(session, kPoolListing, kPoolFrom, sql, page, ReadPool);
  });
}

Result<PoolRow> PgCatalog::Pool(const std::string& name) {
  return pool_.With("read a pool", [&](Session& session) -> Result<PoolRow> {
    const pqxx::result found =
        session.Run("pool", fmt::format("select {}{} where p.name = $1", kPoolListing, kPoolFrom), CleanText(name));
    if (found.empty())
      return Error{ErrorCode::kNotFound, fmt::format("The Pool with name: `{}` was not found", name), ""};
    return ReadPool(found[0]);
  });
}

Result<DagSource> PgCatalog::Source(VersionId version) {
  return pool_.With("read a DAG version", [&](Session& session) -> Result<DagSource> {
    const pqxx::result found =
        session.Run("version", "select source::text from dag_version where id = $1", version.value);
    if (found.empty()) return Error{ErrorCode::kNotFound, fmt::format("there is no DAG version {}", version.value), ""};
    return DecodeSource(found[0][0].c_str());
  });
}

Result<Value> PgCatalog::Outputs(RunId run, const std::string& task_id, std::int32_t map_index) {
  return pool_.With("read outputs", [&](Session& session) -> Result<Value> {
    Value outputs{Value::Map{}};
    for (const pqxx::row& row : session.Run(
             "task_outputs",
             "select x.key, x.value::text from dag_run r join dag_version_task t on t.version_id = r.version_id and "
             "t.task_id = $2 "
             "join xcom x on x.run_id = r.id and x.task_no = t.task_no and x.map_index = $3 where r.id = $1 "
             "order by x.key collate \"C\"",
             run.value, CleanText(task_id), map_index)) {
      outputs.map().emplace_back(row[0].c_str(), ReadJson(row[1]));
    }
    return outputs;
  });
}

}  // namespace pipelined
