// The part of the fake that answers for the history and for what is told of DAGs. Its listings are not narrowed: that
// is the store's work; what was asked is kept for the tests.
#include <algorithm>
#include <set>

#include "unit/api/fake_catalog.h"

namespace pipelined::testing {
namespace {

template <class Row>
Listing<Row> PageOf(const std::vector<Row>& rows, const Page& page) {
  Listing<Row> listing;
  listing.total = static_cast<std::int64_t>(rows.size());
  for (std::int64_t i = page.offset; i < std::min(listing.total, page.offset + page.limit); ++i)
    listing.rows.push_back(rows[static_cast<std::size_t>(i)]);
  return listing;
}

}  // namespace

Result<Listing<AuditRow>> FakeCatalog::Audit(const AuditFilter& filter, const Page& page) {
  if (broken) return *broken;
  audit_asked = filter;
  std::vector<AuditRow> rows;
  for (const AuditRow& row : audit) {
    if (!filter.id || *filter.id == row.id) rows.push_back(row);
  }
  return PageOf(rows, page);
}

Result<Listing<DagVersionRow>> FakeCatalog::Versions(const std::string& dag_id, std::optional<std::int32_t> number,
                                                     const Page& page) {
  if (broken) return *broken;
  std::vector<DagVersionRow> rows;
  for (const DagVersionRow& row : versions) {
    if ((dag_id == "~" || dag_id == row.dag_id) && (!number || *number == row.number)) rows.push_back(row);
  }
  return PageOf(rows, page);
}

Result<Listing<std::string>> FakeCatalog::Tags(const TextSearch&, const Page& page) {
  if (broken) return *broken;
  std::set<std::string> tags;
  for (const DagRow& row : dags) tags.insert(row.tags.begin(), row.tags.end());
  return PageOf(std::vector<std::string>(tags.begin(), tags.end()), page);
}

Result<std::vector<DagStatsRow>> FakeCatalog::Stats(const std::vector<std::string>& dag_ids) {
  if (broken) return *broken;
  std::vector<DagStatsRow> stats;
  for (const DagRow& dag : dags) {
    if (!dag_ids.empty() && std::find(dag_ids.begin(), dag_ids.end(), dag.dag_id) == dag_ids.end()) continue;
    DagStatsRow row{dag.dag_id};
    for (const RunRow& run : runs) {
      if (run.info.dag_id != dag.dag_id) continue;
      if (run.info.state == RunState::kQueued) ++row.queued;
      if (run.info.state == RunState::kRunning) ++row.running;
      if (run.info.state == RunState::kSuccess) ++row.success;
      if (run.info.state == RunState::kFailed) ++row.failed;
    }
    stats.push_back(row);
  }
  return stats;
}

Result<Listing<DagWarningRow>> FakeCatalog::Warnings(const std::string& dag_id, const Page& page) {
  if (broken) return *broken;
  std::vector<DagWarningRow> rows;
  for (const DagWarningRow& row : warnings) {
    if (dag_id.empty() || row.dag_id == dag_id) rows.push_back(row);
  }
  return PageOf(rows, page);
}

Result<bool> FakeCatalog::SetFavorite(const std::string& user, const std::string& dag_id, bool favorite) {
  if (broken) return *broken;
  return favorite ? favorites.insert({user, dag_id}).second : favorites.erase({user, dag_id}) > 0;
}

Result<std::vector<std::string>> FakeCatalog::Favorites(const std::string& user) {
  if (broken) return *broken;
  std::vector<std::string> dag_ids;
  for (const auto& [name, dag_id] : favorites) {
    if (name == user) dag_ids.push_back(dag_id);
  }
  return dag_ids;
}

}  // namespace pipelined::testing
