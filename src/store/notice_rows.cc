#include "store/notice_rows.h"

#include <fmt/format.h>

#include "pipelined/schema/json.h"
#include "store/arrays.h"
#include "store/json_fields.h"
#include "store/rows.h"

namespace pipelined {
namespace {

Value InstantText(const std::optional<Instant>& at) {
  return at ? Value(FormatIso(*at)) : Value();
}

// What the texts may speak of; the notifier adds what it alone knows: id, channel and links.
Value FactsOf(const Notice& notice) {
  Value facts = Value::Map{{"event", ToString(notice.on)},
                           {"dag_id", notice.dag_id},
                           {"run_id", notice.run_id},
                           {"task_id", notice.task_id},
                           {"map_index", std::int64_t{notice.map_index}},
                           {"state", notice.state},
                           {"try_number", std::int64_t{notice.try_number}},
                           {"max_tries", std::int64_t{notice.max_tries}},
                           {"error", CleanText(notice.why)},  // jsonb has no NUL
                           {"outcome", notice.outcome},
                           {"deadline", notice.deadline},
                           {"failed_tasks", notice.failed_tasks}};
  facts.Set("logical_date", InstantText(notice.logical_date));
  facts.Set("start_date", InstantText(notice.start_date));
  facts.Set("end_date", InstantText(notice.end_date));
  facts.Set("duration", notice.duration ? Value(static_cast<double>(notice.duration->count()) / 1e6) : Value());
  return facts;
}

std::string UseText(const NotifyUse& use) {
  Value text = Value::Map{};
  if (!use.subject.empty()) text.Set("subject", use.subject);
  if (!use.message.empty()) text.Set("message", use.message);
  if (!use.dedupe_key.empty()) text.Set("dedupe_key", use.dedupe_key);
  if (!use.to.empty()) text.Set("to", json_fields::Strings(use.to));
  return ToJson(text);
}

void InsertNotices(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  ArrayText event, channel, run, dag, run_id, task, number, index, after, facts, use;
  for (const Notice& notice : plan.notices) {
    if (notice.uses.empty()) continue;
    const std::string said = ToJson(FactsOf(notice));
    for (const NotifyUse& one : notice.uses) {
      event.Add(ToString(notice.on));
      channel.Add(std::string_view(one.channel));
      run.Add(notice.run.value);
      dag.Add(std::string_view(notice.dag_id));
      run_id.Add(std::string_view(notice.run_id));
      task.Add(std::string_view(notice.task_id));
      number.Add(std::int64_t{notice.task_no});
      index.Add(std::int64_t{notice.map_index});
      after.Add(ToMicros(notice.run_after));
      facts.Add(std::string_view(said));
      use.Add(std::string_view(UseText(one)));
    }
  }
  if (event.empty()) return;
  // A run that is deleted in this very turn is told of no more.
  session.In(
      transaction, "insert_notices",
      "insert into notification (created_at, event, channel, run, dag_id, run_id, task_id, task_no, map_index, "
      "run_after, facts, use, next_try_at) "
      "select clock_timestamp(), u.event, u.channel, u.run, u.dag, u.run_id, nullif(u.task, ''), nullif(u.number, -1), "
      "u.index, "
      "at_micros(u.after), u.facts::json, u.use::json, clock_timestamp() "
      "from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::integer[], "
      "$8::integer[], $9::bigint[], $10::text[], $11::text[]) with ordinality "
      "as u (event, channel, run, dag, run_id, task, number, index, after, facts, use, place) "
      "where exists (select from dag_run r where r.id = u.run) order by u.place",
      event.text(), channel.text(), run.text(), dag.text(), run_id.text(), task.text(), number.text(), index.text(),
      after.text(), facts.text(), use.text());
}

// Runs have succeeded: what failures of this DAG have set off by now, in runs not later than that, is over. Whoever
// was told of them is told; a failure that nobody was told of yet will be told of as one that is over. A task that has
// failed for good in a run that succeeds all the same has not recovered by that.
//
// The rows are locked first: one that a notifier is just about to take would be seen as what it was by the statement
// that waits for it, and be missed by both.
constexpr const char* kOver =
    "n.dag_id = u.dag and n.run_after <= at_micros(u.after) and (n.run <> u.run or n.task_no is null or not exists "
    "(select from task_instance t where t.run_id = n.run and t.task_no = n.task_no and t.map_index = n.map_index and "
    "t.state = 'failed'))";

void InsertRecoveries(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  ArrayText run, dag, run_id, after;
  for (const Notice& notice : plan.notices) {
    if (notice.on != NotifyOn::kRecovered) continue;
    run.Add(notice.run.value);
    dag.Add(std::string_view(notice.dag_id));
    run_id.Add(std::string_view(notice.run_id));
    after.Add(ToMicros(notice.run_after));
  }
  if (run.empty()) return;
  const pqxx::result open = session.In(
      transaction, "lock_open_notices",
      "select from notification where dag_id = any ($1::text[]) and (firing or state = 'queued') order by id "
      "for update",
      dag.text());
  if (open.empty()) return;
  static const std::string kEnd = fmt::format(
      "with u as (select * from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[]) "
      "as u (run, dag, run_id, after)), "
      "late as (update notification n set recovered_at = clock_timestamp() from u where n.state = 'queued' and not "
      "n.firing and n.recovered_at is null and n.event in ('failure', 'deadline') and {0}), "
      "over as (update notification n set firing = false, recovered_at = clock_timestamp() from u "
      "where n.firing and {0} "
      "returning n.id, n.channel, n.facts, n.task_id, n.task_no, n.map_index, u.run, u.dag, u.run_id, u.after) "
      // One of several with the same labels is enough to end it.
      "insert into notification (created_at, event, channel, run, dag_id, run_id, task_id, task_no, map_index, "
      "run_after, facts, use, next_try_at) "
      "select distinct on (channel, dag, task_id, map_index, facts->>'event') clock_timestamp(), 'recovered', "
      "channel, run, dag, run_id, task_id, task_no, map_index, at_micros(after), "
      "(facts::jsonb || jsonb_build_object('event', 'recovered', 'ends', facts->>'event', 'run_id', run_id, "
      "'try_number', 0, 'state', 'success', 'error', '', 'failed_tasks', ''))::json, '{{}}'::json, clock_timestamp() "
      "from over",
      kOver);
  session.In(transaction, "insert_recoveries", kEnd.c_str(), run.text(), dag.text(), run_id.text(), after.text());
}

}  // namespace

void StoreNotices(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  if (plan.notices.empty()) return;
  InsertNotices(transaction, session, plan);
  InsertRecoveries(transaction, session, plan);
  session.In(transaction, "say_notices", "select pg_notify(current_schema() || '.notify', '')");
}

Notification ReadNotification(const pqxx::row& row) {
  Notification one;
  one.id = row[0].as<std::int64_t>();
  one.created_at = *ReadInstant(row[1]);
  one.event = NotifyOnFromString(row[2].c_str()).value_or(NotifyOn::kTest);
  one.dag_id = row[4].c_str();
  one.run_id = row[5].c_str();
  one.task_id = row[6].c_str();
  one.map_index = row[7].as<std::int32_t>();
  one.facts = ReadJson(row[8]);
  const Value use = ReadJson(row[9]);
  one.use = NotifyUse{row[3].c_str(), json_fields::Text(use, "subject"), json_fields::Text(use, "message"),
                      json_fields::Text(use, "dedupe_key"), json_fields::List(use, "to")};
  one.state = NotificationStateFromString(row[10].c_str()).value_or(NotificationState::kFailed);
  one.attempts = row[11].as<std::int32_t>();
  if (!row[12].is_null()) one.tries_left = row[12].as<std::int32_t>();
  one.next_try_at = ReadInstant(row[13]);
  one.ended_at = ReadInstant(row[14]);
  one.recovered_at = ReadInstant(row[15]);
  one.dedupe_key = row[16].c_str();
  one.error = row[17].c_str();
  if (!row[18].is_null()) one.duplicate_of = row[18].as<std::int64_t>();
  return one;
}

}  // namespace pipelined
