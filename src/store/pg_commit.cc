// A turn becomes one transaction. What almost every turn is made of (runs, tasks, attempts) is one call of
// commit_turn(), which is then the whole transaction: one round trip. What is rare (new runs, DAGs, pools, commands)
// goes beside it in a block.
#include <fmt/format.h>

#include "pipelined/schema/json.h"
#include "store/arrays.h"
#include "store/asset_rows.h"
#include "store/backfill_rows.h"
#include "store/deadline_rows.h"
#include "store/limit_rows.h"
#include "store/notice_rows.h"
#include "store/pg_store.h"
#include "store/pg_with.h"
#include "store/rows.h"
#include "store/steering_rows.h"
#include "store/turn_arrays.h"
#include "store/wait_rows.h"

namespace pipelined {
namespace {

const std::string& CommitTurnSql() {
  static const std::string sql = [] {
    std::string text = "select commit_turn(";
    for (int i = 1; i <= 49; ++i) text += fmt::format("{}${}", i == 1 ? "" : ",", i);
    return text + ")";
  }();
  return sql;
}

bool IsRare(const Plan& plan) {
  return !plan.expanded.empty() || !plan.made.empty() || !plan.new_runs.empty() || !plan.resets.empty() ||
         !plan.backfills.empty() || !plan.dags.empty() || !plan.deadlines.empty() || !plan.skipped.empty() ||
         !plan.pools.empty() || !plan.commands.empty() || !plan.keys_taken.empty() || !plan.keys_given.empty() ||
         !plan.rebased.empty() || !plan.steered.empty() || !plan.cleared.empty() || !plan.notes.empty() ||
         !plan.deleted.empty() || !plan.outputs.empty() || !plan.asset_events.empty() || !plan.notices.empty() ||
         !plan.waits.empty();
}

void InsertRuns(pqxx::transaction_base& transaction, Session& session, const Plan& plan, Committed& committed) {
  if (plan.new_runs.empty()) return;
  ArrayText dag, version, type, run_id, logical, start, end, after, backfill, ordinal, conf, by, who;
  ArrayText parent, parent_task, parent_attempt, sub_run;
  for (const NewRun& run : plan.new_runs) {
    dag.Add(std::string_view(run.dag_id));
    version.Add(run.version.value);
    type.Add(ToString(run.type));
    run_id.Add(std::string_view(run.run_id));
    const auto dated = [&run](Instant at) { return run.undated ? std::nullopt : std::optional(at); };
    logical.Add(dated(run.due.logical_date));
    start.Add(dated(run.due.interval.start));
    end.Add(dated(run.due.interval.end));
    after.Add(ToMicros(run.due.run_after));
    backfill.Add(run.backfill.value);
    ordinal.Add(std::int64_t{run.ordinal});
    if (run.conf.is_null())
      conf.AddNull();
    else
      conf.Add(std::string_view(ToJson(run.conf)));
    by.Add(std::string_view(run.triggered_by));
    who.Add(std::string_view(run.who));
    parent.Add(run.parent.run.value);
    parent_task.Add(std::string_view(run.parent.task_id));
    parent_attempt.Add(run.parent.attempt.value);
    sub_run.AddBool(run.parent.sub_run);
  }
  const pqxx::result inserted = session.In(
      transaction, "insert_runs",
      "insert into dag_run as r (dag_id, version_id, type, state, run_id, logical_date, interval_start, interval_end, "
      "run_after, queued_at, backfill_id, backfill_ordinal, conf, triggered_by, triggering_user, "
      "parent_run, parent_task, parent_attempt, sub_run) "
      "select u.dag, u.version, u.type, 'queued', u.run_id, at_micros(u.logical), at_micros(u.first), "
      "at_micros(u.last), at_micros(u.after), at_micros($14), nullif(u.backfill, 0), nullif(u.ordinal, 0), "
      "u.conf::json, u.triggered_by, u.who, nullif(u.parent, 0), nullif(u.parent_task, ''), nullif(u.parent_attempt, "
      "0), u.sub_run "
      "from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], "
      "$8::bigint[], $9::bigint[], $10::integer[], $11::text[], $12::text[], $13::text[], "
      "$15::bigint[], $16::text[], $17::bigint[], $18::boolean[]) "
      "with ordinality as u (dag, version, type, run_id, logical, first, last, after, backfill, ordinal, conf, "
      "triggered_by, who, parent, parent_task, parent_attempt, sub_run, place) order by u.place on conflict do nothing "
      "returning " PIPELINED_RUN_COLUMNS,
      dag.text(), version.text(), type.text(), run_id.text(), logical.text(), start.text(), end.text(), after.text(),
      backfill.text(), ordinal.text(), conf.text(), by.text(), who.text(), ToMicros(plan.now), parent.text(),
      parent_task.text(), parent_attempt.text(), sub_run.text());
  for (const pqxx::row& row : inserted) committed.runs.push_back(RestoredRun{ReadRun(row), {}});
}

void InsertLengths(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  if (plan.expanded.empty()) return;
  ArrayText run, task, length, names, stale;
  for (const TaskExpanded& expanded : plan.expanded) {
    run.Add(expanded.run.value);
    task.Add(std::int64_t{expanded.task});
    length.Add(std::int64_t{expanded.length});
    stale.AddBool(expanded.stale);
    if (expanded.names.empty()) {
      names.AddNull();
    } else {
      Value::List list(expanded.names.begin(), expanded.names.end());
      names.Add(std::string_view(ToJson(Value(std::move(list)))));
    }
  }
  session.In(
      transaction, "insert_lengths",
      "insert into task_map (run_id, task_no, length, names, stale) select u.run, u.task, u.length, u.names::json, "
      "u.stale from unnest($1::bigint[], $2::integer[], $3::integer[], $4::text[], $5::boolean[]) as u (run, task, "
      "length, names, stale) on conflict (run_id, task_no) do update set length = excluded.length, stale = "
      "excluded.stale, names = case when excluded.stale then coalesce(excluded.names, task_map.names) else "
      "excluded.names end",
      run.text(), task.text(), length.text(), names.text(), stale.text());
}

void UpdateDags(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  if (plan.dags.empty()) return;
  ArrayText dag, paused, start, end, deleted, why, who;
  for (const DagChange& change : plan.dags) {
    dag.Add(std::string_view(change.dag_id));
    if (change.paused)
      paused.AddBool(*change.paused);
    else
      paused.AddNull();
    start.Add(change.last_interval ? std::optional(change.last_interval->start) : std::nullopt);
    end.Add(change.last_interval ? std::optional(change.last_interval->end) : std::nullopt);
    deleted.AddBool(change.deleted);
    why.Add(std::string_view(change.why));
    who.Add(std::string_view(change.who));
  }
  session.In(
      transaction, "dag_events",
      "insert into event (at, who, kind, dag_id, new_state, why) "
      "select at_micros($1), author(u.who), 'dag', u.dag, case when u.deleted then 'deleted' when u.paused then "
      "'paused' else 'unpaused' end, u.why "
      "from unnest($2::text[], $3::boolean[], $4::boolean[], $5::text[], $6::text[]) as u (dag, paused, deleted, "
      "why, who) where u.deleted or u.paused is not null",
      ToMicros(plan.now), dag.text(), paused.text(), deleted.text(), why.text(), who.text());
  // A catch-up changes one DAG many times in a turn, and UPDATE would take any of them: the last one counts.
  session.In(
      transaction, "update_dags",
      "update dag d set paused = coalesce(u.paused, d.paused), last_interval_start = "
      "coalesce(at_micros(u.first), d.last_interval_start), "
      "last_interval_end = coalesce(at_micros(u.last), d.last_interval_end) "
      "from (select dag, (array_agg(paused order by place desc) filter (where paused is not null))[1], "
      "(array_agg(first order by place desc) filter (where first is not null))[1], "
      "(array_agg(last order by place desc) filter (where last is not null))[1] "
      "from unnest($1::text[], $2::boolean[], $3::bigint[], $4::bigint[]) with ordinality "
      "as c (dag, paused, first, last, place) group by dag) as u (dag, paused, first, last) where d.dag_id = u.dag",
      dag.text(), paused.text(), start.text(), end.text());
  for (const DagChange& change : plan.dags) {
    if (change.deleted) session.In(transaction, "delete_dag", "select delete_dag($1)", change.dag_id);
  }
}

void StoreSkippedSlots(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  for (const SlotSkipped& slot : plan.skipped) {
    session.In(transaction, "skipped_slot",
               "insert into event (at, who, kind, dag_id, new_state, why) values (at_micros($1), 'scheduler', 'dag', "
               "$2, 'slot skipped', $3)",
               ToMicros(plan.now), CleanText(slot.dag_id), CleanText(slot.why));
  }
}

void ChangePools(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  for (const PoolChange& pool : plan.pools) {
    if (pool.deleted) {
      session.In(transaction, "delete_pool", "delete from pool where name = $1", CleanText(pool.name));
    } else {
      session.In(transaction, "upsert_pool",
                 "insert into pool as p (name, slots, description, include_deferred) values ($1, $2, coalesce($3, ''), "
                 "coalesce($4, false)) "
                 "on conflict (name) do update set slots = excluded.slots, description = coalesce($3, p.description), "
                 "include_deferred = coalesce($4, p.include_deferred)",
                 CleanText(pool.name), pool.slots,
                 pool.description ? std::optional(CleanText(*pool.description)) : std::nullopt, pool.include_deferred);
    }
    session.In(transaction, "pool_event",
               "insert into event (at, who, kind, new_state, why) values (at_micros($1), author($4), 'pool', $2, $3)",
               ToMicros(plan.now), pool.deleted ? std::string("deleted") : fmt::format("{}", pool.slots),
               CleanText(pool.name), CleanText(pool.who));
  }
}

// The only NOTIFY of a turn: somebody waits for it.
void FinishCommands(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  for (const CommandDone& done : plan.commands) {
    const pqxx::result finished = session.In(
        transaction, "finish_command",
        "with done as (update command set done_at = clock_timestamp(), error = $2, error_code = $3, result = $4::json "
        "where id = $1 and done_at is null returning id, who, what, payload), "
        "said as (insert into event (at, who, kind, new_state, why) select at_micros($5), who, 'command', what, "
        "payload::text || coalesce(nullif(': ' || $2, ': '), '') from done) "
        "select pg_notify(current_schema() || '.done', id::text) from done",
        done.id.value, CleanText(done.error), static_cast<int>(done.error_code), ToJson(done.result),
        ToMicros(plan.now));
    if (finished.empty()) throw StaleRow(fmt::format("command {} was done already", done.id.value));
  }
}

}  // namespace

void PgStore::RunTurn(pqxx::transaction_base& transaction, const Plan& plan, const Lease& lease,
                      const ExecutorIdentity& executor) {
  std::vector<std::string> parameters = {holder_,
                                         std::to_string(lease.epoch),
                                         std::to_string(ttl_.count()),
                                         std::to_string(ToMicros(plan.now)),
                                         std::to_string(LastAttempt(plan)),
                                         executor.instance,
                                         executor.boot_id};
  std::vector<std::string> arrays = TurnArrays(plan);
  parameters.insert(parameters.end(), std::make_move_iterator(arrays.begin()), std::make_move_iterator(arrays.end()));
  session_->In(transaction, "commit_turn", CommitTurnSql(), pqxx::prepare::make_dynamic_params(parameters));
}

void PgStore::Settle(const Plan& plan, const Committed& committed) {
  for (const RestoredRun& run : committed.runs) runs_out_.insert(run.run.id.value);
  for (const RunChange& change : plan.runs) {
    if (change.from == RunState::kQueued) runs_out_.erase(change.run.value);
    if (change.to == RunState::kQueued) runs_out_.insert(change.run.value);
  }
  for (const CommandDone& done : plan.commands) commands_out_.erase(done.id.value);
}

Result<Committed> PgStore::Commit(const Plan& plan, Lease& lease, const ExecutorIdentity& executor) {
  auto result = With("store the turn", [&]() -> Result<Committed> {
    Committed committed;
    const Micros asked = clock_.Monotonic();
    if (IsRare(plan)) {
      pqxx::work transaction(session_->raw());
      StoreSteering(transaction, *session_, plan);
      RunTurn(transaction, plan, lease, executor);
      StoreAssetEvents(transaction, *session_, plan);
      StoreKeys(transaction, *session_, plan);
      StoreWaits(transaction, *session_, plan);
      InsertLengths(transaction, *session_, plan);
      StoreBackfills(transaction, *session_, plan);
      InsertRuns(transaction, *session_, plan, committed);
      ResetRuns(transaction, *session_, plan, committed);
      SettleSlots(transaction, *session_, plan, committed);
      UpdateDags(transaction, *session_, plan);
      StoreDeadlines(transaction, *session_, plan);
      StoreSkippedSlots(transaction, *session_, plan);
      ChangePools(transaction, *session_, plan);
      StoreNotices(transaction, *session_, plan);
      DeleteRuns(transaction, *session_, plan);
      FinishCommands(transaction, *session_, plan);
      transaction.commit();
    } else {
      session_->Prepare("commit_turn", CommitTurnSql());
      try {
        pqxx::nontransaction transaction(session_->raw());
        RunTurn(transaction, plan, lease, executor);
      } catch (const pqxx::broken_connection& e) {
        // The statement was its own COMMIT, and it was sent.
        throw pqxx::in_doubt_error(e.what());
      } catch (const pqxx::sql_error& e) {
        // "terminating connection": said before or after the commit, there is no telling.
        if (e.sqlstate().rfind("57P", 0) == 0) throw pqxx::in_doubt_error(e.what());
        throw;
      }
    }
    Settle(plan, committed);
    lease.trusted_until = TrustedUntil(asked);
    return committed;
  });
  if (!result && (result.error().code == ErrorCode::kInDoubt || result.error().code == ErrorCode::kUnavailable))
    Disconnect();
  return result;
}

}  // namespace pipelined
