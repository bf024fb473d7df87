#include "pipelined/store/run_logs.h"
#include "store/arrays.h"
#include "store/session.h"

namespace pipelined {
namespace {

constexpr const char* kEdge =
    "select (extract(epoch from end_date) * 1000000)::bigint, id from dag_run where dag_id = $1 and state in "
    "('success', 'failed') order by end_date desc, id desc offset $2::bigint - 1 limit 1";

constexpr const char* kLook =
    "select r.run_id, (extract(epoch from r.end_date) * 1000000)::bigint, r.id, r.state in ('success', 'failed') and "
    "not exists (select from attempt a where a.run_id = r.id and a.outcome is null) from dag_run r where r.dag_id = $1 "
    "and r.run_id = any ($2::text[])";

// A try begins only in a run that was set to run before, which is a change of this row.
constexpr const char* kHold =
    "select 1 from dag_run r where r.dag_id = $1 and r.run_id = $2 and r.state in ('success', 'failed') and not exists "
    "(select from attempt a where a.run_id = r.id and a.outcome is null) for update of r skip locked";

Instant At(const pqxx::field& micros) {
  return Instant(Micros(micros.as<std::int64_t>()));
}

class PgRunLogs : public RunLogs {
 public:
  explicit PgRunLogs(StoreOptions options) : options_(std::move(options)) {}

  Result<std::optional<End>> EdgeOf(const std::string& dag_id, std::int64_t keep) override {
    return Ask([&](Session& session) -> Result<std::optional<End>> {
      const pqxx::result found = session.Run("log_edge", kEdge, dag_id, keep);
      if (found.empty()) return std::optional<End>();
      return std::optional<End>(End{At(found[0][0]), found[0][1].as<std::int64_t>()});
    });
  }

  Result<std::vector<Known>> Look(const std::string& dag_id, const std::vector<std::string>& run_ids) override {
    return Ask([&](Session& session) -> Result<std::vector<Known>> {
      std::vector<Known> known;
      for (const pqxx::row& row : session.Run("log_look", kLook, dag_id, TextArray(run_ids))) {
        known.push_back({row[0].c_str(), std::nullopt});
        if (row[3].as<bool>()) known.back().end = End{At(row[1]), row[2].as<std::int64_t>()};
      }
      return known;
    });
  }

  Result<bool> WhileFinished(const std::string& dag_id, const std::string& run_id,
                             const std::function<void()>& work) override {
    return Ask([&](Session& session) -> Result<bool> {
      session.Prepare("log_hold", kHold);
      pqxx::work held(session.raw());
      if (session.In(held, "log_hold", kHold, dag_id, run_id).empty()) return false;
      work();
      held.commit();
      return true;
    });
  }

 private:
  template <class Work>
  auto Ask(Work work) -> decltype(work(std::declval<Session&>())) {
    auto answer = Guard("look for runs with logs", [&] {
      if (session_ == nullptr) session_ = std::make_unique<Session>(options_, "pipelined logs");
      return work(*session_);
    });
    if (!answer) session_.reset();
    return answer;
  }

  const StoreOptions options_;
  std::unique_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<RunLogs> MakePgRunLogs(StoreOptions options) {
  return std::make_unique<PgRunLogs>(std::move(options));
}

}  // namespace pipelined
