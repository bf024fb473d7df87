// What the API reads of backfills.
#include <fmt/format.h>

#include "store/arrays.h"
#include "store/backfill_rows.h"
#include "store/listing.h"
#include "store/pg_catalog.h"
#include "store/rows.h"

namespace pipelined {
namespace {

const char* const kBackfillColumns =
    "b.id, b.dag_id, micros(b.from_date), micros(b.to_date), b.reprocess, b.run_backwards, b.conf::text, b.paused, "
    "b.cancelled, b.max_active_runs, b.who, micros(b.created_at), micros(b.updated_at), micros(b.completed_at)";

BackfillRow ReadBackfillRow(const pqxx::row& row) {
  BackfillRow backfill;
  backfill.id = BackfillId{row[0].as<std::int64_t>()};
  backfill.dag_id = row[1].c_str();
  backfill.range.from = *ReadInstant(row[2]);
  backfill.range.to = *ReadInstant(row[3]);
  backfill.range.reprocess = ReprocessFromString(row[4].c_str()).value_or(Reprocess::kNone);
  backfill.range.run_backwards = row[5].as<bool>();
  backfill.conf = ReadJson(row[6]);
  backfill.paused = row[7].as<bool>();
  backfill.cancelled = row[8].as<bool>();
  backfill.max_active_runs = row[9].as<std::int32_t>();
  backfill.who = row[10].c_str();
  backfill.created_at = *ReadInstant(row[11]);
  backfill.updated_at = *ReadInstant(row[12]);
  backfill.completed_at = ReadInstant(row[13]);
  return backfill;
}

Error NoBackfill(BackfillId id) {
  return Error{ErrorCode::kNotFound, fmt::format("Backfill with id {} was not found", id.value), ""};
}

BackfillProgress ReadProgress(const pqxx::row& row) {
  BackfillProgress progress;
  std::int64_t* const counts[] = {&progress.slots,          &progress.waiting,   &progress.queued,
                                  &progress.running,        &progress.success,   &progress.failed,
                                  &progress.already_exists, &progress.in_flight, &progress.cancelled};
  for (int i = 0; i < 9; ++i) *counts[i] = row[i].as<std::int64_t>();
  progress.first_start = ReadInstant(row[9]);
  progress.last_end = ReadInstant(row[10]);
  return progress;
}

}  // namespace

Result<Listing<BackfillRow>> PgCatalog::Backfills(const std::string& dag_id, const Page& page) {
  ListingSql sql;
  sql.WhereDag("b.dag_id", page);
  if (dag_id != "~") sql.Where("b.dag_id = {}", dag_id);
  const Status ordered = sql.Order(page,
                                   {{"id", "b.id"},
                                    {"dag_id", "b.dag_id"},
                                    {"from_date", "b.from_date"},
                                    {"to_date", "b.to_date"},
                                    {"created_at", "b.created_at"},
                                    {"completed_at", "b.completed_at"},
                                    {"updated_at", "b.updated_at"}},
                                   "b.id");
  if (!ordered) return ordered.error();
  return pool_.With("list backfills", [&](Session& session) -> Result<Listing<BackfillRow>> {
    return Fetch<BackfillRow>(session, kBackfillColumns, " from backfill b", sql, page, ReadBackfillRow);
  });
}

Result<BackfillRow> PgCatalog::Backfill(BackfillId id) {
  return pool_.With("read a backfill", [&](Session& session) -> Result<BackfillRow> {
    const pqxx::result found =
        session.Run("backfill", fmt::format("select {} from backfill b where b.id = $1", kBackfillColumns), id.value);
    if (found.empty()) return NoBackfill(id);
    return ReadBackfillRow(found[0]);
  });
}

Result<BackfillProgress> PgCatalog::ProgressOf(BackfillId id, std::int64_t most_failures) {
  return pool_.With("read the progress of a backfill", [&](Session& session) -> Result<BackfillProgress> {
    // A run that a later backfill, or somebody by hand, has set back again is counted as it is now.
    const pqxx::result counts = session.Run(
        "backfill_progress",
        "select count(*), count(*) filter (where s.run_id is null and s.skipped is null), "
        "count(*) filter (where r.state = 'queued'), count(*) filter (where r.state = 'running'), "
        "count(*) filter (where r.state = 'success'), count(*) filter (where r.state = 'failed'), "
        "count(*) filter (where s.skipped = 'already exists'), count(*) filter (where s.skipped = 'in flight'), "
        "count(*) filter (where s.skipped = 'cancelled'), micros(min(r.start_date)), micros(max(r.end_date)) "
        "from backfill_run s left join dag_run r on r.id = s.run_id where s.backfill_id = $1",
        id.value);
    BackfillProgress progress = ReadProgress(counts[0]);
    if (progress.failed == 0 || most_failures <= 0) return progress;
    for (const pqxx::row& row : session.Run(
             "backfill_failures",
             "select r.run_id, micros(r.logical_date), (select array_agg(t.task_id order by i.task_no) from "
             "task_instance i join dag_version_task t on t.version_id = r.version_id and t.task_no = i.task_no "
             "where i.run_id = r.id and i.state = 'failed') "
             "from backfill_run s join dag_run r on r.id = s.run_id where s.backfill_id = $1 and r.state = 'failed' "
             "order by s.ordinal limit $2",
             id.value, most_failures)) {
      progress.failures.push_back(
          BackfillProgress::Failure{row[0].c_str(), ReadInstant(row[1]),
                                    row[2].is_null() ? std::vector<std::string>() : ParseTextArray(row[2].c_str())});
    }
    return progress;
  });
}

Result<std::vector<ExistingRun>> PgCatalog::RunsBetween(const std::string& dag_id, Instant from, Instant to) {
  return pool_.With("read the runs of a range", [&](Session& session) -> Result<std::vector<ExistingRun>> {
    return ReadRunsBetween(session, dag_id, from, to);
  });
}

}  // namespace pipelined
