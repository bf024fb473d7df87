#include "store/limit_rows.h"

#include "store/arrays.h"

namespace pipelined {

void StoreKeys(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  if (plan.keys_taken.empty() && plan.keys_given.empty()) return;
  ArrayText attempt, key, most, rate, window, given;
  for (const KeysTaken& taken : plan.keys_taken) {
    if (!taken.concurrency.empty()) {
      attempt.Add(taken.attempt.value);
      key.Add(std::string_view(taken.concurrency));
      most.Add(std::int64_t{taken.max});
    }
    if (!taken.rate.empty()) {
      rate.Add(std::string_view(taken.rate));
      window.Add(static_cast<std::int64_t>(taken.window.count()));
    }
  }
  for (const AttemptId id : plan.keys_given) given.Add(id.value);
  session.In(transaction, "note_keys", "select note_keys($1, $2, $3, $4, $5, $6, $7)", ToMicros(plan.now),
             attempt.text(), key.text(), most.text(), rate.text(), window.text(), given.text());
}

std::vector<StoredAttempt> LoadAttempts(pqxx::transaction_base& transaction) {
  std::vector<StoredAttempt> attempts;
  for (const pqxx::row& row : transaction.exec(
           "select a.id, a.instance, a.boot_id, coalesce(t.pool, ''), coalesce(t.pool_slots, 0), coalesce(r.dag_id, "
           "''), "
           "coalesce(t.task_id, ''), a.run_id, coalesce(k.limit_key, ''), coalesce(k.most, 0), a.task_no, a.map_index "
           "from attempt a "
           "left join dag_run r on r.id = a.run_id "
           "left join dag_version_task t on t.version_id = coalesce(a.version_id, r.version_id) and t.task_no = "
           "a.task_no "
           "left join attempt_key k on k.attempt_id = a.id where a.outcome is null order by a.id")) {
    StoredAttempt& stored = attempts.emplace_back();
    stored.attempt = AttemptId{row[0].as<std::int64_t>()};
    stored.instance = row[1].c_str();
    stored.boot_id = row[2].c_str();
    stored.run = RunId{row[7].as<std::int64_t>()};
    stored.task = row[10].as<std::uint32_t>();
    stored.map_index = row[11].as<std::int32_t>();
    Holding& holding = stored.holding;
    holding.pool = row[3].c_str();
    holding.pool_slots = row[4].as<std::int32_t>();
    holding.dag_id = row[5].c_str();
    holding.task_id = row[6].c_str();
    holding.run = stored.run;
    holding.key = row[8].c_str();
    holding.key_max = row[9].as<std::int32_t>();
  }
  return attempts;
}

// The clock of the database and that of the scheduler may differ a little: rather too many than too few.
std::vector<RateStarted> LoadRates(pqxx::transaction_base& transaction) {
  std::vector<RateStarted> rates;
  for (const pqxx::row& row :
       transaction.exec("select rate_key, micros(started_at), micros(until) from rate_start "
                        "where until > clock_timestamp() - interval '1 minute' order by started_at")) {
    const Instant at = FromMicros(row[1].as<std::int64_t>());
    rates.push_back(RateStarted{row[0].c_str(), at, FromMicros(row[2].as<std::int64_t>()) - at});
  }
  return rates;
}

}  // namespace pipelined
