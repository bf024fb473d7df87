#include "scheduler/decide.h"

#include <gmock/gmock.h>

#include "support/utc_zones.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Instant At(const std::string& text) {
  return *ParseInstant("2026-01-01T" + text + ":00Z");
}

// decide > left > leaf, decide > load.one > load.two, and `beside`; load is a group.
class DecideTest : public ::testing::Test {
 protected:
  DecideTest() {
    for (const char* id : {"decide", "left", "leaf", "load.one", "load.two", "beside"}) {
      Task task;
      task.id = id;
      if (task.id.starts_with("load.")) task.group = "load";
      dag_.tasks.push_back(std::move(task));
    }
    dag_.groups = {{"load", "", ""}};
    Param param;
    param.name = "side";
    dag_.params = {param};
    EXPECT_TRUE(dag_.Link({{0, 1}, {1, 2}, {0, 3}, {3, 4}}).ok());
    run_.type = RunType::kScheduled;
    run_.conf = Value::Map{{"side", "left"}};
  }

  void Act(ActionKind kind, std::vector<std::string> words) { dag_.tasks[0].action = {kind, std::move(words)}; }
  Result<std::optional<AttemptFinished>> Ask(Instant now = At("12:00")) {
    LaunchOptions options;
    options.zones = &zones_;
    return Decide(LaunchRequest{dag_, 0, run_, AttemptOpened{AttemptId{7}, RunId{1}, 0, 1}, 1, Value()}, options, now);
  }
  AttemptFinished End(Instant now = At("12:00")) {
    const auto end = Ask(now);
    EXPECT_TRUE(end.ok() && *end) << (end.ok() ? "nothing was decided" : end.error().message);
    return end.ok() && *end ? **end : AttemptFinished();
  }
  std::vector<TaskNo> Follow(std::vector<std::string> words) {
    Act(ActionKind::kBranch, std::move(words));
    const AttemptFinished end = End();
    return end.decision ? end.decision->follow : std::vector<TaskNo>{99};
  }
  bool Pass(const std::string& condition) {
    Act(ActionKind::kShortCircuit, {condition});
    return End().decision.value().pass;
  }

  Dag dag_;
  RunInfo run_;
  testing::UtcZones zones_;
};

TEST_F(DecideTest, LeavesAPlainTaskToItsProcess) {
  Act(ActionKind::kBash, {"true"});
  EXPECT_FALSE(Ask()->has_value());
  dag_.tasks[0].when = "{{ params.side == 'left' }}";
  EXPECT_FALSE(Ask()->has_value());
}

TEST_F(DecideTest, SkipsATaskWhoseConditionIsFalse) {
  Act(ActionKind::kBash, {"true"});
  dag_.tasks[0].when = "{{ params.side == 'right' }}";
  const AttemptFinished end = End();
  EXPECT_EQ(end.attempt, AttemptId{7});
  EXPECT_EQ(end.outcome, TryOutcome::kSkipped);
  EXPECT_EQ(end.start, At("12:00"));
  EXPECT_EQ(end.end, At("12:00"));
  EXPECT_THAT(end.message, HasSubstr("when"));
}

TEST_F(DecideTest, AnEmptyTaskWhoseConditionHoldsNeedsNoProcess) {
  dag_.tasks[0].when = "true";
  EXPECT_EQ(End().outcome, TryOutcome::kSucceeded);
}

TEST_F(DecideTest, ASkippedBranchDecidesNothing) {
  Act(ActionKind::kBranch, {"left"});
  dag_.tasks[0].when = "false";
  EXPECT_EQ(End().outcome, TryOutcome::kSkipped);
  EXPECT_FALSE(End().decision);
}

TEST_F(DecideTest, AConditionThatCannotBeReadIsAnError) {
  dag_.tasks[0].when = "{{ params.nothing }}";
  EXPECT_THAT(Ask().error().message, HasSubstr("when: 1:"));
}

TEST_F(DecideTest, ABranchFollowsIdsAndGroups) {
  EXPECT_THAT(Follow({"left"}), ElementsAre(1));
  EXPECT_THAT(Follow({"{{ params.side }}"}), ElementsAre(1));
  EXPECT_THAT(Follow({" {% if params.side %} left {% endif %}\n"}), ElementsAre(1));
  EXPECT_THAT(Follow({"{{ ['left', 'load'] }}"}), ElementsAre(1, 3));
  EXPECT_THAT(Follow({"load", "{{ params.side }}", "left"}), ElementsAre(3, 1));
  EXPECT_THAT(Follow({"leaf"}), ElementsAre(2));
}

TEST_F(DecideTest, ABranchMayFollowNothing) {
  EXPECT_THAT(Follow({"{{ none }}"}), IsEmpty());
  EXPECT_THAT(Follow({"{{ [] }}"}), IsEmpty());
  EXPECT_THAT(Follow({"{% if false %}left{% endif %}"}), IsEmpty());
}

TEST_F(DecideTest, ABranchIsShownAsAirflowShowsIt) {
  Act(ActionKind::kBranch, {"load"});
  EXPECT_EQ(End().outputs, Value(Value::Map{{"skipmixin_key", Value::Map{{"followed", Value::List{"load.one"}}}},
                                            {"return_value", "load"}}));
}

TEST_F(DecideTest, ABranchToWhatIsNotThereFailsTheTry) {
  Act(ActionKind::kBranch, {"{{ 'lfet' }}"});
  EXPECT_EQ(End().outcome, TryOutcome::kFailed);
  EXPECT_EQ(End().message, "branch: there is no task or group \"lfet\" (did you mean \"left\"?)");
  EXPECT_FALSE(End().decision);
}

TEST_F(DecideTest, ABranchToWhatIsNotBelowItFailsTheTry) {
  for (const char* id : {"beside", "decide"}) {
    Act(ActionKind::kBranch, {id});
    EXPECT_EQ(End().outcome, TryOutcome::kFailed);
    EXPECT_THAT(End().message, HasSubstr("is not below \"decide\""));
  }
}

TEST_F(DecideTest, ABranchToANumberFailsTheTry) {
  Act(ActionKind::kBranch, {"{{ 5 }}"});
  EXPECT_THAT(End().message, HasSubstr("no id"));
}

TEST_F(DecideTest, AShortCircuitPassesOnWhatIsTrueInPython) {
  for (const char* yes : {"true", "{{ 1 }}", "{{ [0] }}", "{{ 'false' }}", "{% if 1 %}True{% endif %}"})
    EXPECT_TRUE(Pass(yes)) << yes;
  for (const char* no : {"false", "{{ 0 }}", "{{ 0.0 }}", "{{ [] }}", "{{ {} }}", "{{ '' }}", "{{ none }}",
                         "{% if 1 %}False{% endif %}", "{% if 0 %}x{% endif %}"})
    EXPECT_FALSE(Pass(no)) << no;
}

TEST_F(DecideTest, AShortCircuitKeepsItsValue) {
  Act(ActionKind::kShortCircuit, {"{{ 3 }}"});
  EXPECT_EQ(End().outputs, Value(Value::Map{{"return_value", 3}}));
}

TEST_F(DecideTest, WordsThatAreNeitherTrueNorFalseAreAnError) {
  Act(ActionKind::kShortCircuit, {"{{ params.side }} == left"});
  EXPECT_THAT(Ask().error().message, HasSubstr("\"left == left\""));
}

class LatestOnly : public DecideTest {
 protected:
  LatestOnly() {
    Act(ActionKind::kLatestOnly, {});
    dag_.schedule.kind = ScheduleKind::kCron;
    dag_.schedule.crons = {"0 * * * *"};
    run_.interval = DataInterval{At("10:00"), At("10:00")};
  }
  bool PassAt(const std::string& time) { return End(At(time)).decision.value().pass; }
};

TEST_F(LatestOnly, PassesUntilTheNextSlotIsDue) {
  EXPECT_TRUE(PassAt("10:59"));
  EXPECT_FALSE(PassAt("11:00"));
  EXPECT_FALSE(PassAt("15:00"));
}

TEST_F(LatestOnly, PassesEveryRunByHand) {
  run_.type = RunType::kManual;
  EXPECT_TRUE(PassAt("15:00"));
}

TEST_F(LatestOnly, HoldsBackBackfillsOfThePast) {
  run_.type = RunType::kBackfill;
  EXPECT_FALSE(PassAt("15:00"));
}

TEST_F(LatestOnly, PassesWithoutASchedule) {
  dag_.schedule = Schedule();
  EXPECT_TRUE(PassAt("15:00"));
}

TEST_F(LatestOnly, NamesWhatItFollows) {
  EXPECT_EQ(*End(At("10:30")).outputs.Find("return_value"), Value(Value::List{"left", "load.one"}));
  EXPECT_EQ(*End(At("15:00")).outputs.Find("return_value"), Value(Value::List{}));
}

}  // namespace
}  // namespace pipelined
