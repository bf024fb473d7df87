#include "store/deadline_rows.h"

#include <unordered_map>

#include "store/arrays.h"
#include "store/rows.h"

namespace pipelined {

void StoreDeadlines(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  for (const DeadlineChange& change : plan.deadlines) {
    session.In(transaction, "store_deadline",
               "with changed as (insert into run_deadline as d (run_id, number, due_at, state, what, ended_at) "
               "values ($1, $2, at_micros($3), $4, $5, case when $4 <> 'due' then at_micros($6) end) "
               "on conflict (run_id, number) do update set due_at = excluded.due_at, state = excluded.state, what = "
               "excluded.what, ended_at = excluded.ended_at where d.state <> 'missed' returning 1) "
               "insert into event (at, who, kind, run_id, new_state, why) "
               "select at_micros($6), 'scheduler', 'deadline', $1, $4, $5 from changed where $4 = 'missed'",
               change.run.value, change.deadline.number, ToMicros(change.deadline.at),
               std::string(ToString(change.deadline.state)), CleanText(change.what), ToMicros(plan.now));
  }
}

namespace {

constexpr const char* kDeadlines =
    "select run_id, number, micros(due_at), state from run_deadline where run_id = any ($1) order by run_id, number";

std::string IdsOf(const std::vector<RestoredRun>& runs) {
  ArrayText ids;
  for (const RestoredRun& run : runs) ids.Add(run.run.id.value);
  return ids.text();
}

void Take(const pqxx::result& rows, std::vector<RestoredRun>& runs) {
  std::unordered_map<std::int64_t, std::size_t> places;
  for (std::size_t i = 0; i < runs.size(); ++i) places[runs[i].run.id.value] = i;
  for (const pqxx::row& row : rows) {
    StoredDeadline deadline;
    deadline.number = row[1].as<std::int32_t>();
    deadline.at = *ReadInstant(row[2]);
    deadline.state = DeadlineStateFromString(row[3].c_str()).value_or(DeadlineState::kDue);
    runs[places.at(row[0].as<std::int64_t>())].deadlines.push_back(deadline);
  }
}

}  // namespace

void ReadDeadlines(pqxx::transaction_base& transaction, Session& session, std::vector<RestoredRun>& runs) {
  Take(session.In(transaction, "read_deadlines", kDeadlines, IdsOf(runs)), runs);
}

void ReadDeadlines(Session& session, std::vector<RestoredRun>& runs) {
  Take(session.Run("read_deadlines", kDeadlines, IdsOf(runs)), runs);
}

}  // namespace pipelined
