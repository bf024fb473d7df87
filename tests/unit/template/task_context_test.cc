#include "pipelined/template/task_context.h"

#include <gmock/gmock.h>

#include "pipelined/schema/json.h"

namespace pipelined {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

class TaskNames : public ::testing::Test {
 protected:
  TaskNames() {
    dag_.id = "sales";
    for (const char* id : {"extract", "load.one", "report"}) {
      dag_.tasks.push_back(Task{});
      dag_.tasks.back().id = id;
    }
    EXPECT_TRUE(dag_.Link({{0, 1}, {1, 2}}).ok());
    dag_.params = {Param{"region", *ParseJson(R"({"type": "string", "enum": ["eu", "us"]})"), Value("eu")},
                   Param{"limit", *ParseJson(R"({"type": "integer", "minimum": 1})"), std::nullopt}};
    context_.dag = &dag_;
    context_.task = &dag_.tasks[2];
    context_.run.run_id = "manual__x";
    context_.run.run_type = "manual";
    context_.run.logical_date = *ParseInstant("2026-03-01T06:00:00Z");
    context_.run.data_interval = DataInterval{*context_.run.logical_date, *context_.run.logical_date};
    context_.run.params = *ParseJson(R"({"region": "eu", "who": "a 'b"})");
    outputs_ = *ParseJson(R"({"rows": 42, "return_value": [1]})");
    context_.outputs = [this](std::string_view id) { return id == "report" ? nullptr : &outputs_; };
  }

  std::string Render(std::string_view text, Quote quote = Quote::kNone) {
    RenderOptions options;
    options.quote = quote;
    const auto rendered = Template::Parse(text)->Render(*MakeTaskScope(context_), options);
    return rendered ? *rendered : "error " + rendered.error().message + " (" + rendered.error().hint + ")";
  }

  Dag dag_;
  TaskContext context_;
  Value outputs_;
};

TEST_F(TaskNames, OutputsOfUpstreamTasksAreReachedById) {
  EXPECT_EQ(Render("{{ tasks.extract.rows + 1 }} {{ tasks.load.one.rows }} {{ tasks['load.one']['rows'] }}"),
            "43 42 42");
  EXPECT_EQ(Render("{{ ti.xcom_pull(task_ids='extract') }} {{ ti.xcom_pull('extract', key='rows') }} {{ "
                   "ti.xcom_pull(['extract', 'report']) }}"),
            "[1] 42 [[1], None]");
  EXPECT_EQ(Render("{{ tasks.extract.row }}"),
            "error 1:18: there is no \"row\" in the outputs of the task \"extract\" (did you mean \"rows\"?)");
  EXPECT_EQ(Render("{{ tasks.extarct.rows }}"),
            "error 1:10: there is no \"extarct\" in tasks (did you mean \"extract\"?)");
  EXPECT_THAT(Render("{{ tasks.report.rows }}"), HasSubstr("the task \"report\" has given no outputs"));
}

TEST_F(TaskNames, ValuesFromOutsideAreQuotedAndThoseOfTheEngineAreNot) {
  EXPECT_EQ(Render("{{ params.who }} {{ params.region | upper }} {{ tasks.extract.rows }} {{ run_id }}", Quote::kShell),
            "'a '\\''b' 'EU' '42' 'manual__x'");
  EXPECT_EQ(Render("{{ ds }} {{ dag.dag_id }} {{ task.task_id }} {{ ts_nodash }}", Quote::kShell),
            "2026-03-01 sales report 20260301T060000");
}

TEST_F(TaskNames, NamesOfTheLogicalDateAreUndefinedWithoutOne) {
  context_.run.logical_date.reset();
  EXPECT_THAT(Render("{{ ds }}"), HasSubstr("this run has no logical date"));
  EXPECT_EQ(Render("{{ ds | default('none') }} {{ run_id }}"), "none manual__x");
}

TEST_F(TaskNames, NamesThatAirflow3DroppedSayWhatToUse) {
  EXPECT_EQ(Render("{{ execution_date }}"), "error 1:4: there is no name \"execution_date\" (use logical_date)");
}

TEST_F(TaskNames, DatesCountByTheWallClockOfTheirZone) {
  context_.zone_offset = [](std::string_view, Instant at) -> std::optional<Seconds> {  // Zurich's change to summer time
    return Seconds(at < *ParseInstant("2026-03-29T01:00:00Z") ? 3600 : 7200);
  };
  EXPECT_EQ(Render("{% set d = macros.datetime(2026, 3, 28, 12).in_timezone('Europe/Zurich') %}{{ d }} {{ "
                   "d.add(days=1) }} {{ d + macros.timedelta(days=1) }}"),
            "2026-03-28 13:00:00+01:00 2026-03-29 13:00:00+02:00 2026-03-29 14:00:00+02:00");
}

TEST_F(TaskNames, TheEnvironmentCarriesOurNamesAndAirflows) {
  const auto env = Environment(context_);
  EXPECT_THAT(env, Contains(Pair("PIPELINED_LOGICAL_DATE", "2026-03-01T06:00:00+00:00")));
  EXPECT_THAT(env, Contains(Pair("PIPELINED_PARAMS", R"({"region":"eu","who":"a 'b"})")));
  EXPECT_THAT(env, Contains(Pair("AIRFLOW_CTX_DAG_RUN_ID", "manual__x")));
  context_.run.logical_date.reset();
  EXPECT_THAT(Environment(context_), Not(Contains(Pair("PIPELINED_LOGICAL_DATE", ::testing::_))));
}

TEST_F(TaskNames, ConfOverridesTheDefaultsOfParams) {
  EXPECT_EQ(ToJson(*ResolveParams(dag_, *ParseJson(R"({"limit": 3, "extra": [1]})"))),
            R"({"region":"eu","limit":3,"extra":[1]})");
  EXPECT_EQ(ResolveParams(dag_, *ParseJson(R"({"region": "mars"})")).error().message,
            "params.region: \"mars\" is not one of \"eu\", \"us\"; params.limit: is required");
  EXPECT_EQ(ResolveParams(dag_, *ParseJson(R"({"limit": 0})")).error().message, "params.limit: must be ≥ 1, not 0");
  EXPECT_FALSE(ResolveParams(dag_, Value("x")).ok());
}

TEST_F(TaskNames, WhatCannotWorkIsFoundAtLoadTime) {
  const auto check = [this](std::string_view text) {
    std::vector<std::string> found;
    for (const NameProblem& p : CheckNames(*Template::Parse(text), dag_, 1)) {
      found.push_back((p.warning ? "warning " : "") + std::to_string(p.where.column) + ": " + p.message +
                      (p.hint.empty() ? "" : " (" + p.hint + ")"));
    }
    return found;
  };
  EXPECT_THAT(
      check("{{ ds }}{{ params.region }}{{ tasks.extract.rows }}{{ maybe | default(1) }}{{ macros.ds_add(ds, 1) }}"),
      ElementsAre());
  EXPECT_THAT(check("{{ dss }}"), ElementsAre("4: there is no name \"dss\" (did you mean \"ds\"?)"));
  EXPECT_THAT(check("{{ tasks.report.x }}"),
              ElementsAre("4: \"report\" is not upstream of \"load.one\", so its outputs may not be there yet (add "
                          "\"report\" to depends_on)"));
  EXPECT_THAT(check("{{ tasks.extrat.x }}"), ElementsAre("4: there is no task \"extrat\" (did you mean \"extract\"?)"));
  EXPECT_THAT(check("{{ params.regoin }}"),
              ElementsAre("warning 4: the parameter \"regoin\" is not declared (did you mean \"region\"?)"));
  EXPECT_THAT(check("{{ dag.name }}"), ElementsAre("4: there is no \"name\" in dag"));
}

}  // namespace
}  // namespace pipelined
