// From a row of the outbox to what is sent.
#include <gmock/gmock.h>

#include <set>

#include "pipelined/notify/message.h"

namespace pipelined::notify {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

const Origin kOrigin{"0f0e", "https://pipelined.example.com"};

Notification Failure() {
  Notification row;
  row.id = 42;
  row.event = NotifyOn::kFailure;
  row.use.channel = "ops";
  row.dag_id = "sales";
  row.run_id = "manual__2026-01-01T00:00:00+00:00";
  row.task_id = "load";
  row.facts = Value::Map{{"dag_id", row.dag_id}, {"run_id", row.run_id},    {"task_id", row.task_id},
                         {"try_number", 2},      {"max_tries", 3},          {"error", "exit code 7"},
                         {"duration", 1.5},      {"logical_date", Value()}, {"state", "failed"}};
  return row;
}

TEST(Messages, TheDefaultTextSaysWhatHappenedAndWhereToLook) {
  const Message message = MakeMessage(Failure(), kOrigin);
  EXPECT_EQ(message.id, "0f0e-42");
  EXPECT_EQ(message.subject, "[pipelined] sales.load failed");
  EXPECT_EQ(message.text,
            "sales.load failed\n"
            "run: manual__2026-01-01T00:00:00+00:00\n"
            "try: 2 of 4\n"
            "error: exit code 7\n"
            "duration: 1s500ms\n"
            "link: https://pipelined.example.com/dags/sales/runs/manual__2026-01-01T00%3A00%3A00%2B00%3A00\n"
            "log: https://pipelined.example.com/dags/sales/runs/manual__2026-01-01T00%3A00%3A00%2B00%3A00/tasks/load"
            "?try_number=2\n");
}

TEST(Messages, AnInstanceOfAMappedTaskHasItsIndex) {
  Notification row = Failure();
  row.map_index = 3;
  EXPECT_EQ(MakeMessage(row, kOrigin).subject, "[pipelined] sales.load[3] failed");
  EXPECT_THAT(MakeMessage(row, kOrigin).text, HasSubstr("/tasks/load/mapped/3?try_number=2"));
}

TEST(Messages, TemplatesSeeTheFacts) {
  Notification row = Failure();
  row.use.subject = "{{ dag_id }} {{ event }} {{ id }}";
  row.use.message = "{{ error }} in {{ task_id }}, {{ run_url }}, {{ logical_date }}.";
  const Message message = MakeMessage(row, kOrigin);
  EXPECT_EQ(message.subject, "sales failure 42");
  EXPECT_EQ(message.text,
            "exit code 7 in load, https://pipelined.example.com/dags/sales/runs/"
            "manual__2026-01-01T00%3A00%3A00%2B00%3A00, .");
}

TEST(Messages, ATemplateThatFailsKeepsNothingFromAnybody) {
  Notification row = Failure();
  row.use.message = "{{ try_number / 0 }}";
  EXPECT_THAT(MakeMessage(row, kOrigin).text,
              AllOf(HasSubstr("error: exit code 7"), HasSubstr("template of this message failed")));
  row.use.message = "{% for a in range(1000000) %}{% for b in range(1000000) %}x{% endfor %}{% endfor %}";
  EXPECT_THAT(MakeMessage(row, kOrigin).text, HasSubstr("template of this message failed"));
}

TEST(Messages, ValuesAreNoTemplates) {
  Notification row = Failure();
  row.facts.Set("error", "{{ 1 + 1 }}");
  row.use.message = "{{ error }}";
  EXPECT_EQ(MakeMessage(row, kOrigin).text, "{{ 1 + 1 }}");
}

TEST(Messages, ASubjectIsOneLine) {
  Notification row = Failure();
  row.facts.Set("error", "a\r\nBcc: eve@example.com\x01");
  row.use.subject = "{{ error }}";
  EXPECT_EQ(MakeMessage(row, kOrigin).subject, "a  Bcc: eve@example.com ");
}

TEST(DedupeKeys, AreByRunTaskEventAndTryUnlessTheFileSaysOtherwise) {
  Notification row = Failure();
  EXPECT_EQ(DedupeKey(row, kOrigin), "sales/manual__2026-01-01T00:00:00+00:00/load/failure/2");
  row.map_index = 7;
  EXPECT_EQ(DedupeKey(row, kOrigin), "sales/manual__2026-01-01T00:00:00+00:00/load/failure/2");
  row.use.dedupe_key = "{{ dag_id }}";
  EXPECT_EQ(DedupeKey(row, kOrigin), "sales");
  for (const NotifyOn on : {NotifyOn::kTest, NotifyOn::kRecovered}) {
    row.event = on;
    EXPECT_EQ(DedupeKey(row, kOrigin), "");
  }
}

TEST(DedupeKeys, OfARunThatWasClearedAndBeganAnewAreOthers) {
  Notification row = Failure();
  row.task_id.clear();
  row.facts.Set("start_date", "2026-01-01T00:00:01+00:00");
  const std::string first = DedupeKey(row, kOrigin);
  row.facts.Set("start_date", "2026-01-01T00:10:00+00:00");
  EXPECT_NE(DedupeKey(row, kOrigin), first);
}

TEST(DedupeKeys, OfATaskThatIsSkippedAgainAreOthers) {
  Notification row = Failure();
  row.event = NotifyOn::kSkipped;
  row.facts.Set("try_number", 0);
  row.facts.Set("end_date", "2026-01-01T00:00:01+00:00");
  Notification again = row;
  again.facts.Set("end_date", "2026-01-01T00:01:00+00:00");
  EXPECT_NE(DedupeKey(again, kOrigin), DedupeKey(row, kOrigin));
  row.map_index = 1;
  again.map_index = 2;
  EXPECT_EQ(DedupeKey(again, kOrigin), DedupeKey(row, kOrigin));
}

// Two entries of one list: `[{channel: post, to: a@…}, {channel: post, to: b@…}]`.
TEST(DedupeKeys, OfEntriesThatSayDifferentThingsAreOthers) {
  const Notification plain = Failure();
  Notification to = plain, two = plain, subject = plain, message = plain;
  to.use.to = {"a@example.com"};
  two.use.to = {"a@example.com", "b@example.com"};
  subject.use.subject = "down";
  message.use.message = "down";
  std::set<std::string> keys;
  for (const Notification& row : {plain, to, two, subject, message}) keys.insert(DedupeKey(row, kOrigin));
  EXPECT_EQ(keys.size(), 5U);
  Notification again = to;
  again.map_index = 7;
  EXPECT_EQ(DedupeKey(again, kOrigin), DedupeKey(to, kOrigin));
}

TEST(BackOff, DoublesUpToTheLongestWait) {
  ChannelSettings channel;
  channel.retry_delay = 10s;
  channel.max_retry_delay = 60s;
  for (const auto& [tries, delay] : {std::pair(1, 10s), {2, 20s}, {3, 40s}, {4, 60s}, {50, 60s}}) {
    EXPECT_GE(BackOff(channel, tries, 7), delay) << tries;
    EXPECT_LE(BackOff(channel, tries, 7), delay + delay / 10) << tries;
  }
}

TEST(BackOff, DiffersFromMessageToMessage) {
  ChannelSettings channel;
  channel.retry_delay = channel.max_retry_delay = 100s;
  EXPECT_NE(BackOff(channel, 1, 1), BackOff(channel, 1, 2));
  EXPECT_EQ(BackOff(channel, 1, 1), BackOff(channel, 1, 1));
}

}  // namespace
}  // namespace pipelined::notify
