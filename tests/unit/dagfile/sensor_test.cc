// What stands under `sensor`.
#include <gmock/gmock.h>

#include "pipelined/schema/json.h"
#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

using namespace std::chrono_literals;

SensorSpec SpecOf(const std::string& sensor) {
  const Dag dag = LoadOne("tasks: {wait: {sensor: " + sensor + "}}");
  return dag.tasks.empty() || dag.tasks[0].sensor == nullptr ? SensorSpec() : *dag.tasks[0].sensor;
}
std::string WhatOf(const std::string& sensor) {
  const SensorSpec spec = SpecOf(sensor);
  return std::string(ToString(spec.kind)) + " " + ToJson(spec.what);
}

TEST(Sensor, EachKindHasAShortForm) {
  EXPECT_EQ(WhatOf("{time: 08:30}"), R"(time {"at":"08:30"})");
  EXPECT_EQ(WhatOf("{time: '{{ data_interval_end }}'}"), R"(time {"at":"{{ data_interval_end }}"})");
  EXPECT_EQ(WhatOf("{delta: 2h}"), R"(delta {"micros":7200000000})");
  EXPECT_EQ(WhatOf("{file: '/in/{{ ds }}.csv'}"), R"(file {"path":"/in/{{ ds }}.csv"})");
  EXPECT_EQ(WhatOf("{glob: /in/*.csv}"), R"(glob {"pattern":"/in/*.csv"})");
  EXPECT_EQ(WhatOf("{dag: sales}"), R"(dag {"dag_id":"sales","allowed_states":["success"]})");
}

TEST(Sensor, EachKindHasALongForm) {
  EXPECT_EQ(WhatOf("{file: {path: a.csv, min_size: 5, stable_for: 2s}}"),
            R"(file {"path":"a.csv","min_size":5,"stable_micros":2000000})");
  EXPECT_EQ(WhatOf("{glob: {pattern: '*.csv', min_count: 3}}"), R"(glob {"pattern":"*.csv","min_count":3})");
  EXPECT_EQ(WhatOf("{task: {dag_id: sales, task_id: load, offset: 1h}}"),
            R"(task {"dag_id":"sales","task_ids":["load"],"offset_micros":3600000000,"allowed_states":["success"]})");
  EXPECT_EQ(WhatOf("{dag: {dag_id: sales, run_id: r1, allowed_states: [success, failed]}}"),
            R"(dag {"dag_id":"sales","run_id":"r1","allowed_states":["success","failed"]})");
}

TEST(Sensor, KnowsAirflowsWords) {
  EXPECT_EQ(
      WhatOf("{task: {external_dag_id: d, external_task_ids: [a, b], execution_delta: 1h, failed_states: failed}}"),
      R"(task {"dag_id":"d","task_ids":["a","b"],"offset_micros":3600000000,"failed_states":["failed"],)"
      R"("allowed_states":["success"]})");
}

TEST(Sensor, LooksAsItIsTold) {
  const SensorSpec spec = SpecOf(
      "{file: a, poke_interval: 5s, timeout: 1h, exponential_backoff: true, max_wait: 10m, soft_fail: true, "
      "silent_fail: false}");
  EXPECT_EQ(spec.poke, (PokePolicy{5s, 1h, true, 10min}));
  EXPECT_TRUE(spec.soft_fail);
  EXPECT_FALSE(spec.silent_fail);
}

TEST(Sensor, LooksEachMinuteForAWeekUnlessItIsToldOtherwise) {
  const SensorSpec spec = SpecOf("{file: a}");
  EXPECT_EQ(spec.poke, (PokePolicy{60s, 168h, false, std::nullopt}));
  EXPECT_FALSE(spec.soft_fail);
  EXPECT_TRUE(spec.silent_fail);
}

LoadResult WithProber(const std::string& sensor) {
  LoadOptions options{"/dags/d.yaml", "d.yaml", "", {}, {}};
  options.probes = true;
  return LoadText("tasks: {wait: {sensor: " + sensor + "}}", options, UtcOnly());
}

TEST(Sensor, WhatOthersHaveToAskNeedsAProber) {
  for (const char* sensor : {"{port: 'db:5432'}", "{http: 'http://x/'}", "{sql: {connection: c, query: select 1}}"}) {
    const LoadResult without = Load(std::string("tasks: {wait: {sensor: ") + sensor + "}}");
    ASSERT_EQ(without.diagnostics.size(), 1u) << sensor;
    EXPECT_EQ(without.diagnostics[0].code, "DAG017");
    EXPECT_EQ(Format(WithProber(sensor).diagnostics), "");
  }
  EXPECT_EQ(ToJson(WithProber("{port: 'db:5432'}").dags.at(0).dag->tasks[0].sensor->what),
            R"({"host":"db","port":5432})");
}

}  // namespace
}  // namespace pipelined
