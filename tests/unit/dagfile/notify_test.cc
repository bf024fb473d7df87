// on_success, on_failure, on_retry, on_skipped and on_missed, from YAML to the model.
#include <gmock/gmock.h>

#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Channels(const std::vector<NotifyUse>& uses) {
  std::vector<std::string> names;
  for (const NotifyUse& use : uses) names.push_back(use.channel);
  return names;
}

std::string Mistakes(std::string_view yaml) {
  return Format(Load(yaml).diagnostics);
}

TEST(NotifyKeys, AChannelIsNamed) {
  const Dag dag = LoadOne("on_failure: ops\ntasks: {a: {bash: x, on_retry: chat, on_skipped: [chat, ops]}}");
  ASSERT_NE(dag.notify, nullptr);
  EXPECT_THAT(Channels(dag.notify->Of(NotifyOn::kFailure)), ElementsAre("ops"));
  EXPECT_THAT(dag.notify->Of(NotifyOn::kSuccess), IsEmpty());
  ASSERT_NE(dag.tasks[0].notify, nullptr);
  EXPECT_THAT(Channels(dag.tasks[0].notify->Of(NotifyOn::kRetry)), ElementsAre("chat"));
  EXPECT_THAT(Channels(dag.tasks[0].notify->Of(NotifyOn::kSkipped)), ElementsAre("chat", "ops"));
  EXPECT_TRUE(dag.notifies_of_tasks);
  EXPECT_TRUE(dag.notifies_of_failures);
}

TEST(NotifyKeys, OrAMappingWithWhatIsSaid) {
  const Dag dag = LoadOne(R"(
on_success:
  - {channel: post, to: [a@example.com], subject: "{{ dag_id }} is done", message: "see {{ run_url }}", dedupe_key: "{{ dag_id }}"}
tasks: {a: {bash: x}})");
  ASSERT_NE(dag.notify, nullptr);
  EXPECT_THAT(
      dag.notify->Of(NotifyOn::kSuccess),
      ElementsAre(NotifyUse{"post", "{{ dag_id }} is done", "see {{ run_url }}", "{{ dag_id }}", {"a@example.com"}}));
  EXPECT_FALSE(dag.notifies_of_tasks);
  EXPECT_FALSE(dag.notifies_of_failures);
}

TEST(NotifyKeys, ComeFromDefaultArgsAndNullTakesThemAway) {
  const Dag dag = LoadOne(R"(
default_args: {on_failure: ops, on_retry: chat}
tasks: {a: {bash: x}, b: {bash: x, on_failure: null}, c: {bash: x, on_failure: [], on_retry: []}})");
  ASSERT_EQ(dag.tasks.size(), 3U);
  EXPECT_THAT(Channels(dag.tasks[0].notify->Of(NotifyOn::kFailure)), ElementsAre("ops"));
  EXPECT_THAT(dag.tasks[1].notify->Of(NotifyOn::kFailure), IsEmpty());
  EXPECT_THAT(Channels(dag.tasks[1].notify->Of(NotifyOn::kRetry)), ElementsAre("chat"));
  EXPECT_EQ(dag.tasks[2].notify, nullptr);
}

TEST(NotifyKeys, ThoseOfTheDagMayStandInDefaultsYaml) {
  const Dag dag = LoadOne("tasks: {a: {bash: x}}", {"on_failure: ops"});
  ASSERT_NE(dag.notify, nullptr);
  EXPECT_THAT(Channels(dag.notify->Of(NotifyOn::kFailure)), ElementsAre("ops"));
}

TEST(NotifyKeys, ADeadlineTellsWhenItIsMissed) {
  const Dag dag = LoadOne("deadline: {interval: 30m, on_missed: ops}\ntasks: {a: {bash: x}}");
  ASSERT_EQ(dag.deadlines.size(), 1U);
  EXPECT_THAT(Channels(dag.deadlines[0].on_missed), ElementsAre("ops"));
  EXPECT_TRUE(dag.notifies_of_failures);
}

TEST(NotifyKeys, WhatIsWrongIsSaid) {
  const auto of = [](std::string_view value) {
    return Mistakes("on_failure: " + std::string(value) + "\ntasks: {a: {bash: x}}");
  };
  EXPECT_THAT(of("{subject: x}"), HasSubstr("on_failure needs a channel"));
  EXPECT_THAT(of("'no name'"), HasSubstr("cannot be the name of a channel"));
  EXPECT_THAT(of("https://hooks.example.com/secret"), HasSubstr("where it leads is said in the settings"));
  EXPECT_THAT(of("{channel: ops, mesage: x}"), HasSubstr("did you mean \"message\"?"));
  EXPECT_THAT(of("{channel: ops, message: '{{ dag_idd }}'}"), HasSubstr("did you mean \"dag_id\"?"));
  EXPECT_THAT(of("{channel: ops, message: '{{ params.x }}'}"), HasSubstr("a notification knows no \"params\""));
  EXPECT_THAT(of("{channel: ops, message: '{{ dag_id'}"), HasSubstr("DAG"));
  EXPECT_THAT(of("{channel: ops, to: nobody}"), HasSubstr("\"nobody\" is no mail address"));
  EXPECT_THAT(of("{channel: ops, to: [\"a@b\\r\\nBcc: c@d\"]}"), HasSubstr("is no mail address"));
  EXPECT_THAT(Mistakes("on_retry: ops\ntasks: {a: {bash: x}}"), HasSubstr("a DAG has no key \"on_retry\""));
}

}  // namespace
}  // namespace pipelined
