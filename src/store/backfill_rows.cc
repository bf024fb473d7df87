#include "store/backfill_rows.h"

#include <map>
#include <unordered_map>

#include "pipelined/schema/json.h"
#include "store/arrays.h"
#include "store/deadline_rows.h"
#include "store/rows.h"

namespace pipelined {
namespace {

void InsertBackfill(pqxx::transaction_base& transaction, Session& session, const BackfillMade& made, Instant now) {
  session.In(transaction, "insert_backfill",
             "with l as (update lease set last_backfill_id = $1 where shard = 0) "
             "insert into backfill (id, dag_id, from_date, to_date, reprocess, run_backwards, max_active_runs, conf, "
             "who, created_at, updated_at) "
             "values ($1, $2, at_micros($3), at_micros($4), $5, $6, $7, $8::json, $9, at_micros($10), at_micros($10))",
             made.id.value, CleanText(made.dag_id), ToMicros(made.range.from), ToMicros(made.range.to),
             std::string(ToString(made.range.reprocess)), made.range.run_backwards, made.max_active_runs,
             made.conf.is_null() ? std::nullopt : std::optional(ToJson(made.conf)), CleanText(made.who), ToMicros(now));
  ArrayText ordinal, logical, start, end, after, existing, skipped;
  for (const BackfillSlot& slot : made.slots) {
    ordinal.Add(std::int64_t{slot.ordinal});
    logical.Add(ToMicros(slot.due.logical_date));
    start.Add(ToMicros(slot.due.interval.start));
    end.Add(ToMicros(slot.due.interval.end));
    after.Add(ToMicros(slot.due.run_after));
    existing.Add(slot.existing ? slot.existing->run.value : 0);
    skipped.Add(ToString(slot.skip));
  }
  session.In(transaction, "insert_slots",
             "insert into backfill_run (backfill_id, ordinal, logical_date, interval_start, interval_end, run_after, "
             "existing_run, skipped) "
             "select $1, u.ordinal, at_micros(u.logical), at_micros(u.first), at_micros(u.last), at_micros(u.after), "
             "nullif(u.existing, 0), nullif(u.skipped, '') "
             "from unnest($2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], "
             "$8::text[]) as u (ordinal, logical, first, last, after, existing, skipped)",
             made.id.value, ordinal.text(), logical.text(), start.text(), end.text(), after.text(), existing.text(),
             skipped.text());
}

void InsertEvent(pqxx::transaction_base& transaction, Session& session, const std::string& dag_id,
                 std::string_view state, const std::string& why, const std::string& who, Instant now) {
  session.In(transaction, "backfill_event",
             "insert into event (at, who, kind, dag_id, new_state, why) values (at_micros($1), author($5), "
             "'backfill', $2, $3, $4)",
             ToMicros(now), CleanText(dag_id), std::string(state), CleanText(why), CleanText(who));
}

std::string_view StateWord(const BackfillChange& change) {
  if (change.cancelled) return "cancelled";
  if (change.completed) return "completed";
  return change.paused.value_or(false) ? "paused" : "unpaused";
}

void ChangeBackfill(pqxx::transaction_base& transaction, Session& session, const BackfillChange& change, Instant now) {
  session.In(transaction, "change_backfill",
             "update backfill set paused = coalesce($2, paused), cancelled = $3, updated_at = at_micros($5), "
             "completed_at = case when $4 then at_micros($5) end where id = $1 and completed_at is null",
             change.id.value, change.paused, change.cancelled, change.completed, ToMicros(now));
  if (change.cancelled) {
    session.In(transaction, "cancel_slots",
               "update backfill_run set skipped = 'cancelled' where backfill_id = $1 and run_id is null and skipped is "
               "null",
               change.id.value);
  }
  InsertEvent(transaction, session, change.dag_id, StateWord(change), change.why, change.who, now);
}

bool RerunForTask(pqxx::transaction_base& transaction, Session& session, const RunReset& reset, Instant now) {
  const pqxx::result row = session.In(
      transaction, "rerun_for_task", "select rerun_for_task($1, $2, at_micros($3), $4, $5::json, $6, $7, $8, $9)",
      reset.run.value, reset.version.value, ToMicros(now), CleanText(reset.why),
      reset.conf.is_null() ? std::nullopt : std::optional(ToJson(reset.conf)), reset.parent.run.value,
      CleanText(reset.parent.task_id), reset.parent.attempt.value, reset.parent.sub_run);
  return row[0][0].as<bool>();
}

}  // namespace

void StoreBackfills(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  for (const BackfillMade& made : plan.made) {
    InsertBackfill(transaction, session, made, plan.now);
    InsertEvent(transaction, session, made.dag_id, "created",
                "backfill " + std::to_string(made.id.value) + " created by " + made.who, made.who, plan.now);
  }
  for (const BackfillChange& change : plan.backfills) ChangeBackfill(transaction, session, change, plan.now);
}

void ResetRuns(pqxx::transaction_base& transaction, Session& session, const Plan& plan, Committed& committed) {
  ArrayText done;
  for (const RunReset& reset : plan.resets) {
    if (!reset.run) continue;
    if (reset.parent) {
      if (RerunForTask(transaction, session, reset, plan.now)) done.Add(reset.run.value);
      continue;
    }
    const pqxx::result row = session.In(
        transaction, "reset_run", "select reset_run($1, $2, $3, $4, at_micros($5), $6, $7::json, $8)", reset.run.value,
        reset.version.value, reset.backfill.value, reset.ordinal, ToMicros(plan.now), CleanText(reset.why),
        reset.conf.is_null() ? std::nullopt : std::optional(ToJson(reset.conf)), CleanText(reset.who));
    if (row[0][0].as<bool>()) done.Add(reset.run.value);
  }
  if (done.empty()) return;
  session.In(transaction, "forget_lengths", "delete from task_map where run_id = any ($1)", done.text());
  std::unordered_map<std::int64_t, std::size_t> places;
  for (const pqxx::row& row :
       session.In(transaction, "runs_set_back",
                  "select " PIPELINED_RUN_COLUMNS " from dag_run r where r.id = any ($1) order by r.id", done.text())) {
    places[row[0].as<std::int64_t>()] = committed.runs.size();
    committed.runs.push_back(RestoredRun{ReadRun(row), {}, {}});
  }
  for (const pqxx::row& row :
       session.In(transaction, "tasks_set_back",
                  "select i.run_id, " PIPELINED_TASK_COLUMNS
                  " from task_instance i where i.run_id = any ($1) order by i.run_id, i.task_no, i.map_index",
                  done.text())) {
    committed.runs[places.at(row[0].as<std::int64_t>())].tasks.push_back(ReadTask(row, 1));
  }
  ReadDeadlines(transaction, session, committed.runs);
}

void SettleSlots(pqxx::transaction_base& transaction, Session& session, const Plan& plan, const Committed& committed) {
  using Slot = std::pair<std::int64_t, std::int32_t>;  // backfill, ordinal
  std::map<Slot, std::int64_t> runs;
  for (const NewRun& run : plan.new_runs) {
    if (run.backfill) runs[{run.backfill.value, run.ordinal}] = 0;
  }
  for (const RunReset& reset : plan.resets) {
    if (!reset.parent) runs[{reset.backfill.value, reset.ordinal}] = 0;
  }
  if (runs.empty()) return;
  for (const RestoredRun& made : committed.runs) {
    const auto slot = runs.find({made.run.backfill.value, made.run.backfill_ordinal});
    if (slot != runs.end()) slot->second = made.run.id.value;
  }
  ArrayText backfill, ordinal, run;
  for (const auto& [slot, id] : runs) {
    backfill.Add(slot.first);
    ordinal.Add(std::int64_t{slot.second});
    run.Add(id);
  }
  session.In(transaction, "settle_slots",
             "update backfill_run b set run_id = nullif(u.run, 0), skipped = case when u.run = 0 then 'in flight' end "
             "from unnest($1::bigint[], $2::integer[], $3::bigint[]) as u (backfill, ordinal, run) "
             "where b.backfill_id = u.backfill and b.ordinal = u.ordinal",
             backfill.text(), ordinal.text(), run.text());
}

std::vector<StoredBackfill> LoadBackfills(pqxx::transaction_base& transaction) {
  std::vector<StoredBackfill> backfills;
  std::unordered_map<std::int64_t, std::size_t> places;
  for (const pqxx::row& row : transaction.exec(
           "select id, dag_id, max_active_runs, paused, conf::text, who from backfill where completed_at is null order "
           "by id")) {
    places[row[0].as<std::int64_t>()] = backfills.size();
    backfills.push_back(StoredBackfill{BackfillId{row[0].as<std::int64_t>()},
                                       row[1].c_str(),
                                       row[2].as<std::int32_t>(),
                                       row[3].as<bool>(),
                                       ReadJson(row[4]),
                                       row[5].c_str(),
                                       {}});
  }
  if (backfills.empty()) return backfills;
  for (const pqxx::row& row : transaction.exec(
           "select s.backfill_id, s.ordinal, micros(s.logical_date), micros(s.interval_start), micros(s.interval_end), "
           "micros(s.run_after), s.existing_run from backfill b join backfill_run s on s.backfill_id = b.id "
           "where b.completed_at is null and s.run_id is null and s.skipped is null order by s.backfill_id, "
           "s.ordinal")) {
    BackfillSlot slot;
    slot.ordinal = row[1].as<std::int32_t>();
    slot.due.logical_date = *ReadInstant(row[2]);
    slot.due.interval = *ReadInterval(row[3], row[4]);
    slot.due.run_after = *ReadInstant(row[5]);
    if (!row[6].is_null())
      slot.existing = ExistingRun{RunId{row[6].as<std::int64_t>()}, slot.due.logical_date, RunState::kSuccess};
    backfills[places.at(row[0].as<std::int64_t>())].todo.push_back(std::move(slot));
  }
  return backfills;
}

std::vector<ExistingRun> ReadRunsBetween(Session& session, const std::string& dag_id, Instant from, Instant to) {
  std::vector<ExistingRun> runs;
  for (const pqxx::row& row :
       session.Run("runs_between",
                   "select id, micros(logical_date), state from dag_run where dag_id = $1 and logical_date >= "
                   "at_micros($2) and logical_date <= at_micros($3) and rerun_of is null",
                   CleanText(dag_id), ToMicros(from), ToMicros(to))) {
    runs.push_back(ExistingRun{RunId{row[0].as<std::int64_t>()}, *ReadInstant(row[1]),
                               RunStateFromString(row[2].c_str()).value_or(RunState::kFailed)});
  }
  return runs;
}

}  // namespace pipelined
