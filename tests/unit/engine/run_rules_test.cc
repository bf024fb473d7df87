// Deadlines, failures in a row, and slots that come while max_active_runs are under way.
#include <gmock/gmock.h>

#include "unit/engine/engine_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

// --- deadlines
// -----------------------------------------------------------------------------------------------------------

std::shared_ptr<Dag> WithDeadlines(std::vector<Deadline> deadlines) {
  auto dag = MakeDag("a");
  dag->deadlines = std::move(deadlines);
  return dag;
}

Deadline After(Micros interval, DeadlineReference reference = DeadlineReference::kQueuedAt) {
  Deadline deadline;
  deadline.reference = reference;
  deadline.interval = interval;
  return deadline;
}

class DeadlineTest : public EngineTest {
 public:
  explicit DeadlineTest(std::vector<Deadline> deadlines)
      : EngineTest(WithDeadlines(deadlines)), dag_(WithDeadlines(std::move(deadlines))) {}
  RunInfo Info() {
    RunInfo info;
    info.id = RunId{1};
    info.dag_id = "d";
    info.run_id = "r";
    info.queued_at = info.run_after = now();
    return info;
  }
  // The run comes; "0:due at +60s" for each deadline of the plan.
  std::vector<std::string> Come(std::vector<StoredDeadline> stored = {},
                                std::vector<std::optional<Micros>> averages = {}) {
    return Come(Info(), std::move(stored), std::move(averages));
  }
  std::vector<std::string> Come(RunInfo info, std::vector<StoredDeadline> stored = {},
                                std::vector<std::optional<Micros>> averages = {}) {
    RunRequested requested{std::move(info), dag_};
    requested.deadlines = std::move(stored);
    requested.averages = std::move(averages);
    Send(std::move(requested));
    return Deadlines();
  }
  std::vector<std::string> Deadlines() const {
    std::vector<std::string> all;
    for (const DeadlineChange& change : plan().deadlines) {
      const auto seconds = std::chrono::floor<Seconds>(change.deadline.at - kT0).count();
      all.push_back(std::to_string(change.deadline.number) + ":" + std::string(ToString(change.deadline.state)) +
                    " at +" + std::to_string(seconds) + "s");
    }
    return all;
  }
  DagPtr dag_ptr() const { return dag_; }

 private:
  DagPtr dag_;
};

TEST(Deadlines, AreSetWhenTheRunIsQueued) {
  DeadlineTest t({After(60s), After(-10s, DeadlineReference::kLogicalDate)});
  RunInfo info = t.Info();
  info.logical_date = kT0 + 30s;
  EXPECT_THAT(t.Come(info), ElementsAre("0:due at +60s", "1:due at +20s"));
}

TEST(Deadlines, ARunWithoutADateHasNoneThatCountsFromIt) {
  DeadlineTest t({After(60s, DeadlineReference::kLogicalDate)});
  EXPECT_THAT(t.Come(), IsEmpty());
}

TEST(Deadlines, AFixedOneIsAnInstant) {
  Deadline fixed = After(5s, DeadlineReference::kFixed);
  fixed.at = kT0 + 100s;
  DeadlineTest t({fixed});
  EXPECT_THAT(t.Come(), ElementsAre("0:due at +105s"));
}

TEST(Deadlines, TheAverageCountsFromWhenTheRunWasQueued) {
  DeadlineTest t({After(60s), After(10s, DeadlineReference::kAverageRuntime)});
  EXPECT_THAT(t.Come({}, {std::nullopt, 40s}), ElementsAre("0:due at +60s", "1:due at +50s"));
  DeadlineTest few({After(10s, DeadlineReference::kAverageRuntime)});
  EXPECT_THAT(few.Come({}, {std::nullopt}), IsEmpty());
}

TEST(Deadlines, OneIsMissedOnceAndTheRunGoesOn) {
  DeadlineTest t({After(60s)});
  t.Come();
  t.Advance(59s);
  EXPECT_THAT(t.Deadlines(), ::testing::Not(ElementsAre("0:missed at +60s")));
  t.Advance(1s);
  EXPECT_THAT(t.Deadlines(), ElementsAre("0:missed at +60s"));
  EXPECT_EQ(t.run_state(), "running");
  t.Advance(1h);
  t.Succeed("a");
  EXPECT_THAT(t.Deadlines(), IsEmpty());
}

TEST(Deadlines, ARunThatEndsInTimeMeetsThemHoweverItEnds) {
  DeadlineTest t({After(60s)});
  t.Come();
  t.Advance(60s - 1us);
  t.Fail("a");
  EXPECT_THAT(t.Deadlines(), ElementsAre("0:met at +60s"));
  t.Advance(1h);
  EXPECT_THAT(t.plan().deadlines, IsEmpty());
}

TEST(Deadlines, AQueuedRunMissesThemToo) {
  DeadlineTest t({After(60s)});
  t.Pause(true);
  t.Come();
  t.Advance(60s);
  EXPECT_EQ(t.engine().FindRun(RunId{1})->state, RunState::kQueued);
  EXPECT_THAT(t.Deadlines(), ElementsAre("0:missed at +60s"));
}

TEST(Deadlines, AfterARestartWhatIsStoredHolds) {
  DeadlineTest t({After(60s), After(90s)});
  RunInfo info = t.Info();
  info.state = RunState::kRunning;
  info.queued_at = kT0 - 1h;
  t.Send(RunRestored{info,
                     t.dag_ptr(),
                     {},
                     {},
                     {},
                     std::nullopt,
                     {{0, kT0 + 5s, DeadlineState::kDue}, {1, kT0 - 5s, DeadlineState::kMissed}}});
  EXPECT_THAT(t.Deadlines(), IsEmpty());
  t.Advance(5s);
  EXPECT_THAT(t.Deadlines(), ElementsAre("0:missed at +5s"));
}

TEST(Deadlines, OneThatPassedWhileNobodyLedIsMissedAtOnce) {
  DeadlineTest t({After(60s)});
  RunInfo info = t.Info();
  info.state = RunState::kRunning;
  t.Send(RunRestored{info, t.dag_ptr(), {}, {}, {}, std::nullopt, {{0, kT0 - 5s, DeadlineState::kDue}}});
  EXPECT_THAT(t.Deadlines(), ElementsAre("0:missed at +-5s"));
}

TEST(Deadlines, ARunThatIsSetBackHasThoseAnewThatCountFromWhenItIsQueued) {
  DeadlineTest t({After(60s), After(70s, DeadlineReference::kLogicalDate), After(80s)});
  t.Advance(1000s);
  RunInfo info = t.Info();
  info.logical_date = kT0;
  EXPECT_THAT(t.Come(info, {{0, kT0 + 60s, DeadlineState::kMet},
                            {1, kT0 + 70s, DeadlineState::kMet},
                            {2, kT0 + 80s, DeadlineState::kMissed}}),
              ElementsAre("0:due at +1060s"));
}

// What was met with its end is due anew, and once.
TEST(Deadlines, ARunThatEndsAndIsClearedInOneTurnHasThemAnew) {
  DeadlineTest t({After(60s)});
  t.Come();
  t.Advance(10s);
  ClearTasks clear{t.Choice(), {}};
  auto facts = std::make_shared<SteeringFacts>(*t.Facts());
  facts->runs.at(0).deadlines = {{0, kT0 + 60s, DeadlineState::kDue}};  // as it is stored before this turn
  clear.facts = facts;
  AttemptFinished end;
  end.attempt = t.attempt("a");
  end.outcome = TryOutcome::kSucceeded;
  end.end = t.now();
  std::vector<Event> both;
  both.emplace_back(end);
  both.emplace_back(Command{CommandId{9}, "ann", clear});
  const Plan plan = t.engine().Apply(std::move(both), t.now());
  ASSERT_THAT(plan.deadlines, SizeIs(2));
  EXPECT_EQ(plan.deadlines[0].deadline, (StoredDeadline{0, kT0 + 60s, DeadlineState::kMet}));
  EXPECT_EQ(plan.deadlines[1].deadline, (StoredDeadline{0, kT0 + 70s, DeadlineState::kDue}));
  t.Advance(60s);
  EXPECT_THAT(t.Deadlines(), ElementsAre("0:missed at +70s"));
}

// --- failures in a row
// ---------------------------------------------------------------------------------------------------

DagHead Limited(std::int32_t most, std::vector<RecentRun> recent = {}) {
  DagHead head;
  head.dag_id = "d";
  head.max_consecutive_failed_dag_runs = most;
  head.recent = std::move(recent);
  return head;
}

auto PausedBy(const std::string& why) {
  return ElementsAre(AllOf(Field(&DagChange::paused, std::optional(true)), Field(&DagChange::why, why)));
}

TEST(FailuresInARow, PauseTheDagWithTheReason) {
  EngineTest t("a");
  t.Send(DagUpdated{Limited(2)});
  t.Run(1);
  t.Fail("a", 1);
  EXPECT_THAT(t.plan().dags, IsEmpty());
  t.Run(2);
  t.Fail("a", 2);
  EXPECT_THAT(t.plan().dags, PausedBy("paused: its last 2 runs failed (max_consecutive_failed_dag_runs: 2)"));
  EXPECT_THAT(t.Run(3), IsEmpty());  // stays queued
  EXPECT_EQ(t.run_state(3), "queued");
}

TEST(FailuresInARow, ASuccessBetweenThemBeginsTheRowAnew) {
  EngineTest t("a");
  t.Send(DagUpdated{Limited(2)});
  t.Run(1);
  t.Fail("a", 1);
  t.Run(2);
  t.Succeed("a", 2);
  t.Run(3);
  t.Fail("a", 3);
  EXPECT_THAT(t.plan().dags, IsEmpty());
}

TEST(FailuresInARow, ARunThatIsStillUnderWayIsNoFailure) {
  EngineTest t("a");
  t.Send(DagUpdated{Limited(2)});
  for (int run = 1; run <= 3; ++run) t.Run(run);
  t.Fail("a", 1);
  t.Fail("a", 2);
  EXPECT_THAT(t.plan().dags, IsEmpty());
  t.Fail("a", 3);
  EXPECT_THAT(t.plan().dags, SizeIs(1));
}

TEST(FailuresInARow, CountOnAfterARestart) {
  EngineTest t("a");
  t.Send(DagUpdated{Limited(2, {{RunId{1}, kT0 - 1h, RunState::kFailed}, {RunId{0}, kT0 - 2h, RunState::kSuccess}})});
  t.Run(2);
  t.Fail("a", 2);
  EXPECT_THAT(t.plan().dags, SizeIs(1));
}

TEST(FailuresInARow, WhatTheEngineKnowsIsNewerThanWhatTheLoaderRead) {
  EngineTest t("a");
  t.Send(DagUpdated{Limited(2)});
  t.Run(1);
  t.Succeed("a", 1);
  t.Send(DagUpdated{Limited(2, {{RunId{1}, kT0, RunState::kRunning}})});
  t.Run(2);
  t.Fail("a", 2);
  t.Run(3);
  t.Fail("a", 3);
  EXPECT_THAT(t.plan().dags, SizeIs(1));
}

TEST(FailuresInARow, ATimeoutCountsAndACancelledRunPausesNothing) {
  auto dag = MakeDag("a");
  dag->dagrun_timeout = 1min;
  EngineTest t(dag);
  t.Send(DagUpdated{Limited(1)});
  t.Run(1);
  t.Do(CancelRun{RunId{1}});
  EXPECT_THAT(t.plan().dags, IsEmpty());
  t.Run(2);
  t.Advance(1min);
  EXPECT_THAT(t.plan().dags, PausedBy("paused: its last run failed (max_consecutive_failed_dag_runs: 1)"));
}

TEST(FailuresInARow, NothingMoreOfOtherRunsStarts) {
  EngineTest t("a; b: a");
  t.Send(DagUpdated{Limited(1)});
  t.Run(1);
  t.Run(2);
  t.Succeed("a", 1);
  t.Fail("a", 2);  // later by its id
  EXPECT_THAT(t.plan().dags, SizeIs(1));
  EXPECT_THAT(t.Succeed("b", 1), IsEmpty());
  t.Run(3);
  EXPECT_THAT(t.Pause(false), ElementsAre("a"));
}

TEST(FailuresInARow, WithoutALimitNothingIsPaused) {
  EngineTest t("a");
  for (int run = 1; run <= 20; ++run) {
    t.Run(run);
    t.Fail("a", run);
    EXPECT_THAT(t.plan().dags, IsEmpty());
  }
}

// --- overlap
// -------------------------------------------------------------------------------------------------------------

class Hourly : public Timetable {
 public:
  std::optional<DueRun> Next(const std::optional<DataInterval>& last, Instant now) const override {
    Instant at = last ? last->start + 1h : std::chrono::ceil<std::chrono::hours>(now);
    const Instant latest = std::chrono::floor<std::chrono::hours>(now);
    if (at < latest) at = latest;  // catches nothing up
    return DueRun{at, DataInterval{at, at}, at};
  }
  DataInterval ManualInterval(Instant run_after) const override { return {run_after, run_after}; }
};

class OverlapTest : public EngineTest {
 public:
  explicit OverlapTest(Overlap overlap, std::int32_t most = 1) : EngineTest(Limit(most)) {
    head_.dag_id = "d";
    head_.timetable = std::make_shared<Hourly>();
    head_.max_active_runs = most;
    head_.overlap = overlap;
    Send(DagUpdated{head_});
  }
  const DagHead& head() const { return head_; }
  // What the hour brings, and the run that it makes comes back.
  std::size_t Hour() {
    const auto tick = kT0 + hours_ * 1h;
    ++hours_;
    Advance(tick + 1h - now());
    const std::size_t made = plan().new_runs.size();
    skipped_ = plan().skipped;
    for (std::size_t i = 0; i < made; ++i) Run(hours_);
    return made;
  }
  const std::vector<SlotSkipped>& skipped() const { return skipped_; }

 private:
  static std::shared_ptr<Dag> Limit(std::int32_t most) {
    auto dag = MakeDag("a");
    dag->max_active_runs = most;
    return dag;
  }
  DagHead head_;
  std::int64_t hours_ = 0;
  std::vector<SlotSkipped> skipped_;
};

TEST(OverlapRule, QueueMakesTheLatestRunWhenThereIsRoom) {
  OverlapTest t(Overlap::kQueue);
  EXPECT_EQ(t.Hour(), 1U);
  EXPECT_EQ(t.Hour(), 0U);
  EXPECT_EQ(t.Hour(), 0U);
  t.Succeed("a", 1);
  ASSERT_THAT(t.plan().new_runs, SizeIs(1));
  EXPECT_EQ(t.plan().new_runs[0].due.logical_date, kT0 + 3h);
  EXPECT_THAT(t.plan().skipped, IsEmpty());
}

TEST(OverlapRule, SkipPassesTheSlotOverAndSaysSo) {
  OverlapTest t(Overlap::kSkip);
  EXPECT_EQ(t.Hour(), 1U);
  EXPECT_EQ(t.Hour(), 0U);
  ASSERT_THAT(t.skipped(), SizeIs(1));
  EXPECT_EQ(t.skipped()[0].due.logical_date, kT0 + 2h);
  EXPECT_EQ(t.skipped()[0].why,
            "the slot of 2026-01-01T02:00:00+00:00 was skipped: 1 of 1 runs were active (overlap: skip)");
  t.Succeed("a", 1);
  EXPECT_THAT(t.plan().new_runs, IsEmpty());  // it is not made up for
  EXPECT_EQ(t.Hour(), 1U);
}

TEST(OverlapRule, ASkippedSlotIsNotTakenAgainAfterARestart) {
  OverlapTest t(Overlap::kSkip);
  t.Hour();
  t.Advance(1h);
  ASSERT_THAT(t.plan().dags, SizeIs(1));
  EXPECT_EQ(t.plan().dags[0].last_interval->start, kT0 + 2h);
}

TEST(OverlapRule, CancelRunningEndsTheEarliestRunAndTakesItsPlace) {
  OverlapTest t(Overlap::kCancelRunning);
  EXPECT_EQ(t.Hour(), 1U);
  EXPECT_EQ(t.Hour(), 1U);
  EXPECT_EQ(t.run_state(1), "failed");
  EXPECT_EQ(t.state("a", 1), "failed");
  EXPECT_EQ(t.run_state(2), "running");
}

TEST(OverlapRule, CancelRunningEndsNoMoreThanItMust) {
  OverlapTest t(Overlap::kCancelRunning, 2);
  t.Hour();
  t.Hour();
  EXPECT_EQ(t.Hour(), 1U);
  EXPECT_EQ(t.run_state(1), "failed");
  EXPECT_EQ(t.run_state(2), "running");
  EXPECT_EQ(t.run_state(3), "running");
}

// The DAG comes before its runs: at first it looks as if there were room.
TEST(OverlapRule, AfterARestartTheRunsUnderWayCount) {
  for (const Overlap overlap : {Overlap::kQueue, Overlap::kSkip}) {
    OverlapTest before(overlap);
    before.Hour();
    Engine engine(EngineLimits{});
    RunInfo info;
    info.id = RunId{1};
    info.dag_id = "d";
    info.state = RunState::kRunning;
    DagHead head = before.head();
    head.last_interval = DataInterval{kT0 + 1h, kT0 + 1h};
    std::vector<Event> events;
    events.emplace_back(DagUpdated{head});
    events.emplace_back(RunRestored{info, DagPtr(MakeDag("a")), {}});
    const Plan plan = engine.Apply(std::move(events), kT0 + 2h);
    EXPECT_THAT(plan.new_runs, IsEmpty());
    EXPECT_THAT(plan.skipped, SizeIs(overlap == Overlap::kSkip ? 1 : 0));
  }
}

}  // namespace
}  // namespace pipelined::testing
