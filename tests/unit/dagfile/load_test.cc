#include <gmock/gmock.h>

#include <set>

#include "pipelined/timetable/timetable.h"
#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr std::string_view kSales = R"(# a comment
dag_id: sales_daily
description: Load yesterday's sales and check them
schedule: "0 6 * * *"
start_date: 2026-01-01
tags: [sales, 2026]
params:
  region: {type: string, enum: [eu, us], default: eu}
  day: 0755
default_args:
  retries: 3
  retry_delay: 10s
  retry_exponential_backoff: true
tasks:
  extract:
    bash: ./extract.sh --day {{ ds }} --region {{ params.region }}
    outlets: [file:///lake/raw/sales]
  load:
    depends_on: [extract]
    exec: [/bin/load, "{{ ds }}"]
    pool: warehouse
    retries: 0
  report:
    depends_on: load
    python: {file: report.py}
    execution_timeout: 10m
    trigger_rule: all_done
)";

TEST(Load, AssetsAreOneOrAListAndReplaceThoseOfTheDefaults) {
  const Dag dag = LoadOne(R"(
default_args: {inlets: [s3://in], outlets: s3://out}
tasks:
  a: {bash: x}
  b: {bash: x, outlets: [any name, "postgres://user@db/t?x=a:b@c"]}
  c: {bash: x, outlets: []}
)");
  ASSERT_EQ(dag.tasks.size(), 3u);
  EXPECT_THAT(dag.tasks[0].inlets, ElementsAre("s3://in"));
  EXPECT_THAT(dag.tasks[0].outlets, ElementsAre("s3://out"));
  EXPECT_THAT(dag.tasks[1].outlets, ElementsAre("any name", "postgres://user@db/t?x=a:b@c"));
  EXPECT_THAT(dag.tasks[1].inlets, ElementsAre("s3://in"));
  EXPECT_THAT(dag.tasks[2].outlets, ElementsAre());
}

TEST(Load, ReadsTheExampleOfTheFormat) {
  const Dag dag = LoadOne(kSales);
  EXPECT_EQ(dag.id, "sales_daily");
  EXPECT_EQ(dag.description, "Load yesterday's sales and check them");
  EXPECT_THAT(dag.tags, ElementsAre("sales", "2026"));
  EXPECT_EQ(dag.schedule.kind, ScheduleKind::kCron);
  EXPECT_THAT(dag.schedule.crons, ElementsAre("0 6 * * *"));
  EXPECT_EQ(FormatInstant(*dag.schedule.start_date), "2026-01-01T00:00:00Z");
  EXPECT_EQ(dag.relative_file, "team/sales.yaml");
  ASSERT_EQ(dag.tasks.size(), 3u);
  const Task& extract = dag.tasks[0];
  EXPECT_EQ(extract.action.kind, ActionKind::kBash);
  EXPECT_EQ(extract.retry.retries, 3);
  EXPECT_EQ(extract.retry.delay, seconds(10));
  EXPECT_EQ(extract.retry.multiplier, 2);
  EXPECT_THAT(extract.outlets, ElementsAre("file:///lake/raw/sales"));
  EXPECT_EQ(extract.working_dir, "/dags/team");
  EXPECT_EQ(extract.line, 15);
  EXPECT_THAT(dag.tasks[1].action.words, ElementsAre("/bin/load", "{{ ds }}"));
  EXPECT_EQ(dag.tasks[1].retry.retries, 0);
  EXPECT_EQ(dag.tasks[2].execution_timeout, minutes(10));
  EXPECT_EQ(dag.tasks[2].trigger_rule, TriggerRule::kAllDone);
  EXPECT_THAT(dag.upstream.Of(2), ElementsAre(1));
  EXPECT_THAT(dag.weights, ElementsAre(3, 2, 1));
}

TEST(Load, ParamsAreSchemasWithADefaultOrPlainValues) {
  const Dag dag = LoadOne(kSales);
  ASSERT_EQ(dag.params.size(), 2u);
  EXPECT_EQ(dag.params[0].default_value, Value("eu"));
  EXPECT_EQ(dag.params[0].schema.Find("default"), nullptr);
  EXPECT_EQ(*dag.params[0].schema.Find("type"), Value("string"));
  EXPECT_EQ(dag.params[1].default_value, Value("0755"));  // a leading zero is no number to YAML 1.2
  EXPECT_EQ(LoadOne("params: {must: {type: integer}}\ntasks: {a: {empty: true}}").params[0].default_value,
            std::nullopt);
}

TEST(Load, TheFilesStemIsTheDagId) {
  EXPECT_EQ(LoadOne("tasks: {a: {empty: true}}").id, "sales");
}

TEST(Load, ScalarsAreWhatYaml12SaysInFreeValues) {
  const Dag dag = LoadOne(
      "params: {a: yes, b: true, c: '1', d: 1, e: 1.5, f: null, g: [1, {x: ~}], h: 0x1F, i: 1e3, j: -7, k: "
      "1.2.3}\ntasks: {a: {empty: true}}");
  const std::vector<Value> expected{
      "yes", true, "1", 1, 1.5, nullptr, Value::List{1, Value::Map{{"x", nullptr}}}, 31, 1000.0, -7, "1.2.3"};
  ASSERT_EQ(dag.params.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(dag.params[i].default_value, expected[i]) << dag.params[i].name;
}

TEST(Load, YesAndOnAreBoolsWhereABoolIsWanted) {
  const Dag dag = LoadOne("fail_fast: yes\nis_paused_upon_creation: on\ncatchup: no\ntasks: {a: {empty: true}}");
  EXPECT_TRUE(dag.fail_fast && dag.is_paused_upon_creation && !dag.schedule.catchup);
}

TEST(Load, EnvironmentsLieOnTopOfEachOther) {
  const Dag dag = LoadOne(
      "env: {B: dag, C: dag}\ndefault_args: {env: {C: args, D: args}}\ntasks: {a: {empty: true, env: {D: own, E: 0755, "
      "F: }}}",
      {"env: {A: near, B: near}\ndefault_args: {env: {Z: near}}", "env: {A: far, Y: far}"});
  EXPECT_THAT(dag.tasks[0].env, ElementsAre(Pair("A", "near"), Pair("Y", "far"), Pair("B", "dag"), Pair("C", "args"),
                                            Pair("Z", "near"), Pair("D", "own"), Pair("E", "0755"), Pair("F", "")));
}

TEST(Load, TheNearestDefaultsWin) {
  const std::vector<std::string> defaults{
      "default_args: {retries: 2}\nowner: near\n",
      "default_args: {retries: 1, pool: far}\nowner: far\ntags: [far]\nschedule: '@daily'"};
  const Dag dag = LoadOne("schedule: null\ntasks: {a: {bash: x}, b: {bash: x, retries: 5}}", defaults);
  EXPECT_EQ(dag.owner, "near");
  EXPECT_THAT(dag.tags, ElementsAre("far"));
  EXPECT_EQ(dag.schedule.kind, ScheduleKind::kNone);
  EXPECT_EQ(dag.tasks[0].retry.retries, 2);
  EXPECT_EQ(dag.tasks[0].pool, "far");
  EXPECT_EQ(dag.tasks[1].retry.retries, 5);
}

TEST(Load, SchedulesOfEveryForm) {
  const auto schedule = [](std::string_view text) {
    return LoadOne("schedule: " + std::string(text) + "\ntasks: {a: {empty: true}}").schedule;
  };
  EXPECT_EQ(schedule("'@daily'").crons, std::vector<std::string>{"0 0 * * *"});
  EXPECT_EQ(schedule("'@daily'").text, "@daily");
  EXPECT_EQ(schedule("'@once'").kind, ScheduleKind::kOnce);
  EXPECT_EQ(schedule("'@continuous'").kind, ScheduleKind::kContinuous);
  EXPECT_EQ(schedule("{every: 15m}").every, minutes(15));
  EXPECT_EQ(schedule("{every: 15m}").text, "every 15m");
  EXPECT_EQ(schedule("{cron: ['0 1 * * *', '@daily']}").crons, (std::vector<std::string>{"0 1 * * *", "0 0 * * *"}));
  EXPECT_THAT(schedule("{assets: {any: [a, {all: [b, c]}]}}").assets, ElementsAre("a", "b", "c"));
  EXPECT_EQ(schedule("{cron: '0 1 * * *', run_immediately: false}").kind, ScheduleKind::kCron);
}

TEST(Load, SchedulesWithWhatStandsBesideThem) {
  const auto schedule = [](std::string_view keys) {
    return LoadOne(std::string(keys) + "\ntasks: {a: {empty: true}}").schedule;
  };
  const Schedule months = schedule("schedule: {every: {years: 1, months: 2, weeks: 1, days: 3, hours: 4, seconds: 5}}");
  EXPECT_EQ(months.every_calendar, (CalendarParts{14, 10}));
  EXPECT_EQ(months.every, std::chrono::hours(4) + std::chrono::seconds(5));
  EXPECT_EQ(months.text, "every 1 year 2 months 10 days 4h5s");
  const Schedule events =
      schedule("schedule: {at: [2026-06-01, '2026-01-01T06:00:00+02:00'], restrict_to_events: true}");
  EXPECT_EQ(events.kind, ScheduleKind::kEvents);
  EXPECT_THAT(events.events, ElementsAre(*ParseInstant("2026-06-01T00:00:00Z"), *ParseInstant("2026-01-01T04:00:00Z")));
  EXPECT_TRUE(events.restrict_to_events);
  const Schedule cron =
      schedule("schedule: {cron: '0 6 * * *', interval: {months: 1}, run_immediately: {within: 10m}}");
  EXPECT_EQ(cron.interval_calendar, (CalendarParts{1, 0}));
  EXPECT_EQ(cron.first_slot, FirstSlot::kWithin);
  EXPECT_EQ(cron.first_slot_within, minutes(10));
  EXPECT_EQ(schedule("schedule: {cron: '0 6 * * *', run_immediately: true}").first_slot, FirstSlot::kAlways);
  EXPECT_EQ(schedule("schedule: {every: 15m, interval: 1h}").interval, std::chrono::hours(1));
}

TEST(Load, CalendarsAndJitter) {
  const Dag dag = LoadOne(
      "dag_id: d\nschedule: '@daily'\njitter: 5m\ncalendar: {exclude: [Weekends, friday, 2026-12-25, "
      "2026-12-24..2027-01-01], on_excluded: next}\ntasks: {a: {empty: true}}");
  const Calendar& calendar = dag.schedule.calendar;
  EXPECT_EQ(calendar.weekdays, 1 | 32 | 64);
  EXPECT_EQ(calendar.on_excluded, OnExcluded::kNext);
  ASSERT_EQ(calendar.days.size(), 2u);
  EXPECT_EQ(calendar.days[1].first, std::chrono::sys_days(std::chrono::year(2026) / 12 / 24));
  EXPECT_EQ(calendar.days[1].last, std::chrono::sys_days(std::chrono::year(2027) / 1 / 1));
  EXPECT_EQ(dag.schedule.jitter, minutes(5));
  EXPECT_EQ(dag.schedule.jitter_offset, JitterOffset("d", minutes(5)));
}

TEST(Load, ContinuousRunsOneAtATime) {
  EXPECT_EQ(LoadOne("schedule: '@continuous'\ntasks: {a: {empty: true}}").max_active_runs, 1);
  EXPECT_EQ(LoadOne("schedule: '@daily'\ntasks: {a: {empty: true}}").max_active_runs, 16);
}

TEST(Load, AliasesAndMergesStandForWhatTheyName) {
  const Dag dag = LoadOne(R"(tasks:
  a: &base {bash: echo a, pool: p, retries: 2}
  b: {<<: *base, bash: echo b}
  c: {<<: [*base, {retries: 9, priority_weight: 4}]}
  d: *base
)");
  ASSERT_EQ(dag.tasks.size(), 4u);
  EXPECT_THAT(dag.tasks[1].action.words, ElementsAre("echo b"));
  EXPECT_EQ(dag.tasks[1].pool, "p");
  EXPECT_EQ(dag.tasks[2].retry.retries, 2);
  EXPECT_EQ(dag.tasks[2].priority_weight, 4);
  EXPECT_THAT(dag.tasks[3].action.words, ElementsAre("echo a"));
}

TEST(Load, DocumentsAreDagsOfTheirOwn) {
  const LoadResult result = Load(
      "%YAML 1.2\n---\ndag_id: one\ntasks: {a: {bash: \"x ---\"}}\n...\n--- # two\ndag_id: two\ntasks:\n  a:\n    "
      "bash: |\n      x\n      --- y\n---\n");
  ASSERT_EQ(result.dags.size(), 2u) << Format(result.diagnostics);
  EXPECT_EQ(result.dags[1].dag->id, "two");
  EXPECT_EQ(result.dags[1].source.first_line, 6);
  EXPECT_EQ(result.dags[1].dag->tasks[0].line, 9);
}

TEST(Load, AByteOrderMarkAndWindowsLinesAreFine) {
  const Dag dag = LoadOne(
      "\xEF\xBB\xBF"
      "dag_id: x\r\ntasks:\r\n  a:\r\n    bash: echo\r\n");
  EXPECT_EQ(dag.id, "x");
  EXPECT_THAT(dag.tasks[0].action.words, ElementsAre("echo"));
}

TEST(Load, DefaultsOfLaterFeaturesAreAccepted) {
  EXPECT_EQ(LoadOne("tasks: {a: {bash: x, executor: local}}").tasks.size(), 1u);
}

TEST(Load, TasksMayWaitForTheRunBefore) {
  const Dag dag = LoadOne(
      "default_args: {depends_on_past: true}\ntasks: {a: {bash: x, ignore_first_depends_on_past: true}, b: {bash: x, "
      "depends_on_past: false}, c: {bash: x, depends_on_past: false, wait_for_downstream: true}}");
  EXPECT_TRUE(dag.depends_on_past);
  EXPECT_TRUE(dag.tasks[0].depends_on_past && dag.tasks[0].ignore_first_depends_on_past);
  EXPECT_FALSE(dag.tasks[1].depends_on_past);
  EXPECT_TRUE(dag.tasks[2].depends_on_past && dag.tasks[2].wait_for_downstream);  // the one implies the other
  EXPECT_FALSE(LoadOne("tasks: {a: {bash: x}}").depends_on_past);
}

TEST(Load, ADeadlineIsADurationOrAReferenceOrSeveral) {
  const auto one = LoadOne("deadline: 15m\ntasks: {a: {bash: x}}").deadlines;
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].reference, DeadlineReference::kQueuedAt);
  EXPECT_EQ(one[0].interval, std::chrono::minutes(15));
  const auto all =
      LoadOne(
          "deadline:\n  - {reference: logical_date, interval: -10m}\n  - {at: "
          "2026-01-31T06:00+01:00}\n  - {reference: average_runtime, interval: 1m, max_runs: 5}\ntasks: {a: {bash: x}}")
          .deadlines;
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(ToText(all[0]), "10m before its logical date");
  EXPECT_EQ(ToText(all[1]), "2026-01-31T05:00:00Z");
  EXPECT_EQ(ToText(all[2]), "1m after the average time of the last 5 runs");
  EXPECT_EQ(all[2].min_runs, 5);
  EXPECT_TRUE(LoadOne("deadline: null\ntasks: {a: {bash: x}}").deadlines.empty());
}

TEST(Load, OverlapSaysWhatASlotDoesThatComesTooEarly) {
  EXPECT_EQ(LoadOne("schedule: '@daily'\noverlap: cancel_running\ntasks: {a: {bash: x}}").overlap,
            Overlap::kCancelRunning);
  EXPECT_EQ(LoadOne("overlap: queue\nmax_consecutive_failed_dag_runs: 3\ntasks: {a: {bash: x}}")
                .max_consecutive_failed_dag_runs,
            3);
  // From defaults.yaml it is for the DAGs that it means something to.
  EXPECT_EQ(LoadOne("tasks: {a: {bash: x}}", {"overlap: skip"}).overlap, Overlap::kQueue);
}

TEST(ContentHash, IsAboutWhatIsSaidNotHow) {
  const std::string hash = LoadOne("dag_id: x\ntasks: {a: {bash: echo, retries: 2}}").content_hash;
  EXPECT_EQ(hash.size(), 64u);
  EXPECT_EQ(hash, LoadOne("# comment\ndag_id:   'x'\ntasks:\n  a:\n    bash: \"echo\"\n    retries: 2\n").content_hash);
  EXPECT_NE(hash, LoadOne("dag_id: x\ntasks: {a: {bash: echo, retries: 3}}").content_hash);
  EXPECT_NE(hash, LoadOne("dag_id: y\ntasks: {a: {bash: echo, retries: 2}}").content_hash);
  EXPECT_NE(hash, LoadOne("dag_id: x\ntasks: {a: {bash: echo, retries: 2}}", {"owner: me"}).content_hash);
}

TEST(ContentHash, ChangesWithEachKeyOfTheFlow) {
  const auto hash = [](const std::string& group, const std::string& task) {
    return LoadOne("dag_id: x\ntask_groups: {g: {" + group + "}, h: {}}\ntasks: {a: {bash: echo, group: g}, b: {" +
                   task + ", depends_on: a}}")
        .content_hash;
  };
  std::set<std::string> hashes;
  for (const char* group : {"", "tooltip: t", "parent: h", "default_args: {retries: 1}"})
    hashes.insert(hash(group, "bash: echo"));
  for (const char* task : {"branch: '{{ ds }}'", "short_circuit: true", "short_circuit: false", "latest_only: true",
                           "short_circuit: {condition: true, ignore_downstream_trigger_rules: false}",
                           "bash: echo, when: true", "bash: echo, skip_on_exit_code: 1",
                           "bash: echo, skip_on_exit_code: null", "bash: echo, group: g", "bash: echo, setup: true",
                           "bash: echo, teardown: true", "bash: echo, teardown: true, on_failure_fail_dagrun: true"})
    hashes.insert(hash("", task));
  EXPECT_EQ(hashes.size(), 16u);
}

TEST(ParseSource, GivesTheSameDagAgain) {
  const LoadResult loaded =
      Load("dag_id: other\ntasks: {a: {empty: true}}\n---\n" + std::string(kSales), {"default_args: {pool: p}"});
  ASSERT_EQ(loaded.dags.size(), 2u) << Format(loaded.diagnostics);
  const LoadedDag& second = loaded.dags[1];
  const Result<DagPtr> again = ParseSource(second.source, UtcOnly());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->content_hash, second.dag->content_hash);
  EXPECT_EQ((*again)->tasks[0].line, second.dag->tasks[0].line);
  EXPECT_EQ((*again)->tasks[0].pool, "p");
  EXPECT_EQ((*again)->schedule, second.dag->schedule);
}

TEST(ParseSource, SaysWhyAStoredVersionIsNoLongerReadable) {
  const Result<DagPtr> dag = ParseSource({"/d/x.yaml", "x.yaml", "tasks: {a: {bsh: x}}", 1, {}}, UtcOnly());
  ASSERT_FALSE(dag.ok());
  EXPECT_EQ(dag.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(dag.error().message, testing::HasSubstr("\"bsh\""));
}

}  // namespace
}  // namespace pipelined
