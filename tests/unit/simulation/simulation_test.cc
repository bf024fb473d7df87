#include "pipelined/simulation/simulation.h"

#include "unit/simulation/simulated.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Simulation, TasksFollowEachOtherFromTheDueTimeOn) {
  Simulated s(R"({dag_id: d, schedule: "0 6 * * *", tasks: {a: {bash: x}, b: {bash: x, depends_on: [a]}}})");
  s.Took("d.a: 20m").Run();
  EXPECT_THAT(s.Runs(), ElementsAre("d 06:00: 06:00-06:30 success"));
  EXPECT_THAT(s.Tasks(), ElementsAre("a 06:00-06:20 success", "b 06:20-06:30 success"));
}

TEST(Simulation, WhatIsDueAtTheEndOfThePeriodDoesNotBelongToIt) {
  Simulated s(R"({dag_id: d, schedule: "0 0 * * *", tasks: {a: {bash: x}}})");
  EXPECT_THAT(s.Run().Runs(), ElementsAre("d 00:00: 00:00-00:10 success"));
}

TEST(Simulation, WhatIsUnderWayAtTheEndStaysSo) {
  Simulated s(R"({dag_id: d, schedule: "0 6 * * *", tasks: {a: {bash: x}, b: {bash: x, depends_on: [a]}}})");
  s.Until("2026-01-01T06:15:00Z").Run();
  EXPECT_THAT(s.Runs(), ElementsAre("d 06:00: 06:00- running"));
  EXPECT_THAT(s.Tasks(), ElementsAre("a 06:00-06:10 success", "b 06:10- running"));
}

TEST(Simulation, APoolOfOneSlotIsHadByOneAfterTheOtherTheHighestPriorityFirst) {
  Simulated s(
      R"({dag_id: d, schedule: "0 6 * * *", default_args: {pool: narrow}, tasks: {a: {bash: x}, b: {bash: x, priority_weight: 5}}})");
  s.Pool("narrow=1").Run();
  EXPECT_THAT(s.Tasks(), ElementsAre("a 06:10-06:20 success, waited 10m", "b 06:00-06:10 success"));
  ASSERT_THAT(s.result.pools, SizeIs(1));
  EXPECT_EQ(s.result.pools[0].peak, 1);
  EXPECT_EQ(s.result.pools[0].used, 0);
}

TEST(Simulation, ParallelismHoldsOverAllDags) {
  Simulated s(R"({dag_id: d, schedule: "0 6 * * *", tasks: {a: {bash: x}}}
---
{dag_id: e, schedule: "0 6 * * *", tasks: {a: {bash: x}}}
)");
  s.Parallel(1).Run();
  EXPECT_THAT(s.Tasks(), ElementsAre("a 06:00-06:10 success", "a 06:10-06:20 success, waited 10m"));
  EXPECT_EQ(s.result.most_running, 1);
}

TEST(Simulation, MaxActiveTasksHoldsWithinARun) {
  Simulated s(R"({dag_id: d, schedule: "0 6 * * *", max_active_tasks: 1, tasks: {a: {bash: x}, b: {bash: x}}})");
  EXPECT_THAT(s.Run().Tasks(), ElementsAre("a 06:00-06:10 success", "b 06:10-06:20 success, waited 10m"));
}

TEST(Simulation, WithoutCatchupFullRunsPassSlotsOver) {
  Simulated s(R"({dag_id: d, schedule: "0 * * * *", max_active_runs: 1, tasks: {a: {bash: x}}})");
  s.Took("\"*\": 2h30m").Until("2026-01-01T06:00:00Z").Run();
  EXPECT_THAT(s.Runs(),
              ElementsAre("d 00:00: 00:00-02:30 success", "d 02:00: 02:30-05:00 success", "d 05:00: 05:00- running"));
  std::vector<std::string> missed;
  for (const MissedSlot& slot : s.result.missed) missed.push_back(FormatInstant(slot.due.run_after));
  EXPECT_THAT(missed, ElementsAre("2026-01-01T01:00:00Z", "2026-01-01T03:00:00Z", "2026-01-01T04:00:00Z"));
}

TEST(Simulation, WithCatchupEverySlotIsMadeInItsTurn) {
  Simulated s(
      R"({dag_id: d, schedule: "0 * * * *", start_date: 2026-01-01, catchup: true, max_active_runs: 1, tasks: {a: {bash: x}}})");
  s.Took("\"*\": 90m").Until("2026-01-01T04:00:00Z").Run();
  EXPECT_THAT(s.Runs(),
              ElementsAre("d 00:00: 00:00-01:30 success", "d 01:00: 01:30-03:00 success", "d 02:00: 03:00- running"));
}

TEST(Simulation, AFailedTryIsRepeatedAfterItsDelay) {
  Simulated s(R"({dag_id: d, schedule: "0 6 * * *", tasks: {a: {bash: x, retries: 1, retry_delay: 5m}}})");
  EXPECT_THAT(s.Failing("d.a=1").Run().Tasks(), ElementsAre("a 06:00-06:25 success, 2 tries"));
  EXPECT_EQ(s.result.tries, 2);
}

TEST(Simulation, ATryWithoutDelayWaitsOnlyForItsSlot) {
  Simulated s(
      R"({dag_id: d, schedule: "0 6 * * *", default_args: {pool: narrow}, tasks: {a: {bash: x, retries: 1, retry_delay: 0s, priority_weight: 5}, b: {bash: x}}})");
  EXPECT_THAT(s.Failing("d.a=1").Pool("narrow=1").Run().Tasks(),
              ElementsAre("a 06:00-06:30 success, 2 tries, waited 10m", "b 06:10-06:20 success, waited 10m"));
}

TEST(Simulation, WhatAlwaysFailsFailsItsRun) {
  Simulated s(R"({dag_id: d, schedule: "0 6 * * *", tasks: {a: {bash: x}, b: {bash: x, depends_on: [a]}}})");
  s.Failing("d.a").Run();
  EXPECT_THAT(s.Runs(), ElementsAre("d 06:00: 06:00-06:10 failed"));
  EXPECT_THAT(s.Tasks(), ElementsAre("a 06:00-06:10 failed", "b -06:10 upstream_failed"));
}

TEST(Simulation, ATaskThatTakesTooLongEndsAtItsTimeout) {
  Simulated s(R"({dag_id: d, schedule: "0 6 * * *", tasks: {a: {bash: x, execution_timeout: 3m}}})");
  EXPECT_THAT(s.Run().Tasks(), ElementsAre("a 06:00-06:03 failed"));
}

TEST(Simulation, AStoppedTaskGivesItsSlotBackAtOnce) {
  Simulated s(
      R"({dag_id: d, schedule: "0 6 * * *", dagrun_timeout: 15m, default_args: {pool: narrow}, tasks: {a: {bash: x}}}
---
{dag_id: e, schedule: "10 6 * * *", default_args: {pool: narrow}, tasks: {b: {bash: x}}}
)");
  s.Took("d.a: 2h").Pool("narrow=1").Run();
  EXPECT_THAT(s.Runs(), ElementsAre("d 06:00: 06:00-06:15 failed", "e 06:10: 06:10-06:25 success"));
  EXPECT_THAT(s.Tasks(), ElementsAre("a 06:00-06:15 skipped", "b 06:15-06:25 success, waited 5m"));
  EXPECT_EQ(s.result.pools[0].used, 0);
}

TEST(Simulation, ATaskWaitsFromWhenItsRuleIsMet) {
  Simulated s(
      R"({dag_id: d, schedule: "0 6 * * *", max_active_tasks: 2, tasks: {a: {bash: x}, b: {bash: x}, c: {bash: x}, first: {bash: x, depends_on: [a, b], trigger_rule: one_success}}})");
  s.Took("{d.a: 10m, d.b: 20m, d.c: 30m, d.first: 1m}").Run();
  EXPECT_THAT(s.Tasks(), ElementsAre("a 06:00-06:10 success", "b 06:00-06:20 success",
                                     "c 06:10-06:40 success, waited 10m", "first 06:20-06:21 success, waited 10m"));
}

TEST(Simulation, TasksWaitForTheRunBefore) {
  Simulated s(
      R"({dag_id: d, schedule: "0 * * * *", tasks: {a: {bash: x}, b: {bash: x, depends_on: [a], depends_on_past: true}}})");
  s.Took("{d.a: 1m, d.b: 90m}").Until("2026-01-01T02:00:00Z").Run();
  EXPECT_THAT(s.Tasks(), ElementsAre("a 00:00-00:01 success", "b 00:01-01:31 success", "a 01:00-01:01 success",
                                     "b 01:31- running"));
  Simulated failed(R"({dag_id: d, schedule: "0 * * * *", tasks: {a: {bash: x, depends_on_past: true}}})");
  failed.Failing("a=always").Until("2026-01-01T03:00:00Z").Run();
  EXPECT_THAT(failed.Runs(),
              ElementsAre("d 00:00: 00:00-00:10 failed", "d 01:00: 01:00- running", "d 02:00: 02:00- running"));
}

TEST(Simulation, OverlapIsAsTheEngineHasIt) {
  Simulated skip(R"({dag_id: d, schedule: "0 * * * *", max_active_runs: 1, overlap: skip, tasks: {a: {bash: x}}})");
  skip.Took("d.a: 90m").Until("2026-01-01T04:00:00Z").Run();
  EXPECT_THAT(skip.Runs(), ElementsAre("d 00:00: 00:00-01:30 success", "d 02:00: 02:00-03:30 success"));
  EXPECT_EQ(skip.result.missed.size(), 2u);
  Simulated cancel(
      R"({dag_id: d, schedule: "0 * * * *", max_active_runs: 1, overlap: cancel_running, tasks: {a: {bash: x}}})");
  cancel.Took("d.a: 90m").Until("2026-01-01T02:00:00Z").Run();
  EXPECT_THAT(cancel.Runs(), ElementsAre("d 00:00: 00:00-01:00 failed", "d 01:00: 01:00- running"));
  EXPECT_TRUE(cancel.result.missed.empty());
}

TEST(Simulation, EmptyTasksTakeNoSlotAndNoTime) {
  Simulated s(R"({dag_id: d, schedule: "0 6 * * *", tasks: {a: {empty: true}, b: {bash: x, depends_on: [a]}}})");
  EXPECT_THAT(s.Run().Tasks(), ElementsAre("a 06:00-06:00 success", "b 06:00-06:10 success"));
  EXPECT_EQ(s.result.tries, 1);
}

TEST(Simulation, TheBusiestInstantIsTheFirstWithMost) {
  Simulated s(
      R"({dag_id: d, schedule: "0 * * * *", tasks: {a: {bash: x}, b: {bash: x, depends_on: [a]}, c: {bash: x, depends_on: [a]}}})");
  s.Until("2026-01-01T03:00:00Z").Run();
  EXPECT_EQ(s.result.most_running, 2);
  EXPECT_EQ(FormatInstant(s.result.busiest), "2026-01-01T00:10:00Z");
}

TEST(Simulation, ADagWithoutScheduleNeverRuns) {
  Simulated s("{dag_id: d, tasks: {a: {bash: x}}}");
  EXPECT_THAT(s.Run().Runs(), IsEmpty());
}

TEST(Simulation, AShareOfTriesFailsTheSameOnesEachTime) {
  const std::string yaml = R"({dag_id: d, schedule: "* * * * *", tasks: {a: {bash: x}}})";
  const auto failed = [&](const std::string& option) {
    Simulated s(yaml);
    s.Took("\"*\": 1s").Failing(option).Run();
    std::vector<std::size_t> runs;
    for (std::size_t r = 0; r < s.result.runs.size(); ++r) {
      if (s.result.runs[r].state == RunState::kFailed) runs.push_back(r);
    }
    return runs;
  };
  EXPECT_THAT(failed("a=0%"), IsEmpty());
  EXPECT_THAT(failed("a=100%"), SizeIs(1440));
  EXPECT_THAT(failed("a=10%").size(), ::testing::AllOf(::testing::Ge(115u), ::testing::Le(173u)));
  EXPECT_EQ(failed("a=10%"), failed("a=10%"));
}

TEST(Simulation, AClockThatCannotGoOnIsAnErrorThatNamesTheDag) {
  const PreparedSimulation prepared =
      Prepared(R"({dag_id: d, schedule: "@continuous", max_active_runs: 1, tasks: {a: {empty: true}}})");
  SimulationOptions options;
  options.from = kFrom;
  options.to = kFrom + kDay;
  options.pools = {PoolChanged{std::string(kDefaultPool), 128}};
  const auto result = Simulate(prepared.dags, options);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(result.error().message, ::testing::HasSubstr("DAG \"d\""));
}

TEST(Simulation, EndsWhenThereAreMoreTasksThanItMayHave) {
  Simulated s(R"({dag_id: d, schedule: "0 * * * *", tasks: {a: {bash: x}, b: {bash: x}}})");
  s.Run();
  s.options.most_tasks = 10;
  const auto ended = Simulate(s.prepared.dags, s.options);
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().message, "by 2026-01-01T05:00:00Z there would be more than 10 tasks");
}

}  // namespace
}  // namespace pipelined
