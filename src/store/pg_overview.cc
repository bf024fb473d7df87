// What is told of DAGs beside the DAGs themselves: their versions, tags, warnings, and how their runs stand.
#include <fmt/format.h>

#include "store/arrays.h"
#include "store/listing.h"
#include "store/pg_catalog.h"
#include "store/rows.h"

namespace pipelined {

Result<Listing<DagVersionRow>> PgCatalog::Versions(const std::string& dag_id, std::optional<std::int32_t> number,
                                                   const Page& page) {
  ListingSql sql;
  sql.WhereDag("v.dag_id", page);
  if (dag_id != "~") sql.Where("v.dag_id = {}", dag_id);
  if (number) sql.Where("v.number = {}::integer", std::to_string(*number));
  const Status ordered = sql.Order(page,
                                   {{"id", "v.id"},
                                    {"version_number", "v.number"},
                                    {"dag_id", "v.dag_id"},
                                    {"created_at", "v.created_at"},
                                    {"bundle_name", "null::text"},
                                    {"bundle_version", "null::text"}},
                                   "v.id");
  if (!ordered) return ordered.error();
  return pool_.With("list the versions of a DAG", [&](Session& session) -> Result<Listing<DagVersionRow>> {
    return Fetch<DagVersionRow>(session, "v.id, v.dag_id, v.number, micros(v.created_at)", " from dag_version v", sql,
                                page, [](const pqxx::row& row) {
                                  return DagVersionRow{VersionId{row[0].as<std::int64_t>()}, row[1].c_str(),
                                                       row[2].as<std::int32_t>(), *ReadInstant(row[3])};
                                });
  });
}

Result<Listing<std::string>> PgCatalog::Tags(const TextSearch& search, const Page& page) {
  ListingSql sql;
  if (page.dag_ids) {
    sql.Where("exists (select from dag d where not d.stale and g.name = any (d.tags) and d.dag_id = any ({}::text[]))",
              TextArray(*page.dag_ids));
  }
  sql.WhereText("g.name", search);
  const Status ordered = sql.Order(page, {{"name", "g.name"}}, "g.name collate \"C\"");
  if (!ordered) return ordered.error();
  return pool_.With("list tags", [&](Session& session) -> Result<Listing<std::string>> {
    return Fetch<std::string>(session, "g.name",
                              " from (select distinct unnest(tags) as name from dag where not stale) as g", sql, page,
                              [](const pqxx::row& row) { return std::string(row[0].c_str()); });
  });
}

// Of an index that holds nothing else: the rows of the runs are not read.
Result<std::vector<DagStatsRow>> PgCatalog::Stats(const std::vector<std::string>& dag_ids) {
  return pool_.With("count runs by state", [&](Session& session) -> Result<std::vector<DagStatsRow>> {
    std::vector<DagStatsRow> stats;
    for (const pqxx::row& row : session.Run(
             "dag_stats",
             "select d.dag_id, s.queued, s.running, s.success, s.failed from dag d cross join lateral (select "
             "count(*) filter (where r.state = 'queued') as queued, count(*) filter (where r.state = 'running') as "
             "running, count(*) filter (where r.state = 'success') as success, count(*) filter (where r.state = "
             "'failed') as failed from dag_run r where r.dag_id = d.dag_id) as s "
             "where case when cardinality($1::text[]) = 0 then not d.stale else d.dag_id = any ($1::text[]) end "
             "order by d.dag_id collate \"C\"",
             TextArray(dag_ids))) {
      stats.push_back(DagStatsRow{row[0].c_str(), row[1].as<std::int64_t>(), row[2].as<std::int64_t>(),
                                  row[3].as<std::int64_t>(), row[4].as<std::int64_t>()});
    }
    return stats;
  });
}

Result<Listing<DagWarningRow>> PgCatalog::Warnings(const std::string& dag_id, const Page& page) {
  ListingSql sql;
  sql.WhereDag("w.dag_id", page);
  if (!dag_id.empty()) sql.Where("w.dag_id = {}", dag_id);
  const Status ordered = sql.Order(
      page,
      {{"dag_id", "w.dag_id"}, {"warning_type", "null::text"}, {"message", "w.pools"}, {"timestamp", "w.last_parsed"}},
      "w.dag_id collate \"C\"");
  if (!ordered) return ordered.error();
  const char* const from =
      " from (select d.dag_id, d.last_parsed, string_agg(distinct t.pool, ', ' order by t.pool) as pools from dag d "
      "join dag_version_task t on t.version_id = d.version_id where not d.stale and t.pool <> '' and not exists "
      "(select from pool p where p.name = t.pool) group by d.dag_id, d.last_parsed) as w";
  return pool_.With("list warnings", [&](Session& session) -> Result<Listing<DagWarningRow>> {
    return Fetch<DagWarningRow>(
        session, "w.dag_id, w.pools, micros(w.last_parsed)", from, sql, page, [](const pqxx::row& row) {
          return DagWarningRow{
              row[0].c_str(), "non-existent pool",
              fmt::format("Dag '{}' references non-existent pools: {}", row[0].c_str(), row[1].c_str()),
              *ReadInstant(row[2])};
        });
  });
}

Result<bool> PgCatalog::SetFavorite(const std::string& user, const std::string& dag_id, bool favorite) {
  return pool_.With("note a favorite", [&](Session& session) -> Result<bool> {
    const pqxx::result changed =
        favorite ? session.Run("add_favorite",
                               "insert into dag_favorite (user_name, dag_id) select $1, d.dag_id from dag d where "
                               "d.dag_id = $2 on conflict do nothing",
                               CleanText(user), CleanText(dag_id))
                 : session.Run("drop_favorite", "delete from dag_favorite where user_name = $1 and dag_id = $2",
                               CleanText(user), CleanText(dag_id));
    return changed.affected_rows() > 0;
  });
}

Result<std::vector<std::string>> PgCatalog::Favorites(const std::string& user) {
  return pool_.With("read favorites", [&](Session& session) -> Result<std::vector<std::string>> {
    std::vector<std::string> dag_ids;
    for (const pqxx::row& row : session.Run(
             "favorites", "select dag_id from dag_favorite where user_name = $1 order by dag_id", CleanText(user)))
      dag_ids.emplace_back(row[0].c_str());
    return dag_ids;
  });
}

}  // namespace pipelined
