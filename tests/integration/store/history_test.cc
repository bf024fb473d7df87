// Time travel over the real store: random runs are stored turn by turn, and what their history says of each turn must
// be what the rows said then. A failing seed is printed.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <pqxx/pqxx>
#include <random>

#include "pipelined/base/clock.h"
#include "pipelined/store/clean.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"
#include "support/store_samples.h"

namespace pipelined::testing {
namespace {

class PgHistoryTest : public ::testing::Test {
 protected:
  PgHistoryTest() : sql_(PostgresFixture::Shared().url()) {
    options_.url = PostgresFixture::Shared().url();
    options_.schema = PostgresFixture::Shared().NewSchema();
    EXPECT_TRUE(Migrate(options_).ok());
    Sql("set search_path to " + options_.schema);
    store_ = MakePgStore(options_, SystemClock());
    catalog_ = MakePgCatalog(options_);
    publisher_ = MakePgPublisher(options_);
    lease_ = **store_->Acquire("me", std::chrono::hours(1));
    EXPECT_TRUE(store_->Load(lease_).ok());
    // Two versions that do not agree on the places of their tasks.
    PublishedDag first = SampleDag("d", 5, "h1"), second = SampleDag("d", 6, "h2");
    auto turned = std::make_shared<Dag>(*second.dag);
    std::reverse(turned->tasks.begin(), turned->tasks.end());
    EXPECT_TRUE(turned->Link({}).ok());
    second.dag = turned;
    versions_ = {Publish(first), Publish(second)};
  }
  pqxx::result Sql(const std::string& text) { return pqxx::nontransaction(sql_).exec(text); }
  VersionId Publish(const PublishedDag& dag) {
    const auto changed = publisher_->Publish(Publication{{dag}, {}, {}, {}}, lease_.epoch);
    EXPECT_TRUE(changed.ok()) << changed.error().message;
    return changed->front().head.version;
  }
  RunInfo Trigger() {
    TriggerRequest request;
    request.dag_id = "d";
    request.run_id = fmt::format("r{}", ++runs_);
    request.run_after = At(0);
    return catalog_->Trigger(request)->info;
  }
  void Commit(Plan plan) {
    plan.now = now_;
    const auto committed = store_->Commit(plan, lease_, ExecutorIdentity{"i", "boot"});
    ASSERT_TRUE(committed.ok()) << committed.error().message;
  }
  // "running: t0 running 1, t1 none 0", as the rows are.
  std::string Stored(const std::string& run_id) {
    std::string text = fmt::format("{}:", ToString(catalog_->Run("d", run_id)->info.state));
    TaskFilter filter;
    filter.dag_id = "d";
    filter.run_id = run_id;
    const auto tasks = catalog_->TaskInstances(filter, Page{});
    for (const TaskInstanceRow& row : tasks->rows)
      text += fmt::format(" {} {} {}", row.task_id, ToString(row.state), row.try_number);
    return text;
  }
  static std::string Replayed(const RunHistory& history, Instant at) {
    const auto answer = StateAt(history, at);
    if (const auto* unknown = std::get_if<Unknown>(&answer)) return unknown->text;
    const RunAt& run = std::get<RunAt>(answer);
    std::string text = fmt::format("{}:", ToString(run.state));
    for (const TaskAt& task : run.tasks)
      text += fmt::format(" {} {} {}", task.task_id, ToString(task.state), task.try_number);
    return text;
  }

  StoreOptions options_;
  pqxx::connection sql_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<DagPublisher> publisher_;
  Lease lease_;
  std::vector<VersionId> versions_;
  Instant now_ = At(0);
  int runs_ = 0;
};

// A run whose tasks go random ways through the table of transitions; it ends and is set back now and then.
class RandomRun {
 public:
  RandomRun(RunInfo run, std::mt19937& random, std::int64_t& attempts, std::vector<VersionId> versions, Instant& now)
      : run_(std::move(run)), random_(random), attempts_(attempts), versions_(std::move(versions)), now_(now) {}

  Plan Next() {
    if (run_.state == RunState::kQueued) return Change(RunState::kRunning);
    if (IsFinished(run_.state)) return SetBack();
    return random_() % 12 == 0 ? End() : Work();
  }
  // A waiting task has a row, and no event: what was seen of it last.
  bool has_scheduled() const {
    return std::any_of(tasks_.begin(), tasks_.end(),
                       [](const auto& task) { return task.second.state == TaskState::kScheduled; });
  }

 private:
  struct Task {
    TaskState state = TaskState::kNone;
    std::int32_t tried = 0;
    AttemptId attempt;
  };

  Plan Change(RunState to) {
    Plan plan;
    plan.runs = {RunChange{run_.id, "d", run_.state, to, ""}};
    run_.state = to;
    return plan;
  }
  Plan SetBack() {
    Plan plan;
    const std::size_t version = random_() % 2;
    plan.resets = {RunReset{run_.id, versions_[version], BackfillId{1}, 1, Value(), "again"}};
    std::map<TaskNo, Task> tasks;
    for (const auto& [no, task] : tasks_) {  // t0 … t4 in the first, t5 … t0 in the second
      const TaskNo name = in_second_ ? 5 - no : no;
      if (version == 0 && name == 5) continue;
      tasks[version == 1 ? 5 - name : name].tried = task.tried;
    }
    tasks_ = tasks;
    in_second_ = version == 1;
    run_.version = versions_[version];
    run_.state = RunState::kQueued;
    return plan;
  }
  // What runs is ended with the run: a run that is set back has no open attempt.
  Plan End() {
    Plan plan = Change(random_() % 2 == 0 ? RunState::kSuccess : RunState::kFailed);
    for (auto& [no, task] : tasks_) {
      if (task.state == TaskState::kRunning) Move(plan, no, task, TaskState::kFailed);
      if (task.state == TaskState::kScheduled) Move(plan, no, task, TaskState::kSkipped);
    }
    return plan;
  }
  Plan Work() {
    Plan plan;
    const TaskNo count = in_second_ ? 6 : 5;
    for (TaskNo no = 0; no < count; ++no) {
      std::vector<TaskState> ways;
      for (const TaskTransition& way : kTaskTransitions) {
        if (way.from == tasks_[no].state) ways.push_back(way.to);
      }
      if (tasks_[no].state == TaskState::kNone) ways.push_back(TaskState::kRunning);  // allowed and started in one turn
      if (!ways.empty() && random_() % 2 == 0) Move(plan, no, tasks_[no], ways[random_() % ways.size()]);
    }
    return plan;
  }
  void Move(Plan& plan, TaskNo no, Task& task, TaskState to) {
    TaskChange change = Start(run_.id, no, task.attempt.value, now_, task.state, task.tried);
    if (to == TaskState::kRunning) {
      change.attempt = task.attempt = AttemptId{++attempts_};
      change.try_number = ++task.tried;
      plan.opened.push_back(AttemptOpened{task.attempt, run_.id, no, task.tried, run_.version});
    } else {
      change.start_date.reset();
    }
    if (task.state == TaskState::kRunning) plan.closed.push_back(Close(run_.id, no, task.attempt.value, now_));
    if (IsFinished(to)) change.end_date = now_;
    if (to == TaskState::kUpForRetry) change.retry_at = now_ + Seconds(1);
    change.to = task.state = to;
    plan.tasks.push_back(change);
  }

  RunInfo run_;
  std::mt19937& random_;
  std::int64_t& attempts_;
  std::vector<VersionId> versions_;
  Instant& now_;
  std::map<TaskNo, Task> tasks_;
  bool in_second_ = true;  // triggered runs have the newest
};

TEST_F(PgHistoryTest, ReplayingEqualsWhatWasStoredAtEveryTurn) {
  std::int64_t attempts = 0;
  for (unsigned seed = 1; seed <= 25; ++seed) {
    std::mt19937 random(seed);
    const RunInfo run = Trigger();
    RandomRun course(run, random, attempts, versions_, now_);
    std::map<Instant, std::string> stored;
    for (int turn = 0; turn < 40; ++turn) {
      now_ += Millis(1 + random() % 5000);
      const Plan plan = course.Next();
      if (plan.empty()) continue;
      ASSERT_NO_FATAL_FAILURE(Commit(plan)) << "seed " << seed;
      if (!course.has_scheduled()) stored[now_] = Stored(run.run_id);
    }
    const auto history = catalog_->History("d", run.run_id);
    ASSERT_TRUE(history.ok()) << history.error().message;
    EXPECT_GT(stored.size(), 3U) << "seed " << seed;
    for (const auto& [at, expected] : stored)
      ASSERT_EQ(Replayed(*history, at), expected) << "seed " << seed << " at " << FormatInstant(at);
  }
}

TEST_F(PgHistoryTest, ARunThatWasSetBackKeepsItsFirstVersionAndCreation) {
  const RunInfo run = Trigger();
  Sql("update dag_run set queued_at = '2025-12-31T23:00:00Z'");
  now_ = At(10);
  Plan begin, end, back;
  begin.runs = {Begin(run)};
  end.runs = {RunChange{run.id, "d", RunState::kRunning, RunState::kSuccess, ""}};
  back.resets = {RunReset{run.id, versions_[0], BackfillId{1}, 1, Value(), "again"}};
  for (const Plan& plan : {begin, end, back}) {
    ASSERT_NO_FATAL_FAILURE(Commit(plan));
    now_ += Seconds(10);
  }
  const RunHistory history = *catalog_->History("d", run.run_id);
  EXPECT_EQ(history.created, *ParseInstant("2025-12-31T23:00:00Z"));
  EXPECT_EQ(history.first_version, versions_[1]);
  EXPECT_EQ(Replayed(history, At(0)), "queued: t5 none 0 t4 none 0 t3 none 0 t2 none 0 t1 none 0 t0 none 0");
  EXPECT_EQ(Replayed(history, At(30)), "queued: t0 none 0 t1 none 0 t2 none 0 t3 none 0 t4 none 0");
}

TEST_F(PgHistoryTest, AMonthThatWasCleanedIsGone) {
  Sql("create table event_2026_01 partition of event for values from ('2026-01-01Z') to ('2026-02-01Z')");
  const RunInfo run = Trigger();
  Plan begin, work;
  begin.runs = {Begin(run)};
  begin.tasks = {Start(run.id, 0, 1, now_)};
  begin.opened = {Open(run.id, 0, 1)};
  ASSERT_NO_FATAL_FAILURE(Commit(begin));
  now_ += std::chrono::days(31);
  work.closed = {Close(run.id, 0, 1, now_)};
  work.tasks = {Finish(run.id, 0, 1, now_)};
  ASSERT_NO_FATAL_FAILURE(Commit(work));
  EXPECT_EQ(Replayed(*catalog_->History("d", run.run_id), now_),
            "running: t5 success 1 t4 none 0 t3 none 0 t2 none 0 t1 none 0 t0 none 0");
  EXPECT_EQ(CleanOld(options_, now_)->event_months, 1);
  EXPECT_EQ(Replayed(*catalog_->History("d", run.run_id), now_), "what is left of it begins at 2026-02-01T00:00:00Z");
}

TEST_F(PgHistoryTest, AnUnknownRunIsNotFound) {
  EXPECT_EQ(catalog_->History("d", "nope").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(catalog_->History("e", Trigger().run_id).error().code, ErrorCode::kNotFound);
}

TEST_F(PgHistoryTest, AnIndexFindsTheEventsOfARun) {
  Sql("insert into event (at, who, kind, run_id) select now(), 'scheduler', 'run', i from generate_series(1, 5000) i");
  Sql("analyze event");
  std::string plan;
  for (const pqxx::row& row : Sql("explain select from event where run_id = 7 and kind in ('run', 'task') order by id"))
    plan += std::string(row[0].c_str()) + "\n";
  EXPECT_THAT(plan, ::testing::HasSubstr("run_id_idx"));
}

}  // namespace
}  // namespace pipelined::testing
