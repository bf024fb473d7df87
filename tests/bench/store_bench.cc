// What storing costs: a bare commit, a turn of one handoff, a turn of 500 changes, a version of 100,000 tasks, 10,000
// DAGs, a run asked for, begun and ended. Indexes that are named on the command line are dropped first: what they cost.
#include <fmt/format.h>

#include <algorithm>
#include <pqxx/pqxx>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"
#include "support/store_samples.h"

namespace {

using namespace pipelined;
using namespace pipelined::testing;

Micros Now() {
  return SystemClock().Monotonic();
}

void Report(const char* what, std::vector<Micros> times, std::size_t rows = 0) {
  std::sort(times.begin(), times.end());
  const double p50 = static_cast<double>(times[times.size() / 2].count()),
               p99 = static_cast<double>(times[times.size() * 99 / 100].count());
  fmt::print("{:<34} p50 {:>9.3f} ms  p99 {:>9.3f} ms", what, p50 / 1000, p99 / 1000);
  if (rows > 0) fmt::print("  {:>9.0f} rows/s", static_cast<double>(rows) / p50 * 1e6);
  fmt::print("\n");
}

template <class T>
T Must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

std::vector<Micros> BareCommits(const std::string& url) {
  pqxx::connection connection(url);
  pqxx::nontransaction transaction(connection);
  transaction.exec(
      "create table bare (id int primary key, n int) with (fillfactor = 50); insert into bare values (1, 0)");
  std::vector<Micros> times;
  for (int i = 0; i < 1000; ++i) {
    const Micros start = Now();
    transaction.exec("update bare set n = n + 1 where id = 1");
    times.push_back(Now() - start);
  }
  return times;
}

void Drop(const StoreOptions& options, int count, char** indexes) {
  pqxx::connection connection(options.url);
  pqxx::nontransaction transaction(connection);
  for (int i = 0; i < count; ++i)
    transaction.exec("drop index " + options.schema + "." + transaction.quote_name(indexes[i]));
}

// Runs of a DAG, each asked for alone, begun in a turn and ended in one.
void Runs(Catalog& catalog, Store& store, Lease& lease, const ExecutorIdentity& executor) {
  std::vector<Micros> triggers, begins, ends;
  for (int i = 0; i < 2000; ++i) {
    TriggerRequest request;
    request.dag_id = "m1";
    request.run_after = At(i);
    request.run_id = fmt::format("r{}", i);
    Micros start = Now();
    const RunInfo run = Must(catalog.Trigger(request)).info;
    triggers.push_back(Now() - start);
    Plan plan;
    plan.now = At(i);
    plan.runs = {Begin(run)};
    start = Now();
    Must(store.Commit(plan, lease, executor));
    begins.push_back(Now() - start);
    plan.runs = {RunChange{run.id, "m1", RunState::kRunning, RunState::kSuccess, ""}};
    start = Now();
    Must(store.Commit(plan, lease, executor));
    ends.push_back(Now() - start);
  }
  Report("trigger", triggers);
  Report("turn: a run begins", begins);
  Report("turn: a run ends", ends);
}

}  // namespace

int main(int argc, char** argv) {
  StoreOptions options{PostgresFixture::Shared().url(), "bench", 2};
  Report("bare commit", BareCommits(options.url));
  Must(Migrate(options));
  Drop(options, argc - 1, argv + 1);
  auto store = MakePgStore(options, SystemClock());
  Lease lease = *Must(store->Acquire("bench", std::chrono::minutes(10)));
  auto publisher = MakePgPublisher(options);
  const auto publish = [&](const char* what, const Publication& publication) {
    const Micros start = Now();
    Must(publisher->Publish(publication, lease.epoch));
    Report(what, {Now() - start});
  };
  publish("publish 100,000 tasks", Publication{{SampleDag("big", 100'000)}, {}, {}, {}});
  Publication many;
  for (int i = 0; i < 10'000; ++i) many.dags.push_back(SampleDag(fmt::format("m{}", i), 5));
  publish("publish 10,000 DAGs of 5 tasks", many);
  publish("publish them again", many);
  Must(store->Load(lease));

  auto catalog = MakePgCatalog(options);
  TriggerRequest request;
  request.dag_id = "big";
  request.run_after = At(0);
  request.run_id = "r";
  const RunInfo run = Must(catalog->Trigger(request)).info;
  const ExecutorIdentity executor{"instance", "boot"};
  std::int64_t attempt = 0;
  TaskNo task = 0;
  Plan first;
  first.now = At(1);
  first.runs = {Begin(run)};
  first.tasks = {Start(run.id, task, ++attempt, At(1))};
  first.opened = {Open(run.id, task, attempt)};
  Must(store->Commit(first, lease, executor));
  std::vector<Micros> handoffs;
  for (int i = 0; i < 2000; ++i, ++task) {
    Plan plan;
    plan.now = At(2);
    plan.closed = {Close(run.id, task, attempt, At(2))};
    plan.tasks = {Finish(run.id, task, attempt, At(2)), Start(run.id, task + 1, attempt + 1, At(2))};
    plan.opened = {Open(run.id, task + 1, ++attempt)};
    const Micros start = Now();
    Must(store->Commit(plan, lease, executor));
    handoffs.push_back(Now() - start);
  }
  Report("turn: one handoff", handoffs);
  Runs(*catalog, *store, lease, executor);
  constexpr int kBatch = 125;  // each: a task change, an attempt opened; then a change and an attempt closed
  std::vector<Micros> batches;
  std::int64_t last = attempt;
  for (int round = 0; round < 100; ++round) {
    Plan plan;
    plan.now = At(3);
    const TaskNo begin = 3000 + static_cast<TaskNo>(round) * kBatch;
    for (TaskNo i = 0; i < kBatch; ++i) {
      if (round > 0) {
        const TaskNo old = begin - kBatch + i;
        plan.closed.push_back(Close(run.id, old, last - kBatch + 1 + i, At(3)));
        plan.tasks.push_back(Finish(run.id, old, last - kBatch + 1 + i, At(3)));
      }
    }
    for (TaskNo i = 0; i < kBatch; ++i) {
      plan.tasks.push_back(Start(run.id, begin + i, ++attempt, At(3)));
      plan.opened.push_back(Open(run.id, begin + i, attempt));
    }
    last = attempt;
    const Micros start = Now();
    Must(store->Commit(plan, lease, executor));
    if (round > 0) batches.push_back(Now() - start);
  }
  Report("turn: 500 changes (+ 250 events)", batches, 4 * kBatch);
  std::vector<Micros> polls;
  Must(store->Poll());
  for (int i = 0; i < 200; ++i) {
    const Micros start = Now();
    Must(store->Poll());
    polls.push_back(Now() - start);
  }
  Report("poll with nothing new", polls);
  std::vector<Micros> reads, replays;
  for (int i = 0; i < 20; ++i) {
    const Micros start = Now();
    const RunHistory history = Must(catalog->History("big", "r"));
    reads.push_back(Now() - start);
    if (!std::holds_alternative<RunAt>(StateAt(history, At(2)))) throw std::runtime_error("the history has a gap");
    replays.push_back(Now() - start - reads.back());
  }
  Report("history: 29,000 events read", reads);
  Report("history: replayed, 100,000 tasks", replays);
  const Micros start = Now();
  Must(store->Load(lease));
  Report("load 10,001 DAGs, 14,500 tasks", {Now() - start});
}
