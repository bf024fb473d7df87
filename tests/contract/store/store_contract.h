// What every Store must do is asked of each kind of store: the place where a store stands, and what its cases share.
#pragma once
#include <gtest/gtest.h>

#include <functional>

#include "pipelined/schema/json.h"
#include "pipelined/store/memory_store.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"
#include "support/store_samples.h"

namespace pipelined::testing {

inline constexpr Micros kTtl = std::chrono::seconds(30);

// A store with the doors that others use.
class Place {
 public:
  virtual ~Place() = default;
  virtual Store& store() = 0;
  virtual void Publish(const PublishedDag& dag, std::int64_t epoch) = 0;
  virtual Result<RunInfo> Trigger(const TriggerRequest& request) = 0;
  // "run queued ann", "0 none ann": what the history says of people, of one run and in order.
  virtual std::vector<std::string> Authored(const RunInfo& run) = 0;
  // "s3://x d r1 t0 -1 {}": events of assets, in order.
  virtual std::vector<std::string> AssetEvents() = 0;
};

class MemoryPlace : public Place {
 public:
  Store& store() override { return store_; }
  void Publish(const PublishedDag& dag, std::int64_t) override { store_.Publish(dag); }
  Result<RunInfo> Trigger(const TriggerRequest& request) override { return store_.Trigger(request); }
  std::vector<std::string> Authored(const RunInfo& run) override {
    std::vector<std::string> all;
    for (const MemoryStore::Authored& change : store_.authored()) {
      if (change.run != run.id) continue;
      const std::string what = change.task ? std::to_string(*change.task) : "run";
      all.push_back(what + " " + std::string(change.to) + " " + change.who);
    }
    return all;
  }
  std::vector<std::string> AssetEvents() override {
    std::vector<std::string> all;
    for (const AssetEvent& event : store_.asset_events()) {
      const std::string extra = event.extra.is_null() ? "{}" : ToJson(event.extra);
      all.push_back(event.uri + " " + event.dag_id + " " + event.run_id + " " + event.task_id + " " +
                    std::to_string(event.map_index) + " " + extra);
    }
    return all;
  }

 private:
  MemoryStore store_{SystemClock()};
};

class PgPlace : public Place {
 public:
  PgPlace() {
    options_.url = PostgresFixture::Shared().url();
    options_.schema = PostgresFixture::Shared().NewSchema();
    const auto migrated = Migrate(options_);
    EXPECT_TRUE(migrated.ok()) << migrated.error().message;
    store_ = MakePgStore(options_, SystemClock());
    catalog_ = MakePgCatalog(options_);
  }
  Store& store() override { return *store_; }
  void Publish(const PublishedDag& dag, std::int64_t epoch) override {
    const auto published = MakePgPublisher(options_)->Publish(Publication{{dag}, {}, {}, {}}, epoch);
    EXPECT_TRUE(published.ok()) << published.error().message;
  }
  Result<RunInfo> Trigger(const TriggerRequest& request) override {
    auto run = catalog_->Trigger(request);
    if (!run) return run.error();
    return run->info;
  }
  std::vector<std::string> Authored(const RunInfo& run) override {
    const auto history = catalog_->History(run.dag_id, run.run_id);
    EXPECT_TRUE(history.ok());
    std::vector<std::string> all;
    for (const HistoryEvent& event : history->events) {
      if (event.who == "scheduler") continue;
      const auto* task = std::get_if<TaskMoved>(&event.what);
      const std::string what = task != nullptr ? std::to_string(task->task_no) : "run";
      const std::string_view to = task != nullptr ? ToString(task->to) : ToString(std::get<RunMoved>(event.what).to);
      all.push_back(what + " " + std::string(to) + " " + event.who);
    }
    return all;
  }
  std::vector<std::string> AssetEvents() override {
    const auto events = catalog_->assets().Events(AssetEventFilter{}, Page{});
    EXPECT_TRUE(events.ok()) << events.error().message;
    std::vector<std::string> all;
    for (const AssetEventRow& event : events->rows) {
      all.push_back(event.uri + " " + event.dag_id + " " + event.run_id + " " + event.task_id + " " +
                    std::to_string(event.map_index) + " " + ToJson(event.extra));
    }
    return all;
  }

 private:
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
};

struct Maker {
  std::string name;
  std::function<std::unique_ptr<Place>()> make;
};

// Logical dates in days after At(0).
inline constexpr std::int64_t kDay = 86'400;

class StoreContract : public ::testing::TestWithParam<Maker> {
 protected:
  void SetUp() override {
    place_ = GetParam().make();
    auto lease = place_->store().Acquire("me", kTtl);
    ASSERT_TRUE(lease.ok()) << lease.error().message;
    ASSERT_TRUE(lease->has_value());
    lease_ = **lease;
    place_->Publish(SampleDag("d"), lease_.epoch);
    ASSERT_TRUE(place_->store().Load(lease_).ok());
  }
  Store& store() { return place_->store(); }
  RunInfo Triggered(const std::string& run_id) {
    TriggerRequest request;
    request.dag_id = "d";
    request.run_id = run_id;
    request.run_after = At(0);
    auto run = place_->Trigger(request);
    EXPECT_TRUE(run.ok()) << run.error().message;
    return *run;
  }
  RunInfo Dated(std::int64_t day) {
    TriggerRequest request;
    request.dag_id = "d";
    request.run_id = "day" + std::to_string(day);
    request.run_after = request.logical_date.emplace(At(day * kDay));
    auto run = place_->Trigger(request);
    EXPECT_TRUE(run.ok()) << run.error().message;
    return *run;
  }
  // A finished run of that day; its tasks as they are given, by number.
  RunInfo Finished(std::int64_t day, const std::vector<TaskState>& tasks = {}, RunState end = RunState::kSuccess) {
    const RunInfo run = Dated(day);
    Plan plan;
    plan.runs = {Begin(run), RunChange{run.id, "d", RunState::kRunning, end, ""}};
    for (TaskNo no = 0; no < tasks.size(); ++no) {
      TaskChange change;
      change.run = run.id;
      change.task = no;
      change.to = tasks[no];
      change.end_date = At(10);
      plan.tasks.push_back(change);
    }
    const Status stored = Commit(plan);
    EXPECT_TRUE(stored.ok()) << stored.error().message;
    return run;
  }
  Status Commit(Plan plan) {
    plan.now = At(10);
    auto committed = store().Commit(plan, lease_, ExecutorIdentity{"i", "b"});
    if (!committed) return committed.error();
    last_ = *committed;
    return Ok();
  }
  Snapshot Loaded() {
    auto snapshot = store().Load(lease_);
    EXPECT_TRUE(snapshot.ok()) << snapshot.error().message;
    return *snapshot;
  }
  // A running run whose task 0 is on attempt 1.
  RunInfo Running() {
    const RunInfo run = Triggered("r1");
    Plan plan;
    plan.runs = {Begin(run)};
    plan.tasks = {Start(run.id, 0, 1, At(10))};
    plan.opened = {Open(run.id, 0, 1)};
    const Status stored = Commit(plan);
    EXPECT_TRUE(stored.ok()) << stored.error().message;
    return run;
  }
  // … and parked, waiting for what `job` says.
  RunInfo Parked(const Value& job) {
    const RunInfo run = Running();
    Plan plan;
    TaskChange parked = Start(run.id, 0, 1, At(10), TaskState::kRunning);
    parked.to = TaskState::kDeferred;
    parked.start_date.reset();
    plan.tasks = {parked};
    plan.waits = {WaitBegun{AttemptId{1}, job}};
    const Status stored = Commit(plan);
    EXPECT_TRUE(stored.ok()) << stored.error().message;
    return run;
  }

  std::unique_ptr<Place> place_;
  Lease lease_;
  Committed last_;
};

}  // namespace pipelined::testing
