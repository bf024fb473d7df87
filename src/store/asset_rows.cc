#include "store/asset_rows.h"

#include <map>
#include <set>
#include <tuple>

#include "pipelined/schema/json.h"
#include "store/arrays.h"

namespace pipelined {

void StoreAssetEvents(pqxx::transaction_base& transaction, Session& session, const Plan& plan) {
  if (plan.asset_events.empty()) return;
  ArrayText uri, extra, dag, run, task, map_index;
  for (const AssetEvent& event : plan.asset_events) {
    uri.Add(std::string_view(event.uri));
    if (event.extra.is_null())
      extra.AddNull();
    else
      extra.Add(std::string_view(ToJson(event.extra)));
    dag.Add(std::string_view(event.dag_id));
    run.Add(std::string_view(event.run_id));
    task.Add(std::string_view(event.task_id));
    map_index.Add(std::int64_t{event.map_index});
  }
  session.In(transaction, "asset_events", "select store_asset_events($1, $2, $3, $4, $5, $6, $7)", ToMicros(plan.now),
             uri.text(), extra.text(), dag.text(), run.text(), task.text(), map_index.text());
}

namespace {

// As the arrays of columns that the statements take. Sorted, so that several loaders never wait for each other in a
// circle.
struct References {
  void Add(const Dag& dag) {
    for (const std::string& asset : dag.schedule.assets) rows.insert({asset, dag.id, "schedule", ""});
    for (const Task& task : dag.tasks) {
      for (const std::string& asset : task.inlets) rows.insert({asset, dag.id, "inlet", task.id});
      for (const std::string& asset : task.outlets) rows.insert({asset, dag.id, "outlet", task.id});
    }
  }
  std::set<std::tuple<std::string, std::string, std::string_view, std::string>> rows;  // asset, DAG, kind, task
};

}  // namespace

void StoreAssetReferences(pqxx::transaction_base& transaction, Session& session, const Publication& publication) {
  if (publication.dags.empty()) return;
  // Of several documents with one id the last counts, as for the DAGs themselves.
  std::map<std::string_view, const Dag*> by_id;
  for (const PublishedDag& published : publication.dags) by_id[published.dag->id] = published.dag.get();
  References references;
  ArrayText dags;
  for (const auto& [id, dag] : by_id) {
    dags.Add(id);
    references.Add(*dag);
  }
  ArrayText asset, dag, kind, task;
  for (const auto& [uri, dag_id, what, task_id] : references.rows) {
    asset.Add(std::string_view(uri));
    dag.Add(std::string_view(dag_id));
    kind.Add(what);
    task.Add(std::string_view(task_id));
  }
  // Those that stay are not touched: since when a task writes an asset is shown.
  session.In(transaction, "drop_references",
             "delete from asset_reference r where r.dag_id = any ($1::text[]) and (r.dag_id, r.kind, r.task_id, "
             "r.asset_id) not in (select u.dag, u.kind, u.task, a.id from unnest($2::text[], $3::text[], $4::text[], "
             "$5::text[]) as u (uri, dag, kind, task) join asset a on a.uri = u.uri)",
             dags.text(), asset.text(), dag.text(), kind.text(), task.text());
  if (references.rows.empty()) return;
  session.In(transaction, "new_assets",
             "insert into asset (uri) select distinct u.uri from unnest($1::text[]) as u (uri) where not exists "
             "(select from asset a where a.uri = u.uri) order by u.uri on conflict do nothing",
             asset.text());
  session.In(transaction, "new_references",
             "insert into asset_reference (asset_id, dag_id, kind, task_id) select a.id, u.dag, u.kind, u.task from "
             "unnest($1::text[], $2::text[], $3::text[], $4::text[]) as u (uri, dag, kind, task) join asset a on "
             "a.uri = u.uri on conflict do nothing",
             asset.text(), dag.text(), kind.text(), task.text());
}

}  // namespace pipelined
