#include "pipelined/lifecycle/history.h"

#include <gmock/gmock.h>

#include <fmt/format.h>

namespace pipelined {
namespace {

constexpr VersionId kFirst{7}, kSecond{8};

Instant At(int second) {
  return Instant(Seconds(1'767'225'600 + second));  // after 2026-01-01T00:00:00Z
}

// A run of tasks a and b, created at second 0; later of b, c and a.
class HistoryTest : public ::testing::Test {
 public:
  HistoryTest() {
    history_.created = At(0);
    history_.first_version = kFirst;
    history_.versions[kFirst] = HistoryVersion{1, {"a", "b"}};
    history_.versions[kSecond] = HistoryVersion{2, {"b", "c", "a"}};
  }
  HistoryTest& Run(int second, RunState from, RunState to, VersionId version = {}) {
    history_.events.push_back(HistoryEvent{At(second), RunMoved{from, to, version}});
    history_.state = to;
    return *this;
  }
  HistoryTest& Task(int second, std::uint32_t no, TaskState from, TaskState to, int tried = 1, VersionId version = {}) {
    history_.events.push_back(HistoryEvent{At(second), TaskMoved{no, from, to, tried, version}});
    return *this;
  }
  // queued at 0, running at 10 with a; a succeeds and b starts at 20, fails at 30 with the run.
  HistoryTest& FailedRun() {
    Run(10, RunState::kQueued, RunState::kRunning).Task(10, 0, TaskState::kNone, TaskState::kRunning);
    Task(20, 0, TaskState::kRunning, TaskState::kSuccess).Task(20, 1, TaskState::kNone, TaskState::kRunning);
    return Run(30, RunState::kRunning, RunState::kFailed).Task(30, 1, TaskState::kRunning, TaskState::kFailed);
  }
  // At 40; the new version begins with b.
  HistoryTest& SetBack() {
    Task(40, 0, TaskState::kSuccess, TaskState::kNone, 1, kFirst);
    Task(40, 1, TaskState::kFailed, TaskState::kNone, 1, kFirst);
    return Run(40, RunState::kFailed, RunState::kQueued, kSecond);
  }
  // "running@10 v1: a running 1@10, b none 0", or why it is not known.
  std::string StateAtSecond(int second) const {
    const auto answer = StateAt(history_, At(second));
    if (const auto* unknown = std::get_if<Unknown>(&answer))
      return (unknown->why == Unknown::Why::kNotYet ? "not yet: " : "gone: ") + unknown->text;
    const RunAt& run = std::get<RunAt>(answer);
    std::string text = fmt::format("{}{} v{}:", ToString(run.state), Since(run.since), run.version_number);
    for (const TaskAt& task : run.tasks)
      text += fmt::format(" {} {} {}{}", task.task_id, ToString(task.state), task.try_number, Since(task.since));
    return text;
  }
  static std::string Since(const std::optional<Instant>& since) {
    return since ? fmt::format("@{}", std::chrono::duration_cast<Seconds>(*since - At(0)).count()) : "";
  }

  RunHistory history_;
};

TEST_F(HistoryTest, EachInstantHasTheStatesOfTheLastEventBeforeIt) {
  FailedRun();
  EXPECT_EQ(StateAtSecond(0), "queued@0 v1: a none 0 b none 0");
  EXPECT_EQ(StateAtSecond(9), "queued@0 v1: a none 0 b none 0");
  EXPECT_EQ(StateAtSecond(10), "running@10 v1: a running 1@10 b none 0");
  EXPECT_EQ(StateAtSecond(25), "running@10 v1: a success 1@20 b running 1@20");
  EXPECT_EQ(StateAtSecond(1000), "failed@30 v1: a success 1@20 b failed 1@30");
}

TEST_F(HistoryTest, BeforeItsCreationThereIsNoRun) {
  EXPECT_EQ(StateAtSecond(-1), "not yet: it was created at 2026-01-01T00:00:00Z");
  EXPECT_EQ(StateAtSecond(0), "queued@0 v1: a none 0 b none 0");
}

TEST_F(HistoryTest, ScheduledIsNotSeenAndDoesNotBreakTheChain) {
  Run(10, RunState::kQueued, RunState::kRunning).Task(12, 0, TaskState::kScheduled, TaskState::kRunning);
  Task(14, 0, TaskState::kRunning, TaskState::kUpForRetry);
  Task(20, 0, TaskState::kScheduled, TaskState::kRunning, 2);
  EXPECT_EQ(StateAtSecond(11), "running@10 v1: a none 0 b none 0");
  EXPECT_EQ(StateAtSecond(19), "running@10 v1: a up_for_retry 1@14 b none 0");
  EXPECT_EQ(StateAtSecond(20), "running@10 v1: a running 2@20 b none 0");
}

TEST_F(HistoryTest, ARunThatWasSetBackGoesOnWithItsNewVersionAndItsTries) {
  FailedRun().SetBack();
  Run(50, RunState::kQueued, RunState::kRunning).Task(50, 0, TaskState::kNone, TaskState::kRunning, 2);
  EXPECT_EQ(StateAtSecond(35), "failed@30 v1: a success 1@20 b failed 1@30");
  EXPECT_EQ(StateAtSecond(40), "queued@40 v2: b none 1@40 c none 0 a none 1@40");
  EXPECT_EQ(StateAtSecond(50), "running@50 v2: b running 2@50 c none 0 a none 1@40");
}

TEST_F(HistoryTest, AClockThatWasSetBackDoesNotReorderEvents) {
  Run(10, RunState::kQueued, RunState::kRunning).Task(20, 0, TaskState::kNone, TaskState::kRunning);
  Task(15, 0, TaskState::kRunning, TaskState::kSuccess);
  EXPECT_EQ(StateAtSecond(17), "running@10 v1: a none 0 b none 0");
  EXPECT_EQ(StateAtSecond(20), "running@10 v1: a success 1@15 b none 0");
}

TEST_F(HistoryTest, AMissingBeginningIsNotGuessed) {
  FailedRun();
  history_.events.erase(history_.events.begin(), history_.events.begin() + 2);
  const std::string gone = "gone: what is left of it begins at 2026-01-01T00:00:20Z";
  for (const int second : {0, 15, 25, 99}) EXPECT_EQ(StateAtSecond(second), gone) << second;
}

TEST_F(HistoryTest, AMissingEndIsSeenByTheStoredState) {
  FailedRun();
  history_.events.resize(2);
  EXPECT_EQ(StateAtSecond(15), "gone: what is left of it begins at 2026-01-01T00:00:10Z");
  history_.events.clear();
  EXPECT_EQ(StateAtSecond(15), "gone: no event of it is left");
}

TEST_F(HistoryTest, AMissingEventInTheMiddleIsSeenByTheNextOfItsTask) {
  FailedRun();
  history_.events.erase(history_.events.begin() + 3);  // b's start
  EXPECT_EQ(StateAtSecond(15), "gone: what is left of it begins at 2026-01-01T00:00:10Z");
  EXPECT_EQ(StateAtSecond(99), "gone: what is left of it begins at 2026-01-01T00:00:10Z");
}

TEST_F(HistoryTest, WhatFollowsASettingBackNeedsNothingBeforeIt) {
  FailedRun().SetBack();
  history_.events.erase(history_.events.begin(), history_.events.begin() + 6);
  EXPECT_EQ(StateAtSecond(35), "gone: what is left of it begins at 2026-01-01T00:00:40Z");
  EXPECT_EQ(StateAtSecond(40), "queued@40 v2: b none 1@40 c none 0 a none 1@40");
}

TEST_F(HistoryTest, AGapAfterASettingBackDoesNotTouchWhatWasBefore) {
  FailedRun().SetBack();
  Run(60, RunState::kRunning, RunState::kSuccess);  // its start is missing
  EXPECT_EQ(StateAtSecond(35), "failed@30 v1: a success 1@20 b failed 1@30");
  EXPECT_EQ(StateAtSecond(45), "gone: what is left of it begins at 2026-01-01T00:00:10Z");
}

TEST_F(HistoryTest, WithoutTheVersionOrTheCreationOnlyLaterStretchesAreKnown) {
  FailedRun().SetBack();
  history_.created.reset();
  EXPECT_EQ(StateAtSecond(5), "gone: what is left of it begins at 2026-01-01T00:00:10Z");
  EXPECT_EQ(StateAtSecond(15), "running@10 v1: a running 1@10 b none 0");
  history_.first_version = VersionId{};
  EXPECT_EQ(StateAtSecond(15), "gone: which version of its DAG it had by then was not recorded");
  EXPECT_EQ(StateAtSecond(40), "queued@40 v2: b none 1@40 c none 0 a none 1@40");
}

TEST_F(HistoryTest, ClearedTasksWithoutAVersionAreNotGuessedBehindAGap) {
  FailedRun();
  Task(40, 0, TaskState::kSuccess, TaskState::kNone).Task(40, 1, TaskState::kFailed, TaskState::kNone);
  Run(40, RunState::kFailed, RunState::kQueued, kSecond);
  EXPECT_EQ(StateAtSecond(40), "queued@40 v2: b none 1@40 c none 0 a none 1@40");
  history_.events.erase(history_.events.begin(), history_.events.begin() + 6);
  EXPECT_EQ(StateAtSecond(40), "gone: what is left of it begins at 2026-01-01T00:00:40Z");
}

}  // namespace
}  // namespace pipelined
