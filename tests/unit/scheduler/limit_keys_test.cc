#include "pipelined/scheduler/limit_keys.h"

#include <gmock/gmock.h>

namespace pipelined {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// Tasks a, b, c; `concurrency` and `rate` are those of a and c.
std::shared_ptr<Dag> WithKeys(const std::string& concurrency, const std::string& rate) {
  auto dag = std::make_shared<Dag>();
  dag->id = "d";
  for (const char* id : {"a", "b", "c"}) {
    Task task;
    task.id = id;
    task.action.kind = ActionKind::kBash;
    if (task.id != "b") {
      task.concurrency = std::make_shared<ConcurrencyLimit>(ConcurrencyLimit{concurrency, 1, OnConflict::kQueue});
      task.rate = std::make_shared<RateLimit>(RateLimit{rate, 1, Seconds(1)});
    }
    dag->tasks.push_back(std::move(task));
  }
  EXPECT_TRUE(dag->Link({}).ok());
  return dag;
}

RunInfo RunWith(Value conf) {
  RunInfo run;
  run.dag_id = "d";
  run.run_id = "r1";
  run.conf = std::move(conf);
  return run;
}

std::string WhyNot(const Dag& dag, const RunInfo& run) {
  const LaunchRequest request{dag, 0, run, AttemptOpened{AttemptId{1}, RunId{1}, 0, 1}, 1, Value()};
  const Status checked = CheckKeys(request, {});
  return checked ? "" : checked.error().message;
}

TEST(LimitKeys, AreRenderedForEachTaskThatHasSome) {
  const auto dag = WithKeys("{{ dag_run.conf.customer }}/{{ task.task_id }}", "api");
  const auto keys = RenderKeys(*dag, RunWith(Value::Map{{"customer", "acme"}}), {});
  ASSERT_THAT(keys, SizeIs(2));
  EXPECT_EQ(keys[0].task, 0u);
  EXPECT_EQ(keys[0].concurrency, "acme/a");
  EXPECT_EQ(keys[1].task, 2u);
  EXPECT_EQ(keys[1].concurrency, "acme/c");
  EXPECT_EQ(keys[1].rate, "api");
}

TEST(LimitKeys, AreTheSameWhenTheRunHasBegun) {
  const auto dag = WithKeys("{{ run_id }} {{ dag_run.conf.customer }}", "{{ dag.dag_id }}");
  RunInfo run = RunWith(Value::Map{{"customer", "acme"}});
  const auto before = RenderKeys(*dag, run, {});
  run.state = RunState::kRunning;
  run.start_date = Instant(Seconds(5));
  EXPECT_EQ(RenderKeys(*dag, run, {})[0].concurrency, before[0].concurrency);
}

TEST(LimitKeys, ThatCannotBeRenderedAreEmptyAndSaidWhenTheTaskIsToStart) {
  const auto dag = WithKeys("{{ dag_run.conf.customer }}", "api");
  const RunInfo run = RunWith(Value());
  EXPECT_EQ(RenderKeys(*dag, run, {})[0].concurrency, "");
  EXPECT_EQ(RenderKeys(*dag, run, {})[0].rate, "api");
  EXPECT_THAT(WhyNot(*dag, run), HasSubstr("concurrency.key: "));
  EXPECT_EQ(WhyNot(*dag, RunWith(Value::Map{{"customer", "acme"}})), "");
}

TEST(LimitKeys, ThatRenderToNothingAreRefused) {
  const auto dag = WithKeys("k", "{{ dag_run.conf.customer }}");
  EXPECT_EQ(WhyNot(*dag, RunWith(Value::Map{{"customer", ""}})), "rate.key: the key renders to nothing");
}

TEST(LimitKeys, HaveALimitOfTheirOwn) {
  const auto dag = WithKeys("k", "{{ dag_run.conf.customer }}");
  EXPECT_THAT(WhyNot(*dag, RunWith(Value::Map{{"customer", std::string(2000, 'x')}})), HasSubstr("2000 bytes"));
}

}  // namespace
}  // namespace pipelined
