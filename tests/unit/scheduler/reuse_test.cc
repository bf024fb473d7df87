// What a task asks for that makes a run, and what a condition of repetition says.
#include <gmock/gmock.h>

#include "scheduler/ask_run.h"
#include "scheduler/repetition.h"

namespace pipelined {
namespace {

const Instant kNow = *ParseInstant("2026-01-05T06:00:00Z");

class Reuse : public ::testing::Test {
 protected:
  Reuse() {
    Task task;
    task.id = "a";
    task.action.kind = ActionKind::kBash;
    dag_.id = "d";
    dag_.tasks.push_back(task);
    EXPECT_TRUE(dag_.Link({}).ok());
    dag_.params.push_back({"n", Value(Value::Map{}), Value(5)});
    run_.dag_id = "d";
    run_.run_id = "r";
    run_.logical_date = *ParseInstant("2026-01-04T00:00:00Z");
  }
  LaunchRequest Request() const {
    return LaunchRequest{dag_, 0, run_, AttemptOpened{AttemptId{7}, RunId{1}, 0, 1}, 1, outputs_};
  }
  Result<RunAsked> Ask(TriggerSpec spec) {
    spec.dag_id = spec.dag_id.empty() ? "other" : spec.dag_id;
    dag_.tasks[0].trigger = std::make_shared<const TriggerSpec>(std::move(spec));
    return AskRun(Request(), {}, kNow);
  }
  AttemptFinished Judge(const std::string& until, Value outputs = {}) {
    dag_.tasks[0].repeat.until = until;
    AttemptFinished end;
    end.outcome = TryOutcome::kSucceeded;
    end.outputs = std::move(outputs);
    EXPECT_TRUE(JudgeRepetition(Request(), {}, end).ok());
    return end;
  }

  Dag dag_;
  RunInfo run_;
  Value outputs_;
};

TEST_F(Reuse, ARunWithoutAnIdIsNamedAfterTheAttempt) {
  const auto asked = Ask({});
  ASSERT_TRUE(asked.ok());
  EXPECT_EQ(asked->dag_id, "other");
  EXPECT_EQ(asked->run_id, "manual__2026-01-05T06:00:00+00:00_7");
  EXPECT_EQ(asked->logical_date, std::nullopt);
}

TEST_F(Reuse, ConfKeepsItsTypes) {
  TriggerSpec spec;
  spec.conf = Value(Value::Map{{"n", Value("{{ params.n }}")}, {"text", Value("n is {{ params.n }}")}});
  const auto asked = Ask(spec);
  ASSERT_TRUE(asked.ok());
  EXPECT_EQ(asked->conf.Find("n")->integer(), 5);
  EXPECT_EQ(asked->conf.Find("text")->string(), "n is 5");
}

TEST_F(Reuse, ADateMayBeTheRunsOwn) {
  TriggerSpec spec;
  spec.logical_date = "{{ logical_date }}";
  const auto asked = Ask(spec);
  ASSERT_TRUE(asked.ok()) << asked.error().message;
  EXPECT_EQ(asked->logical_date, run_.logical_date);
  EXPECT_EQ(asked->run_id, "manual__2026-01-04T00:00:00+00:00");
}

TEST_F(Reuse, WhatCannotBeUsedIsRefused) {
  TriggerSpec id, date, conf;
  id.run_id = "no id";
  date.logical_date = "tomorrow";
  conf.conf = Value("{{ params.n }}");
  EXPECT_EQ(Ask(id).error().message, "run_id: \"no id\" cannot be a run id");
  EXPECT_EQ(Ask(date).error().message, "logical_date: \"tomorrow\" is no date with its offset");
  EXPECT_EQ(Ask(conf).error().message, "conf: it gives no mapping of names and values");
}

TEST_F(Reuse, AConditionSeesWhatTheIterationGave) {
  const Value ready(Value::Map{{"ready", Value(true)}}), not_ready(Value::Map{{"ready", Value(false)}});
  EXPECT_TRUE(Judge("{{ tasks.a.ready }}", not_ready).repetition->again);
  EXPECT_FALSE(Judge("{{ tasks.a.ready }}", ready).repetition->again);
}

TEST_F(Reuse, IterationsCountOnFromWhatIsStored) {
  EXPECT_EQ(Judge("false").repetition->iteration, 1);
  outputs_ = Value(Value::Map{{"a", Value(Value::Map{{"iteration", Value(3)}})}});
  const AttemptFinished end = Judge("{{ tasks.a.iteration == 4 }}");
  EXPECT_EQ(end.repetition->iteration, 4);
  EXPECT_FALSE(end.repetition->again);
  EXPECT_EQ(end.outputs.Find("iteration")->integer(), 4);
}

TEST_F(Reuse, AConditionThatCannotBeEvaluatedIsAFailedTry) {
  const AttemptFinished end = Judge("{{ tasks.a.nothing }}");
  EXPECT_EQ(end.outcome, TryOutcome::kFailed);
  EXPECT_FALSE(end.repetition.has_value());
  EXPECT_THAT(end.message, ::testing::HasSubstr("repeat.until"));
}

TEST_F(Reuse, AConditionThatCannotBeEvaluatedNowSaysNothingOfTheTry) {
  dag_.tasks[0].repeat.until = "{{ var.value.done }}";
  LaunchOptions options;
  options.variable = [](const std::string&) { return Error{ErrorCode::kUnavailable, "away", ""}; };
  AttemptFinished end;
  end.outcome = TryOutcome::kSucceeded;
  EXPECT_EQ(JudgeRepetition(Request(), options, end).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(end.outcome, TryOutcome::kSucceeded);
}

}  // namespace
}  // namespace pipelined
