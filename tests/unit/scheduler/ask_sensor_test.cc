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
  run.run_after = *ParseInstant("2026-01-05T06:00:00Z");
  if (dated) {
    run.logical_date = *ParseInstant("2026-01-04T00:00:00Z");
    run.interval = DataInterval{*run.logical_date, *ParseInstant("2026-01-05T00:00:00Z")};
  }
  const Utc zones;
  LaunchOptions options;
  options.zones = &zones;
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

TEST(AskSensor, WhatCannotBeUsedIsSaid) {
  EXPECT_THAT(Asked("{dag: sales}", "", false), HasSubstr("this run has no logical date"));
  EXPECT_THAT(Asked("{time: '{{ dag.dag_id }}'}"), HasSubstr("sensor.time: \"d\" is neither"));
  EXPECT_THAT(Asked("{dag: {dag_id: sales, logical_date: '{{ ds }}'}}"), HasSubstr("no date with its offset"));
  EXPECT_THAT(Asked("{file: '{{ dag_run.conf.name }}'}"), HasSubstr("sensor.file.path"));
}

}  // namespace
}  // namespace pipelined
