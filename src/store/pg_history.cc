// What happened to one run: its events, and the versions of its DAG that they speak of.
#include <algorithm>

#include "store/arrays.h"
#include "store/pg_catalog.h"
#include "store/rows.h"

namespace pipelined {
namespace {

VersionId ReadVersion(const pqxx::field& field) {
  return VersionId{field.is_null() ? 0 : field.as<std::int64_t>()};
}

HistoryEvent ReadEvent(const pqxx::row& row) {
  HistoryEvent event;
  event.at = *ReadInstant(row[0]);
  if (row[1].is_null()) {
    event.what = RunMoved{RunStateFromString(row[3].c_str()).value_or(RunState::kQueued),
                          RunStateFromString(row[4].c_str()).value_or(RunState::kQueued), ReadVersion(row[5])};
  } else {
    event.what = TaskMoved{row[1].as<std::uint32_t>(),
                           TaskStateFromString(row[3].c_str()).value_or(TaskState::kNone),
                           TaskStateFromString(row[4].c_str()).value_or(TaskState::kNone),
                           row[2].as<std::int32_t>(),
                           ReadVersion(row[5]),
                           row[6].as<std::int32_t>()};
  }
  return event;
}

bool WasSetBack(const RunHistory& history) {
  return std::any_of(history.events.begin(), history.events.end(), [](const HistoryEvent& event) {
    const auto* run = std::get_if<RunMoved>(&event.what);
    return run != nullptr && run->version;
  });
}

void ReadEvents(pqxx::transaction_base& transaction, Session& session, std::int64_t run, RunHistory& history) {
  const pqxx::result rows =
      session.In(transaction, "history_events",
                 "select micros(at), task_no, coalesce(try_number, 0), old_state, new_state, version_id, "
                 "coalesce(map_index, -1) from event "
                 "where run_id = $1 and kind in ('run', 'task') order by id",
                 run);
  history.events.reserve(rows.size());
  for (const pqxx::row& row : rows) history.events.push_back(ReadEvent(row));
}

void ReadVersions(pqxx::transaction_base& transaction, Session& session, RunHistory& history) {
  ArrayText ids;
  if (history.first_version) ids.Add(history.first_version.value);
  for (const HistoryEvent& event : history.events) {
    const VersionId id = std::visit([](const auto& what) { return what.version; }, event.what);
    if (id && history.versions.try_emplace(id).second) ids.Add(id.value);
  }
  history.versions.clear();  // of those that are gone, nothing is known
  for (const pqxx::row& row :
       session.In(transaction, "history_versions",
                  "select v.id, v.number, t.task_id from dag_version v left join dag_version_task t on t.version_id = "
                  "v.id where v.id = any ($1::bigint[]) order by v.id, t.task_no",
                  ids.text())) {
    HistoryVersion& version = history.versions[ReadVersion(row[0])];
    version.number = row[1].as<std::int32_t>();
    if (!row[2].is_null()) version.task_ids.emplace_back(row[2].c_str());
  }
}

}  // namespace

// In one snapshot: the state of the row and the events must be of one moment.
Result<RunHistory> PgCatalog::History(const std::string& dag_id, const std::string& run_id) {
  return pool_.With("read the history of a run", [&](Session& session) -> Result<RunHistory> {
    pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> transaction(session.raw());
    const pqxx::result found = session.In(
        transaction, "history_run",
        "select id, state, micros(first_queued_at), first_version_id, micros(queued_at), version_id from dag_run "
        "where dag_id = $1 and run_id = $2",
        CleanText(dag_id), CleanText(run_id));
    if (found.empty()) return NoRun(dag_id, run_id);
    const pqxx::row row = found[0];
    RunHistory history;
    history.state = RunStateFromString(row[1].c_str()).value_or(RunState::kQueued);
    ReadEvents(transaction, session, row[0].as<std::int64_t>(), history);
    history.created = ReadInstant(row[2]);
    history.first_version = ReadVersion(row[3]);
    if (!history.created && !WasSetBack(history)) {
      history.created = ReadInstant(row[4]);
      history.first_version = ReadVersion(row[5]);
    }
    ReadVersions(transaction, session, history);
    return history;
  });
}

}  // namespace pipelined
