// Publishing: versions first, outside the lease, because their address is their content; then one small fenced
// transaction.
#include <fmt/format.h>

#include <map>
#include <set>
#include <unordered_map>

#include "pipelined/store/pg_store.h"
#include "store/arrays.h"
#include "store/asset_rows.h"
#include "store/codec.h"
#include "store/rows.h"
#include "store/session.h"

namespace pipelined {
namespace {

using VersionKey = std::pair<std::string, std::string>;  // dag id, content hash
using Versions = std::map<VersionKey, VersionId>;

class PgPublisher : public DagPublisher {
 public:
  explicit PgPublisher(StoreOptions options) : options_(std::move(options)) {}

  Result<std::vector<KnownFile>> KnownFiles() override {
    return With<Result<std::vector<KnownFile>>>("read the known files", [&] {
      std::vector<KnownFile> files;
      for (const pqxx::row& row : session_->Run(
               "files",
               "select root, relative_file, fingerprint, dag_ids from dag_file order by root, relative_file")) {
        files.push_back(KnownFile{row[0].c_str(), row[1].c_str(), row[2].c_str(), ParseTextArray(row[3].c_str())});
      }
      return files;
    });
  }

  Result<std::vector<StoredDag>> Publish(const Publication& publication, std::int64_t lease_epoch) override {
    return With<Result<std::vector<StoredDag>>>("publish DAGs", [&] {
      const Versions versions = StoreVersions(publication);
      pqxx::work transaction(session_->raw());
      const pqxx::result lease =
          session_->In(transaction, "fence", "select from lease where shard = 0 and epoch = $1 for share", lease_epoch);
      if (lease.empty()) throw StaleRow(fmt::format("epoch {} no longer leads", lease_epoch));
      std::vector<StoredDag> changed;
      UpsertDags(transaction, publication, versions, changed);
      StoreAssetReferences(transaction, *session_, publication);
      MarkStale(transaction, publication, changed);
      StoreFiles(transaction, publication);
      transaction.commit();
      return changed;
    });
  }

 private:
  template <class R, class Work>
  R With(const char* what, Work&& work) {
    return Guard(what, [&]() -> R {
      if (session_ == nullptr || session_->HungUp()) session_ = std::make_unique<Session>(options_, "pipelined loader");
      try {
        return work();
      } catch (const pqxx::broken_connection&) {
        session_.reset();
        throw;
      }
    });
  }

  void FindVersions(const Publication& publication, Versions& versions) {
    ArrayText dag, hash;
    for (const PublishedDag& published : publication.dags) {
      dag.Add(std::string_view(published.dag->id));
      hash.Add(std::string_view(published.dag->content_hash));
    }
    for (const pqxx::row& row :
         session_->Run("find_versions",
                       "select v.dag_id, v.content_hash, v.id from unnest($1::text[], $2::text[]) as u (dag, hash) "
                       "join dag_version v on v.dag_id = u.dag and v.content_hash = u.hash",
                       dag.text(), hash.text())) {
      versions[{row[0].c_str(), row[1].c_str()}] = VersionId{row[2].as<std::int64_t>()};
    }
  }

  // Whoever publishes the same at the same time: one of the two inserts a version, both find it.
  Versions StoreVersions(const Publication& publication) {
    Versions versions;
    if (publication.dags.empty()) return versions;
    for (int attempt = 0; attempt < 5; ++attempt) {
      FindVersions(publication, versions);
      std::vector<const PublishedDag*> missing;
      std::set<VersionKey> seen;
      for (const PublishedDag& published : publication.dags) {
        const VersionKey key{published.dag->id, published.dag->content_hash};
        if (!versions.contains(key) && seen.insert(key).second) missing.push_back(&published);
      }
      if (missing.empty()) return versions;
      InsertVersions(missing);
    }
    throw std::runtime_error("DAG versions were stored by others again and again");
  }

  void InsertVersions(const std::vector<const PublishedDag*>& missing) {
    ArrayText dag, hash, source, params, count;
    for (const PublishedDag* published : missing) {
      dag.Add(std::string_view(published->dag->id));
      hash.Add(std::string_view(published->dag->content_hash));
      source.Add(std::string_view(EncodeSource(published->source)));
      params.Add(std::string_view(EncodeParams(published->dag->params)));
      count.Add(static_cast<std::int64_t>(published->dag->tasks.size()));
    }
    pqxx::work transaction(session_->raw());
    const pqxx::result inserted =
        session_->In(transaction, "insert_versions",
                     "insert into dag_version (dag_id, number, content_hash, source, params, task_count) "
                     "select u.dag, 1 + coalesce((select max(number) from dag_version v where v.dag_id = u.dag), 0), "
                     "u.hash, u.source::json, u.params::json, u.tasks "
                     "from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[]) as u (dag, hash, source, "
                     "params, tasks) "
                     "on conflict do nothing returning dag_id, content_hash, id",
                     dag.text(), hash.text(), source.text(), params.text(), count.text());
    Versions fresh;
    for (const pqxx::row& row : inserted)
      fresh[{row[0].c_str(), row[1].c_str()}] = VersionId{row[2].as<std::int64_t>()};
    CopyTasks(transaction, missing, fresh);
    transaction.commit();
  }

  static void CopyTasks(pqxx::transaction_base& transaction, const std::vector<const PublishedDag*>& missing,
                        const Versions& fresh) {
    const std::vector<std::string> columns = {"version_id", "task_no",    "task_id",         "operator",
                                              "pool",       "pool_slots", "priority_weight", "retries"};
    pqxx::stream_to rows(transaction, "dag_version_task", columns);
    for (const PublishedDag* published : missing) {
      const Dag& dag = *published->dag;
      const auto version = fresh.find({dag.id, dag.content_hash});
      if (version == fresh.end()) continue;  // somebody else's, with its tasks
      for (std::size_t no = 0; no < dag.tasks.size(); ++no) {
        const Task& task = dag.tasks[no];
        rows << std::make_tuple(version->second.value, static_cast<std::int64_t>(no), task.id,
                                std::string(OperatorName(task.action.kind)), task.pool, task.pool_slots,
                                no < dag.weights.size() ? dag.weights[no] : task.priority_weight, task.retry.retries);
      }
    }
    rows.complete();
  }

  void UpsertDags(pqxx::transaction_base& transaction, const Publication& publication, const Versions& versions,
                  std::vector<StoredDag>& changed) {
    if (publication.dags.empty()) return;
    // Of several documents with one id the last counts: a row can be upserted once per statement.
    std::map<std::string, const PublishedDag*> by_id;
    for (const PublishedDag& published : publication.dags) by_id[published.dag->id] = &published;
    ArrayText id, version, description, doc, owner, tags, schedule, runs, tasks, failed, timeout, fail_fast, paused,
        root, relative, file, overlap;
    for (const auto& [dag_id, published] : by_id) {
      const Dag& dag = *published->dag;
      id.Add(std::string_view(dag_id));
      version.Add(versions.at({dag.id, dag.content_hash}).value);
      description.Add(std::string_view(dag.description));
      doc.Add(std::string_view(dag.doc_md));
      owner.Add(std::string_view(dag.owner));
      tags.Add(std::string_view(TextArray(dag.tags)));
      schedule.Add(std::string_view(EncodeSchedule(dag.schedule)));
      runs.Add(std::int64_t{dag.max_active_runs});
      tasks.Add(std::int64_t{dag.max_active_tasks});
      failed.Add(std::int64_t{dag.max_consecutive_failed_dag_runs});
      timeout.Add(static_cast<std::int64_t>(dag.dagrun_timeout.count()));
      fail_fast.AddBool(dag.fail_fast);
      paused.AddBool(dag.is_paused_upon_creation);
      root.Add(std::string_view(published->root));
      relative.Add(std::string_view(dag.relative_file));
      file.Add(std::string_view(dag.file));
      overlap.Add(ToString(dag.overlap));
    }
    // `paused` belongs to people once the DAG exists.
    const pqxx::result rows = session_->In(
        transaction, "upsert_dags",
        "insert into dag as d (dag_id, version_id, description, doc_md, owner, tags, schedule, max_active_runs, "
        "max_active_tasks, "
        "max_consecutive_failed_dag_runs, dagrun_timeout_us, fail_fast, is_paused_upon_creation, paused, root, "
        "relative_file, file, overlap) "
        "select u.id, u.version, u.description, u.doc, u.owner, u.tags::text[], u.schedule::json, u.runs, u.tasks, "
        "u.failed, u.timeout, u.fail_fast, u.paused, u.paused, u.root, u.relative, u.file, u.overlap "
        "from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[], "
        "$9::int[], $10::int[], $11::bigint[], "
        "$12::boolean[], $13::boolean[], $14::text[], $15::text[], $16::text[], $17::text[]) "
        "as u (id, version, description, doc, owner, tags, schedule, runs, tasks, failed, timeout, fail_fast, paused, "
        "root, relative, file, overlap) "
        "on conflict (dag_id) do update set version_id = excluded.version_id, stale = false, description = "
        "excluded.description, doc_md = excluded.doc_md, "
        "owner = excluded.owner, tags = excluded.tags, schedule = excluded.schedule, max_active_runs = "
        "excluded.max_active_runs, "
        "max_active_tasks = excluded.max_active_tasks, max_consecutive_failed_dag_runs = "
        "excluded.max_consecutive_failed_dag_runs, "
        "dagrun_timeout_us = excluded.dagrun_timeout_us, fail_fast = excluded.fail_fast, is_paused_upon_creation = "
        "excluded.is_paused_upon_creation, "
        "root = excluded.root, relative_file = excluded.relative_file, file = excluded.file, overlap = "
        "excluded.overlap, last_parsed = now() "
        "where (d.version_id, d.stale, d.description, d.doc_md, d.owner, d.tags, d.schedule::text, d.max_active_runs, "
        "d.max_active_tasks, "
        "d.max_consecutive_failed_dag_runs, d.dagrun_timeout_us, d.fail_fast, d.is_paused_upon_creation, d.root, "
        "d.relative_file, d.file, d.overlap) is distinct from "
        "(excluded.version_id, false, excluded.description, excluded.doc_md, excluded.owner, excluded.tags, "
        "excluded.schedule::text, excluded.max_active_runs, "
        "excluded.max_active_tasks, excluded.max_consecutive_failed_dag_runs, excluded.dagrun_timeout_us, "
        "excluded.fail_fast, excluded.is_paused_upon_creation, "
        "excluded.root, excluded.relative_file, excluded.file, excluded.overlap) returning " PIPELINED_DAG_COLUMNS,
        id.text(), version.text(), description.text(), doc.text(), owner.text(), tags.text(), schedule.text(),
        runs.text(), tasks.text(), failed.text(), timeout.text(), fail_fast.text(), paused.text(), root.text(),
        relative.text(), file.text(), overlap.text());
    for (const pqxx::row& row : rows) changed.push_back(ReadDag(row));
  }

  // A DAG is stale when the file that it comes from holds it no more. One that moved to another file was just updated
  // to it.
  void MarkStale(pqxx::transaction_base& transaction, const Publication& publication, std::vector<StoredDag>& changed) {
    ArrayText root, relative, kept;
    for (const KnownFile& file : publication.files) {
      root.Add(std::string_view(file.root));
      relative.Add(std::string_view(file.relative_file));
      kept.Add(std::string_view(TextArray(file.dag_ids)));
    }
    for (const KnownFile& file : publication.removed) {
      root.Add(std::string_view(file.root));
      relative.Add(std::string_view(file.relative_file));
      kept.Add(std::string_view("{}"));
    }
    const pqxx::result rows = session_->In(
        transaction, "mark_stale",
        "update dag d set stale = true from unnest($1::text[], $2::text[], $3::text[]) as u (root, relative, kept) "
        "where d.root = u.root and d.relative_file = u.relative and not d.stale and d.dag_id <> all (u.kept::text[]) "
        "returning " PIPELINED_DAG_COLUMNS,
        root.text(), relative.text(), kept.text());
    for (const pqxx::row& row : rows) changed.push_back(ReadDag(row));
  }

  void StoreFiles(pqxx::transaction_base& transaction, const Publication& publication) {
    ArrayText root, relative, fingerprint, ids, gone_root, gone_relative;
    std::map<std::pair<std::string, std::string>, const KnownFile*> read;
    for (const KnownFile& file : publication.files) read[{file.root, file.relative_file}] = &file;
    for (const auto& [place, file] : read) {
      root.Add(std::string_view(file->root));
      relative.Add(std::string_view(file->relative_file));
      fingerprint.Add(std::string_view(file->fingerprint));
      ids.Add(std::string_view(TextArray(file->dag_ids)));
    }
    for (const KnownFile& file : publication.removed) {
      gone_root.Add(std::string_view(file.root));
      gone_relative.Add(std::string_view(file.relative_file));
    }
    if (!root.empty()) {
      session_->In(
          transaction, "upsert_files",
          "insert into dag_file (root, relative_file, fingerprint, dag_ids) select u.root, u.relative, u.fingerprint, "
          "u.ids::text[] "
          "from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as u (root, relative, fingerprint, ids) "
          "on conflict (root, relative_file) do update set fingerprint = excluded.fingerprint, dag_ids = "
          "excluded.dag_ids",
          root.text(), relative.text(), fingerprint.text(), ids.text());
    }
    if (!gone_root.empty()) {
      session_->In(transaction, "delete_files",
                   "delete from dag_file f using unnest($1::text[], $2::text[]) as u (root, relative) where f.root = "
                   "u.root and f.relative_file = u.relative",
                   gone_root.text(), gone_relative.text());
    }
    StoreErrors(transaction, publication);
  }

  void StoreErrors(pqxx::transaction_base& transaction, const Publication& publication) {
    ArrayText root, relative, error_root, error_relative, text;
    std::map<std::pair<std::string, std::string>, const ImportError*> errors;
    for (const ImportError& error : publication.errors) errors[{error.root, error.relative_file}] = &error;
    for (const std::vector<KnownFile>* files : {&publication.files, &publication.removed}) {
      for (const KnownFile& file : *files) {
        if (errors.contains({file.root, file.relative_file})) continue;
        root.Add(std::string_view(file.root));
        relative.Add(std::string_view(file.relative_file));
      }
    }
    for (const auto& [place, error] : errors) {
      error_root.Add(std::string_view(error->root));
      error_relative.Add(std::string_view(error->relative_file));
      text.Add(std::string_view(error->text));
    }
    session_->In(transaction, "delete_errors",
                 "delete from import_error e using unnest($1::text[], $2::text[]) as u (root, relative) where e.root = "
                 "u.root and e.relative_file = u.relative",
                 root.text(), relative.text());
    if (error_root.empty()) return;
    session_->In(
        transaction, "upsert_errors",
        "insert into import_error (root, relative_file, text) select * from unnest($1::text[], $2::text[], $3::text[]) "
        "on conflict (root, relative_file) do update set text = excluded.text, at = now()",
        error_root.text(), error_relative.text(), text.text());
  }

  StoreOptions options_;
  std::unique_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<DagPublisher> MakePgPublisher(const StoreOptions& options) {
  return std::make_unique<PgPublisher>(options);
}

Result<std::string> InstallationId(const StoreOptions& options) {
  return Guard("read the installation's id", [&]() -> Result<std::string> {
    Session session(options, "pipelined");
    return std::string(session.Run("installation", "select id::text from installation")[0][0].c_str());
  });
}

}  // namespace pipelined
