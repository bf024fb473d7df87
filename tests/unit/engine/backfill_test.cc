// Backfills in the engine: what is made, in which order, within which limits, and how they end.
#include <gmock/gmock.h>

#include "unit/engine/engine_fixture.h"
#include "unit/timetable/zones_by_rule.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A daily DAG with one task, a leader's engine, and a store that gives runs their ids.
class BackfillTest : public ::testing::Test {
 protected:
  BackfillTest() : dag_(MakeDag("a")) {
    dag_->schedule.kind = ScheduleKind::kCron;
    dag_->schedule.crons = {"0 6 * * *"};
    DagHead head;
    head.dag_id = "d";
    head.version = VersionId{1};
    head.max_active_runs = 1;
    Send(PoolChanged{std::string(kDefaultPool), -1});
    Send(DagUpdated{head});
  }

  void Send(Event event) {
    std::vector<Event> events;
    events.push_back(std::move(event));
    Turn(std::move(events));
  }

  // Turns until nothing comes back: what was made enters, as the store would have it.
  void Turn(std::vector<Event> events) {
    for (;;) {
      const Plan plan = engine_.Apply(std::move(events), now_);
      events.clear();
      for (const NewRun& made : plan.new_runs) {
        if (taken_.contains(FormatInstant(made.due.logical_date))) continue;
        RunInfo run;
        run.id = RunId{++last_run_};
        run.dag_id = "d";
        run.run_id = made.run_id;
        run.type = made.type;
        run.logical_date = made.due.logical_date;
        run.run_after = made.due.run_after;
        run.conf = made.conf;
        run.backfill = made.backfill;
        run.backfill_ordinal = made.ordinal;
        made_.push_back(made.run_id);
        events.emplace_back(RunRequested{run, dag_});
      }
      for (const RunReset& reset : plan.resets) {
        resets_.push_back(reset.run.value);
        if (!reset.run || refuse_resets_) continue;
        RunInfo run;
        run.id = reset.run;
        run.dag_id = "d";
        run.backfill = reset.backfill;
        run.backfill_ordinal = reset.ordinal;
        events.emplace_back(RunRequested{run, dag_, {StoredTask{0, TaskState::kNone, 2, std::nullopt, {}, 2}}});
      }
      for (const RunChange& change : plan.runs) states_[change.run.value] = change.to;
      for (const AttemptOpened& opened : plan.opened) {
        attempts_[opened.run.value] = opened.attempt;
        tries_[opened.run.value] = opened.try_number;
      }
      for (const BackfillChange& change : plan.backfills) changes_.push_back(change);
      for (const CommandDone& done : plan.commands) done_ = done;
      const bool again = !events.empty() || !plan.new_runs.empty() || !plan.resets.empty();
      if (!again && (!engine_.NextTimer() || *engine_.NextTimer() > now_)) return;
    }
  }

  void Do(decltype(Command::what) what) { Send(Command{CommandId{++last_command_}, "ann", std::move(what)}); }

  CreateBackfill Range(const std::string& from, const std::string& to, Reprocess reprocess = Reprocess::kNone) {
    CreateBackfill create;
    create.dag_id = "d";
    create.range = BackfillRange{*ParseInstant(from), *ParseInstant(to), reprocess, false};
    create.max_active_runs = 2;
    auto facts = std::make_shared<BackfillFacts>();
    facts->slots = *MakeTimetable(*BackfillSchedule(dag_->schedule, create.range.from, create.range.to), ZonesByRule());
    facts->existing = existing_;
    create.facts = facts;
    return create;
  }

  void End(std::int64_t run, TryOutcome outcome = TryOutcome::kSucceeded) {
    AttemptFinished end;
    end.attempt = attempts_.at(run);
    end.outcome = outcome;
    end.end = now_;
    Send(end);
  }

  std::vector<std::int64_t> Running() const {
    std::vector<std::int64_t> running;
    for (const auto& [run, state] : states_) {
      if (state == RunState::kRunning) running.push_back(run);
    }
    return running;
  }

  Instant now_ = *ParseInstant("2026-02-01T00:00:00Z");
  std::shared_ptr<Dag> dag_;
  Engine engine_{EngineLimits{}};
  std::int64_t last_run_ = 100, last_command_ = 0;
  std::set<std::string> taken_;  // logical dates that somebody took meanwhile
  bool refuse_resets_ = false;   // the store finds them in flight
  std::vector<ExistingRun> existing_;
  std::vector<std::string> made_;
  std::vector<std::int64_t> resets_;
  std::map<std::int64_t, RunState> states_;
  std::map<std::int64_t, AttemptId> attempts_;
  std::map<std::int64_t, std::int32_t> tries_;
  std::vector<BackfillChange> changes_;
  CommandDone done_;
};

TEST(BackfillSchedule, KeepsTheCalendarAndLeavesTheJitterToScheduledRuns) {
  Schedule schedule;
  schedule.kind = ScheduleKind::kCron;
  schedule.crons = {"0 6 * * *"};
  schedule.jitter = schedule.jitter_offset = std::chrono::minutes(7);
  schedule.calendar.weekdays = 65;
  const auto slots = *MakeTimetable(
      *BackfillSchedule(schedule, *ParseInstant("2026-01-03T00:00:00Z"), *ParseInstant("2026-01-06T00:00:00Z")),
      ZonesByRule());
  const auto first = slots->Next(std::nullopt, *ParseInstant("2026-02-01T00:00:00Z"));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->run_after, *ParseInstant("2026-01-05T06:00:00Z"));
  EXPECT_EQ(first->tick(), first->run_after);
}

TEST_F(BackfillTest, MakesARunPerSlotAndRunsAsManyAsItMay) {
  Do(Range("2026-01-01T00:00:00Z", "2026-01-03T23:00:00Z"));
  EXPECT_EQ(done_.error, "");
  EXPECT_EQ(done_.result.Find("backfill")->integer(), 1);
  EXPECT_THAT(made_, ElementsAre("backfill__2026-01-01T06:00:00+00:00", "backfill__2026-01-02T06:00:00+00:00",
                                 "backfill__2026-01-03T06:00:00+00:00"));
  EXPECT_THAT(Running(), ElementsAre(101, 102));  // its own limit of 2, not the DAG's of 1
  End(101);
  EXPECT_THAT(Running(), ElementsAre(102, 103));
}

TEST_F(BackfillTest, CompletesWithItsLastRun) {
  Do(Range("2026-01-01T00:00:00Z", "2026-01-02T23:00:00Z"));
  End(101);
  EXPECT_THAT(changes_, IsEmpty());
  End(102, TryOutcome::kFailed);
  ASSERT_EQ(changes_.size(), 1U);
  EXPECT_TRUE(changes_[0].completed);
  EXPECT_FALSE(changes_[0].cancelled);
}

TEST_F(BackfillTest, RunsTheLatestFirstWhenBackwards) {
  CreateBackfill create = Range("2026-01-01T00:00:00Z", "2026-01-03T23:00:00Z");
  create.range.run_backwards = true;
  Do(create);
  EXPECT_EQ(made_.front(), "backfill__2026-01-03T06:00:00+00:00");
}

TEST_F(BackfillTest, DoesNotCountAgainstTheRunsOfTheDag) {
  Do(Range("2026-01-01T00:00:00Z", "2026-01-03T23:00:00Z"));
  RunInfo run;
  run.id = RunId{1};
  run.dag_id = "d";
  Send(RunRequested{run, dag_});
  EXPECT_THAT(Running(), ElementsAre(1, 101, 102));
}

TEST_F(BackfillTest, OneAtATimePerDag) {
  Do(Range("2026-01-01T00:00:00Z", "2026-01-01T23:00:00Z"));
  Do(Range("2026-01-05T00:00:00Z", "2026-01-05T23:00:00Z"));
  EXPECT_EQ(done_.error_code, ErrorCode::kConflict);
  EXPECT_EQ(done_.error, "DAG \"d\" has an active backfill already: 1");
  End(101);
  Do(Range("2026-01-05T00:00:00Z", "2026-01-05T23:00:00Z"));
  EXPECT_EQ(done_.result.Find("backfill")->integer(), 2);
}

TEST_F(BackfillTest, PausedStartsNothingFurther) {
  Do(Range("2026-01-01T00:00:00Z", "2026-01-03T23:00:00Z"));
  Do(PauseBackfill{BackfillId{1}, true});
  End(101);
  EXPECT_THAT(Running(), ElementsAre(102));
  Do(PauseBackfill{BackfillId{1}, false});
  EXPECT_THAT(Running(), ElementsAre(102, 103));
  EXPECT_THAT(changes_, ::testing::SizeIs(2));
}

TEST_F(BackfillTest, CancelledFailsWhatWaitsAndLetsWhatRunsGoOn) {
  Do(Range("2026-01-01T00:00:00Z", "2026-01-04T23:00:00Z"));
  Do(CancelBackfill{BackfillId{1}});
  EXPECT_THAT(Running(), ElementsAre(101, 102));
  EXPECT_EQ(states_.at(103), RunState::kFailed);
  EXPECT_EQ(states_.at(104), RunState::kFailed);
  ASSERT_EQ(changes_.size(), 1U);
  EXPECT_TRUE(changes_[0].cancelled && changes_[0].completed);
  End(101);
  EXPECT_THAT(Running(), ElementsAre(102));
  Do(CancelBackfill{BackfillId{1}});
  EXPECT_EQ(done_.error, "backfill 1 is completed already");
}

TEST_F(BackfillTest, APausedDagHoldsItsRuns) {
  Do(PauseDag{"d", true});
  Do(Range("2026-01-01T00:00:00Z", "2026-01-02T23:00:00Z"));
  EXPECT_THAT(Running(), IsEmpty());
  Do(PauseDag{"d", false});
  EXPECT_THAT(Running(), ElementsAre(101, 102));
}

TEST_F(BackfillTest, SetsFailedRunsBackAndGoesOnCountingTheirTries) {
  existing_ = {{RunId{7}, *ParseInstant("2026-01-01T06:00:00Z"), RunState::kFailed},
               {RunId{8}, *ParseInstant("2026-01-02T06:00:00Z"), RunState::kSuccess}};
  Do(Range("2026-01-01T00:00:00Z", "2026-01-02T23:00:00Z", Reprocess::kFailed));
  EXPECT_THAT(resets_, ElementsAre(7));
  EXPECT_THAT(made_, IsEmpty());
  EXPECT_EQ(tries_.at(7), 3);
  End(7, TryOutcome::kFailed);  // max_tries is 2: no try is left
  EXPECT_EQ(states_.at(7), RunState::kFailed);
  EXPECT_TRUE(changes_.back().completed);
}

TEST_F(BackfillTest, IsOverWhenEverythingWasThereAlready) {
  existing_ = {{RunId{7}, *ParseInstant("2026-01-01T06:00:00Z"), RunState::kSuccess}};
  Do(Range("2026-01-01T00:00:00Z", "2026-01-01T23:00:00Z"));
  ASSERT_EQ(changes_.size(), 1U);
  EXPECT_TRUE(changes_[0].completed);
}

TEST_F(BackfillTest, IsOverWhenOthersTookItsSlotsMeanwhile) {
  taken_ = {"2026-01-01T06:00:00Z"};
  Do(Range("2026-01-01T00:00:00Z", "2026-01-01T23:00:00Z"));
  ASSERT_EQ(changes_.size(), 1U);
  EXPECT_TRUE(changes_[0].completed);
}

TEST_F(BackfillTest, IsOverWhenTheRunsToSetBackWereInFlightAfterAll) {
  existing_ = {{RunId{7}, *ParseInstant("2026-01-01T06:00:00Z"), RunState::kFailed}};
  refuse_resets_ = true;
  Do(Range("2026-01-01T00:00:00Z", "2026-01-01T23:00:00Z", Reprocess::kFailed));
  ASSERT_EQ(changes_.size(), 1U);
  EXPECT_TRUE(changes_[0].completed);
}

TEST_F(BackfillTest, MakesThousandsOfRunsInSeveralTurns) {
  dag_->schedule.crons = {"0 * * * *"};
  Do(Range("2025-01-01T00:00:00Z", "2025-12-31T23:59:00Z"));
  EXPECT_EQ(made_.size(), 365U * 24);
  EXPECT_THAT(Running(), ElementsAre(101, 102));
}

TEST_F(BackfillTest, IsNotOverWhileRunsOfTheSameTurnAreStillToCome) {
  dag_ = MakeDag("a");
  dag_->schedule.kind = ScheduleKind::kCron;
  dag_->schedule.crons = {"0 6 * * *"};
  dag_->tasks[0].action.kind = ActionKind::kEmpty;  // its runs end as they begin
  Do(Range("2026-01-01T00:00:00Z", "2026-01-20T23:00:00Z"));
  EXPECT_EQ(states_.size(), 20U);
  EXPECT_EQ(changes_.size(), 1U);
  for (const auto& [run, state] : states_) EXPECT_EQ(state, RunState::kSuccess) << run;
}

TEST_F(BackfillTest, RefusesWhatItCannotFill) {
  CreateBackfill future = Range("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z");
  Do(future);
  EXPECT_EQ(done_.error, "the whole range lies in the future");
  Do(Range("2026-01-01T07:00:00Z", "2026-01-01T08:00:00Z"));
  EXPECT_EQ(done_.error, "no slot of the schedule lies in the range");
  CreateBackfill unknown = Range("2026-01-01T00:00:00Z", "2026-01-01T08:00:00Z");
  unknown.dag_id = "nope";
  Do(unknown);
  EXPECT_EQ(done_.error_code, ErrorCode::kNotFound);
}

TEST_F(BackfillTest, WhyNamesTheLimitOfTheBackfill) {
  Do(Range("2026-01-01T00:00:00Z", "2026-01-03T23:00:00Z"));
  Do(WhyTask{RunId{103}, "a"});
  EXPECT_EQ(done_.result.Find("reasons")->list()[0].Find("text")->string(),
            "the run is queued: 2 of 2 runs of backfill 1 run already (its max_active_runs)");
}

TEST_F(BackfillTest, GoesOnAfterARestartWithWhatIsStored) {
  StoredBackfill stored;
  stored.id = BackfillId{4};
  stored.dag_id = "d";
  stored.max_active_runs = 2;
  BackfillSlot slot;
  slot.ordinal = 3;
  const Instant date = *ParseInstant("2026-01-03T06:00:00Z");
  slot.due = DueRun{date, {date, date}, date};
  stored.todo = {slot};
  RunInfo running;
  running.id = RunId{1};
  running.dag_id = "d";
  running.state = RunState::kRunning;
  running.backfill = BackfillId{4};
  running.backfill_ordinal = 1;
  std::vector<Event> events;
  events.emplace_back(BackfillRestored{stored});
  events.emplace_back(RunRestored{running, dag_, {}});
  Turn(std::move(events));
  EXPECT_THAT(made_, ElementsAre("backfill__2026-01-03T06:00:00+00:00"));
  End(1);
  EXPECT_THAT(changes_, IsEmpty());
  End(101);
  EXPECT_TRUE(changes_.back().completed);
}

}  // namespace
}  // namespace pipelined::testing
