// Trigger rules and retry delays, as Airflow decides them.
#include <gtest/gtest.h>

#include <cmath>

#include "pipelined/lifecycle/retry.h"
#include "pipelined/lifecycle/trigger_rule.h"
#include "support/conformance_table.h"

namespace pipelined {
namespace {

using testing::Tally;
using testing::Text;

std::string Answer(RuleVerdict verdict, bool met_when_decided) {
  switch (verdict) {
    case RuleVerdict::kWait:
      return "waits";
    case RuleVerdict::kRun:
      return "runs";
    case RuleVerdict::kSkip:
      return "skipped";
    case RuleVerdict::kUpstreamFailed:
      return "upstream_failed";
  }
  return met_when_decided ? "?" : "";
}

TEST(Conformance, TriggerRules) {
  Tally tally("trigger-rules.jsonl");
  for (const testing::Case& c : testing::ReadTable("trigger-rules.jsonl")) {
    if (Text(c, "kind") != "direct") continue;  // asked of the engine, which knows the graph
    UpstreamCounts counts;
    for (const Value& state : c.Find("upstream")->list()) {
      ++counts.total;
      if (state.is_string()) {
        if (const auto known = TaskStateFromString(state.string())) counts.Count(*known);
      }
    }
    const auto rule = TriggerRuleFromString(Text(c, "rule"));
    ASSERT_TRUE(rule.has_value()) << ToJson(c);
    const std::string sets = Text(c, "sets_state");
    const std::string expected = !sets.empty() ? sets : c.Find("runs")->boolean() ? "runs" : "waits";
    const std::string got = Answer(Evaluate(*rule, counts), false);
    tally.Add(got == expected, c, got);
  }
  tally.Print();
  EXPECT_EQ(tally.failed(), 0);
}

TEST(Conformance, RetryDelays) {
  Tally tally("retry.jsonl");
  for (const testing::Case& c : testing::ReadTable("retry.jsonl")) {
    RetryPolicy policy;
    policy.delay = Micros(std::llround(c.Find("retry_delay_s")->number() * 1e6));
    const Value& backoff = *c.Find("retry_exponential_backoff");
    policy.multiplier = backoff.is_bool() ? (backoff.boolean() ? 2 : 0) : backoff.number();
    if (const Value* most = c.Find("max_retry_delay_s"); most != nullptr && most->is_number()) {
      policy.max_delay = Micros(std::llround(most->number() * 1e6));
    }
    const std::string dag_id = Text(c, "dag_id"), task_id = Text(c, "task_id"), date = Text(c, "logical_date");
    RetryKey key{dag_id, task_id, std::nullopt};
    if (!date.empty()) key.logical_date = *ParseInstant(date);
    const double got =
        std::chrono::duration<double>(RetryDelay(policy, key, static_cast<int>(c.Find("try_number")->integer())))
            .count();
    tally.Add(std::abs(got - c.Find("delay_s")->number()) < 1e-6, c, std::to_string(got));
  }
  tally.Print();
  EXPECT_EQ(tally.failed(), 0);
}

}  // namespace
}  // namespace pipelined
