// What a sensor waits for when its attempt begins.
#include "scheduler/sensors/ask_sensor.h"

#include "pipelined/schema/json.h"
#include "unit/scheduler/sensor_fixture.h"

namespace pipelined {
namespace {

using namespace pipelined::testing;
using ::testing::HasSubstr;

const Instant kNow = *ParseInstant("2026-01-05T12:00:00Z");

Result<Value> Ask(const std::string& sensor, const std::string& more = "", bool dated = true) {
  const LoadedDag loaded = LoadTasks("wait: {sensor: " + sensor + "}", more);
  RunInfo run;
  run.dag_id = "d";
  run.run_id = "r";
  run.conf = Value(Value::Map{{"given", "a b"}});
  run.run_after = *ParseInstant("2026-01-05T06:00:00Z");
  if (dated) {
    run.logical_date = *ParseInstant("2026-01-04T00:00:00Z");
    run.interval = DataInterval{*run.logical_date, *ParseInstant("2026-01-05T00:00:00Z")};
  }
  const UtcZones zones;
  LaunchOptions options;
  options.zones = &zones;
  options.logs_dir = "/logs";
  options.connection = [](const std::string&) { return Value(Value::Map{{"host", "h"}, {"password", "s3cret"}}); };
  return AskSensor(LaunchRequest{*loaded.dag, 0, run, AttemptOpened{AttemptId{1}, RunId{1}, 0, 1}, 1, Value()}, options,
                   kNow);
}
std::string Asked(const std::string& sensor, const std::string& more = "", bool dated = true) {
  const auto job = Ask(sensor, more, dated);
  return job ? ToJson(*job) : job.error().message;
}

TEST(AskSensor, RendersTemplates) {
  EXPECT_EQ(Asked("{file: '/in/{{ ds }}.csv'}"), R"({"file":{"path":"/in/2026-01-04.csv"}})");
  EXPECT_EQ(Asked("{port: {host: '{{ dag.dag_id }}.local', port: 80}}"), R"({"port":{"host":"d.local","port":80}})");
}

TEST(AskSensor, PathsAreFromTheWorkingDirectory) {
  EXPECT_EQ(Asked("{file: in.csv}"), R"({"file":{"path":"/dags/in.csv"}})");
  EXPECT_EQ(Asked("{glob: 'in/*.csv'}", "working_dir: /data/{{ ds }}"),
            R"({"glob":{"pattern":"/data/2026-01-04/in/*.csv"}})");
}

TEST(AskSensor, ATimeOfDayIsThatOfTheDayInTheZoneOfTheDag) {
  EXPECT_EQ(Asked("{time: '08:30'}"), R"({"time":{"at":"2026-01-05T08:30:00Z"}})");
  EXPECT_EQ(Asked("{time: '2026-01-06T08:30:00+02:00'}"), R"({"time":{"at":"2026-01-06T06:30:00Z"}})");
  EXPECT_EQ(Asked("{time: '{{ data_interval_end }}'}"), R"({"time":{"at":"2026-01-05T00:00:00Z"}})");
}

TEST(AskSensor, ADeltaCountsFromTheEndOfTheDataInterval) {
  EXPECT_EQ(Asked("{delta: 2h}"), R"({"delta":{"at":"2026-01-05T02:00:00Z"}})");
  EXPECT_EQ(Asked("{delta: 2h}", "", false), R"({"delta":{"at":"2026-01-05T08:00:00Z"}})");
}

TEST(AskSensor, AnotherRunHasTheSameDateOrOneBefore) {
  EXPECT_THAT(Asked("{dag: sales}"), HasSubstr(R"("logical_date":"2026-01-04T00:00:00Z")"));
  EXPECT_THAT(Asked("{dag: {dag_id: sales, offset: 1h}}"), HasSubstr(R"("logical_date":"2026-01-03T23:00:00Z")"));
  EXPECT_THAT(Asked("{dag: {dag_id: sales, logical_date: '{{ data_interval_end }}'}}"),
              HasSubstr(R"("logical_date":"2026-01-05T00:00:00Z")"));
  EXPECT_THAT(Asked("{dag: {dag_id: sales, run_id: '{{ run_id }}'}}", "", false), HasSubstr(R"("run_id":"r")"));
}

TEST(AskSensor, ARequestIsRenderedAsItsPlacesAskFor) {
  EXPECT_EQ(Asked("{http: {connection: c, url: '/{{ run_id }}?a={{ \"x y\" }}', json: {n: '{{ 1 + 1 }}'}}}"),
            R"({"http":{"connection":"c","url":"/r?a=x%20y","json":{"n":2}}})");
}

TEST(AskSensor, AQueryBindsItsValues) {
  EXPECT_EQ(Asked("{sql: {connection: c, query: 'select 1 where d = {{ ds }}'}}"),
            R"({"sql":{"connection":"c","statements":[{"text":"select 1 where d = $1","line":1,)"
            R"("params":["2026-01-04"]}]}})");
}

TEST(AskSensor, ACommandHasItsEnvironmentAndFolder) {
  const auto job = Ask("{command: 'test -e {{ dag_run.conf.given }}'}", "env: {DAY: '{{ ds }}'}");
  ASSERT_TRUE(job.ok()) << job.error().message;
  const Value& command = *job->Find("command");
  EXPECT_EQ(ToJson(*command.Find("argv")), R"(["bash","-c","test -e 'a b'"])");
  EXPECT_EQ(command.Find("working_dir")->string(), "/dags");
  EXPECT_EQ(command.Find("env")->Find("DAY")->string(), "2026-01-04");
  EXPECT_EQ(command.Find("env")->Find("PIPELINED_TASK_ID")->string(), "wait");
  EXPECT_EQ(command.Find("env")->Find("PATH"), nullptr);  // what it inherits is not stored
  EXPECT_EQ(command.Find("log")->string(), "/logs/dag_id=d/run_id=r/task_id=wait/attempt=1.log");
  EXPECT_EQ(command.Find("timeout")->integer(), 300'000'000);
  EXPECT_THAT(Asked("{command: {exec: [test, '{{ ds }}'], timeout: 1s}}"),
              HasSubstr(R"("argv":["test","2026-01-04"])"));
}

TEST(AskSensor, NoSecretIsStored) {
  for (const char* sensor : {"{http: {url: 'http://h', headers: {X: '{{ conn.c.password }}'}}}",
                             "{sql: {connection: c, query: 'select {{ conn.c.password }}'}}",
                             "{command: 'test {{ conn.c.password }}'}", "{file: '/{{ conn.c.password }}'}"}) {
    EXPECT_THAT(Asked(sensor), HasSubstr("a password or another secret may not stand here")) << sensor;
  }
  EXPECT_THAT(Asked("{command: 'true'}", "env: {X: '{{ conn.c.password }}'}"), HasSubstr("env.X: a password"));
  EXPECT_THAT(Asked("{http: 'http://{{ conn.c.host }}/'}"), HasSubstr("http://h/"));
}

TEST(AskSensor, AnEventCountsFromTheDataIntervalOn) {
  EXPECT_EQ(Asked("{asset: orders}"), R"({"asset":{"uri":"orders","since":"2026-01-04T00:00:00Z"}})");
  EXPECT_EQ(Asked("{asset: orders}", "", false), R"({"asset":{"uri":"orders","since":"2026-01-05T06:00:00Z"}})");
  EXPECT_EQ(Asked("{asset: {uri: orders, since: '{{ data_interval_end }}'}}"),
            R"({"asset":{"uri":"orders","since":"2026-01-05T00:00:00Z"}})");
  EXPECT_THAT(Asked("{asset: {uri: orders, since: '{{ ds }}'}}"), HasSubstr("sensor.asset: since"));
}

TEST(AskSensor, WhatCannotBeUsedIsSaid) {
  EXPECT_THAT(Asked("{dag: sales}", "", false), HasSubstr("this run has no logical date"));
  EXPECT_THAT(Asked("{time: '{{ dag.dag_id }}'}"), HasSubstr("sensor.time: \"d\" is neither"));
  EXPECT_THAT(Asked("{dag: {dag_id: sales, logical_date: '{{ ds }}'}}"), HasSubstr("no date with its offset"));
  EXPECT_THAT(Asked("{file: '{{ dag_run.conf.name }}'}"), HasSubstr("sensor.file.path"));
}

}  // namespace
}  // namespace pipelined
