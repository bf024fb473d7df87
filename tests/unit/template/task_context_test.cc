#include "pipelined/template/task_context.h"

#include <fmt/format.h>
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

TEST_F(TaskNames, OutputsArePulledWithTheArgumentsOfAirflow) {
  EXPECT_EQ(
      Render("{{ ti.xcom_pull('report', default='none yet') }} {{ ti.xcom_pull('extract', key='no', default=7) }} "
             "{{ ti.xcom_pull(['extract', 'report'], default=0) }} {{ ti.xcom_pull(key='rows', default='own') }}"),
      "none yet 7 [[1], 0] own");
  EXPECT_EQ(Render("{{ ti.xcom_pull('extract', dag_id='sales', run_id=run_id, key='rows', map_indexes=-1) }} "
                   "{{ ti.xcom_pull('extract', map_indexes=0, default='not mapped') }}"),
            "42 not mapped");
  dag_.tasks[0].mapped = 1;
  outputs_ = *ParseJson(R"({"return_value": [5, null, 7]})");
  EXPECT_EQ(Render("{{ ti.xcom_pull('extract', map_indexes=2) }} {{ ti.xcom_pull('extract', map_indexes=[0, 3]) }} "
                   "{{ ti.xcom_pull('extract') }}"),
            "7 [5, None] [5, None, 7]");
  for (const std::string_view other : {"dag_id='x'", "run_id='x'", "include_prior_dates=true"})
    EXPECT_THAT(Render(fmt::format("{{{{ ti.xcom_pull('extract', {}) }}}}", other)),
                HasSubstr("outputs of other runs"));
  EXPECT_THAT(Render("{{ ti.xcom_pull('extract', defualt=1) }}"), HasSubstr("unexpected argument 'defualt'"));
}

TEST_F(TaskNames, DatesGiveTheirMonthAndWeek) {
  EXPECT_EQ(Render("{{ logical_date.last_of('month') }} {{ logical_date.first_of('year') | ds }} "
                   "{{ logical_date.isocalendar() }} {{ logical_date.isocalendar()[1] }}"),
            "2026-03-31 00:00:00+00:00 2026-01-01 (2026, 9, 7) 9");
  EXPECT_THAT(Render("{{ logical_date.last_of('week') }}"), HasSubstr("must be month or year"));
}

TEST_F(TaskNames, ATaskIsNoValue) {
  EXPECT_EQ(Render("{{ tasks.extract }}"),
            "error 1:4: tasks.extract is no value (name an output: tasks.extract.<key>)");
  EXPECT_THAT(Render("{{ tasks }}"), HasSubstr("name an output: tasks.<id>.<key>"));
  EXPECT_THAT(Render("{{ tasks.extract | tojson }}"), HasSubstr("tasks.extract is no value"));
  EXPECT_THAT(Render("{{ 'x' ~ tasks.extract }}"), HasSubstr("tasks.extract is no value"));
  EXPECT_EQ(Render("{% if tasks.extract is defined %}{% set t = tasks.extract %}{{ t.rows }}{% endif %}"), "42");
}

TEST_F(TaskNames, DagTaskAndTryHaveWhatStandsInTheFile) {
  dag_.max_active_tasks = 4;
  dag_.schedule.start_date = *ParseInstant("2026-01-01T00:00:00Z");
  context_.run.params.Set("region", "us");
  Task& task = dag_.tasks[2];
  task.retry.delay = Seconds(90);
  task.execution_timeout = Seconds(3600);
  EXPECT_EQ(
      Render(
          "{{ dag.max_active_tasks }} {{ dag.catchup }} {{ dag.start_date | ds }} {{ dag.end_date }} {{ dag.doc_md }} "
          "{{ dag.params }} {{ params.region }}"),
      "4 False 2026-01-01 None None {'region': 'eu'} us");
  EXPECT_EQ(Render("{{ task.retry_delay }} {{ task.execution_timeout.total_seconds() }} {{ task.trigger_rule }} "
                   "{{ task.depends_on_past }} {{ task.doc_md }} {{ ti.state }}"),
            "0:01:30 3600.0 all_success False None running");
}

TEST_F(TaskNames, ValuesFromOutsideAreQuotedAndThoseOfTheEngineAreNot) {
  EXPECT_EQ(Render("{{ params.who }} {{ params.region | upper }} {{ tasks.extract.rows }} {{ run_id }}", Quote::kShell),
            "'a '\\''b' 'EU' '42' 'manual__x'");
  EXPECT_EQ(Render("{{ ds }} {{ dag.dag_id }} {{ task.task_id }} {{ ts_nodash }}", Quote::kShell),
            "2026-03-01 sales report 20260301T060000");
}

TEST_F(TaskNames, ValuesFromOutsideAreQuotedWhateverTheyWentThrough) {
  for (const char* text :
       {"params.who | indent(2)", "params.who | center(9)", "params.who | wordwrap(2)", "params.who | urlencode",
        "params.who | wordcount", "params.who | safe", "params.who | striptags", "params.who | forceescape",
        "params.who | random", "params.who | length | filesizeformat", "{'x': params.who} | xmlattr",
        "{'x': params.who} | urlencode", "(params.who | batch(3) | list)[0][0]", "(params.who | slice(2) | list)[0][0]",
        "([{'a': params.who}] | groupby('a'))[0].grouper", "([{'a': params.who}] | groupby('a'))[0].list[0].a",
        "namespace(x=params.who).x", "cycler(params.who).next()", "[params.who] | map('center', 9) | first"}) {
    const std::string rendered = Render(std::string("{{ ") + text + " }}", Quote::kShell);
    EXPECT_TRUE(rendered.starts_with('\'') && rendered.ends_with('\'')) << text << " " << rendered;
  }
  EXPECT_EQ(
      Render("{% set ns = namespace() %}{% set ns.x = params.who %}{{ ns.x }} {{ namespace(x=1).x }}", Quote::kShell),
      "'a '\\''b' 1");
}

TEST_F(TaskNames, DatesAreWrittenInALanguage) {
  EXPECT_EQ(Render("{{ macros.ds_format_locale(ds, '%Y-%m-%d', 'EEEE dd MMMM yyyy', 'fr') }}"),
            "dimanche 01 mars 2026");
  EXPECT_EQ(Render("{{ macros.ds_format_locale('12/07/2026', '%d/%m/%Y', \"EEE, d. MMM yy 'um' H''\", "
                   "locale_name='de_DE') }}"),
            "So., 12. Juli 26 um 0'");
  EXPECT_EQ(Render("{{ macros.ds_format_locale('2026-12-31 15:04:05', '%Y-%m-%d %H:%M:%S', 'hh:mm:ss a D Q MM/dd') }}"),
            "03:04:05 PM 365 4 12/31");
  EXPECT_EQ(Render("{% for l in ['en', 'es', 'it', 'nl', 'pt_BR'] %}{{ macros.ds_format_locale(ds, '%Y-%m-%d', 'EEEE '"
                   "'EEE MMMM MMM', l) }};{% endfor %}"),
            "Sunday Sun March Mar;domingo dom marzo mar;domenica dom marzo mar;zondag zo maart mrt;domingo dom. março "
            "mar.;");
  EXPECT_EQ(
      Render("{{ macros.ds_format_locale(ds, '%Y-%m-%d', 'dd', 'de_AT') }}"),
      "error 1:11: there is no locale \"de_AT\" here (these are: en en_US de de_DE de_CH fr fr_FR fr_CH es es_ES it "
      "it_IT it_CH nl nl_NL nl_BE pt pt_BR)");
  EXPECT_EQ(Render("{{ macros.ds_format_locale(ds, '%Y-%m-%d', 'dd.MM.YY') }}"),
            "error 1:11: a date has no \"YY\" here (Y is the year that the week belongs to: use y)");
  EXPECT_THAT(Render("{{ macros.ds_format_locale(ds, '%Y-%m-%d', 'y' * 3000000) }}"), HasSubstr("too much memory"));
}

TEST_F(TaskNames, MonthsAreAddedToDates) {
  const auto add = [this](const std::string& by) {
    return Render(
        "{% set r = macros.dateutil.relativedelta.relativedelta %}{% set d = macros.datetime(2026, 1, 31, 6) "
        "%}{{ " +
        by + " }}");
  };
  EXPECT_EQ(add("d + r(months=1)"), "2026-02-28 06:00:00");
  EXPECT_EQ(add("d - r(years=2, months=11)"), "2023-02-28 06:00:00");
  EXPECT_EQ(add("r(months=+1, day=1, hour=0) + d"), "2026-02-01 00:00:00");
  EXPECT_EQ(add("d + r(weeks=1, days=-1, hours=25, seconds=-1)"), "2026-02-07 06:59:59");
  EXPECT_EQ(add("d + r(months=1) * 13"), "2027-02-28 06:00:00");
  EXPECT_EQ(add("d + -r(months=1)"), "2025-12-31 06:00:00");
  EXPECT_EQ(add("r(months=14, hours=-30, year=2020)"),
            "relativedelta(years=+1, months=+2, days=-1, hours=-6, year=2020)");
  EXPECT_EQ(add("r(months=1, days=2) + r(months=2, day=3) - r(days=1)"), "relativedelta(months=+3, days=+1, day=3)");
  EXPECT_EQ(add("r(d, macros.datetime(2024, 2, 29, 7))"), "relativedelta(years=+1, months=+11, days=+1, hours=+23)");
  EXPECT_EQ(add("r(macros.datetime(2024, 2, 29), d).months"), "-11");
  EXPECT_EQ(Render("{{ (logical_date + macros.dateutil.relativedelta.relativedelta(months=1)) | ds }}"), "2026-04-01");
  EXPECT_THAT(add("d + r(years=9000)"), HasSubstr("out of range"));
  EXPECT_THAT(add("d + r(days=10 ** 12)"), HasSubstr("out of range"));
  EXPECT_THAT(add("r(years=10 ** 13)"), HasSubstr("years is too large"));
  EXPECT_THAT(add("r(months=10 ** 11) * 10 ** 11"), HasSubstr("too large"));
  EXPECT_THAT(add("d + r(month=13)"), HasSubstr("error"));
  EXPECT_THAT(add("r(weekday=1)"), HasSubstr("knows no weekday here (use start_of"));
  EXPECT_THAT(add("r(moths=1)"), HasSubstr("unexpected argument 'moths'"));
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

class OutsideValues : public TaskNames {
 protected:
  OutsideValues() {
    context_.variable = [this](std::string_view key) -> Result<std::string> {
      const Value* value = variables_.Find(key);
      if (value == nullptr) return Error{ErrorCode::kNotFound, "", ""};
      return value->string();
    };
    context_.connection = [this](std::string_view id) -> Result<Value> {
      if (id == "away") return Error{ErrorCode::kUnavailable, "the database is away", ""};
      const Value* value = connections_.Find(id);
      if (value == nullptr) return Error{ErrorCode::kNotFound, "", ""};
      return *value;
    };
    context_.on_secret = [this](const std::string& secret) { read_.push_back(secret); };
  }
  bool HoldsSecret(std::string_view text) {
    bool secret = false;
    RenderOptions options;
    options.secret = &secret;
    const auto rendered = Template::Parse(text)->Render(*MakeTaskScope(context_), options);
    EXPECT_TRUE(rendered.ok()) << text << ": " << rendered.error().message;
    return secret;
  }

  Value variables_ = *ParseJson(
      R"({"region": "eu", "api_token": "t0ken", "limits": "{\"rows\": 5, \"password\": \"hidden\"}", "text": "no json"})");
  Value connections_ = *ParseJson(
      R"({"db": {"conn_type": "postgres", "host": "h", "login": "ann", "password": "s3 cret", "port": 5432, "schema": "sales",
                 "extra": "{\"sslmode\": \"require\", \"api_key\": \"k3y\"}"}, "bare": {"conn_type": "http"}})");
  std::vector<std::string> read_;
};

TEST_F(OutsideValues, AreLookedUpByName) {
  EXPECT_EQ(Render("{{ var.value.region }} {{ var.value.get('nope', 'none') }} {{ var.value.get('nope') }}"),
            "eu none None");
  EXPECT_EQ(Render("{{ var.value.get('nope', default='a') }}{{ var.value.get('nope', default_var='b') }}"), "ab");
  EXPECT_EQ(Render("{{ var.json.limits.rows + 1 }} {{ var.json.get('nope', {'a': 1}).a }}"), "6 1");
  EXPECT_EQ(
      Render("{{ conn.db.conn_type }}:{{ conn.db.login }}@{{ conn.db.host }}:{{ conn.db.port }}/{{ conn.db.schema }}"),
      "postgres:ann@h:5432/sales");
  EXPECT_EQ(Render("{{ conn.get('db').conn_id }} {{ conn.bare.password }} {{ conn.bare.extra_dejson }} {{ "
                   "conn.get('nope', 'x') }}"),
            "db None {} x");
  EXPECT_EQ(Render("{{ conn.db.get_uri() }}"), "postgres://ann:s3%20cret@h:5432/sales?sslmode=require&api_key=k3y");
}

TEST_F(OutsideValues, ThatAreMissingAreErrorsThatSayWhatToDo) {
  EXPECT_THAT(Render("{{ var.value.nope }}"),
              HasSubstr("there is no variable \"nope\" (make it: pipectl variables set nope VALUE; or give a default: "
                        "var.value.get('nope', …))"));
  EXPECT_THAT(Render("{{ conn.nope.host }}"),
              HasSubstr("there is no connection \"nope\" (make it: pipectl connections add nope --conn-type TYPE)"));
  EXPECT_THAT(Render("{{ conn.db.hots }}"), HasSubstr("did you mean \"host\"?"));
  EXPECT_THAT(Render("{{ var.json.text }}"), HasSubstr("the variable \"text\" is not JSON"));
  const auto away = Template::Parse("{{ conn.away.host }}")->Render(*MakeTaskScope(context_));
  EXPECT_EQ(away.error().code, ErrorCode::kUnavailable);
  context_.variable = nullptr;
  EXPECT_THAT(Render("{{ var.value.region }}"), HasSubstr("variables cannot be used here"));
}

TEST_F(OutsideValues, OfJsonOnlyTheSecretsAreTold) {
  EXPECT_EQ(Render("{{ var.value.limits }}"), "{\"rows\": 5, \"password\": \"hidden\"}");
  EXPECT_THAT(read_, ElementsAre("hidden"));
}

TEST_F(OutsideValues, WhatIsMadeFromASecretIsToldWhenItEndsInAnError) {
  for (const char* text :
       {"{{ macros.datetime.strptime(conn.db.password | upper, '%Y') }}", "{{ (conn.db.password | upper) + 1 }}",
        "{% set x = conn.db.password | upper %}{{ x | nonsense }}",
        "{% set x %}{{ conn.db.password | upper }}{% endset %}{{ x + 1 }}",
        "{% filter upper | center(-1, 2) %}{{ conn.db.password }}{% endfilter %}",
        "{% for part in [conn.db.password | upper] %}{{ macros.ds_add(part, 1) }}{% endfor %}",
        "{{ ([conn.db.password | upper] | batch(1) | list) + 1 }}",
        "{% set ns = namespace(x=conn.db.password | upper) %}{{ ns.x + 1 }}"}) {
    std::vector<std::string> made;
    RenderOptions options;
    options.on_secret = [&made](const std::string& secret) { made.push_back(secret); };
    const auto parsed = Template::Parse(text);
    if (!parsed) continue;
    const auto rendered = parsed->Render(*MakeTaskScope(context_), options);
    EXPECT_FALSE(rendered.ok()) << text;
    EXPECT_THAT(made, Contains("S3 CRET")) << text;
  }
}

TEST_F(OutsideValues, AreMarkedWhenTheyAreSecret) {
  for (const char* text : {"{{ conn.db.password }}",
                           "{{ conn.db.password | upper | replace('S', 'x') }}",
                           "{{ conn.db.password[0] }}",
                           "{{ conn.db.password ~ 'x' }}",
                           "{{ conn.db.extra }}",
                           "{{ conn.db.extra_dejson.api_key }}",
                           "{{ conn.db.get_uri() }}",
                           "{{ var.value.api_token }}",
                           "{{ var.value.limits }}",
                           "{{ var.json.limits }}",
                           "{{ var.json.limits.password }}",
                           "{{ [1, conn.db.password] }}",
                           "{{ 'x%s' % conn.db.password }}",
                           "{{ '{}'.format(conn.db.password) }}",
                           "{% set x = conn.db.password %}{{ x }}",
                           "{% for c in conn.db.password %}{{ c }}{% endfor %}",
                           "{{ conn.db.password.split(' ')[0] }}",
                           "{% for part in conn.db.password.partition('3') %}{{ part }}{% endfor %}",
                           "{{ conn.db.password | raw }}",
                           "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(conn.db.password) }}",
                           "{% filter upper %}{{ conn.db.password }}{% endfilter %}",
                           "{{ conn.db.password | default('x') }}",
                           "{{ conn.db.extra_dejson | tojson }}",
                           "{{ [conn.db.password] | join }}",
                           "{{ conn.db.password == 'x' }}",
                           "{{ conn.db.password | urlencode }}",
                           "{{ {'p': conn.db.password} | urlencode }}",
                           "{{ [['p', conn.db.password]] | urlencode }}",
                           "{{ {'p': conn.db.password} | xmlattr }}",
                           "{{ conn.db.password | indent }}",
                           "{{ 'a\nb' | indent(conn.db.password) }}",
                           "{{ conn.db.password | center(20) }}",
                           "{{ conn.db.password | wordwrap(3) }}",
                           "{{ 'ab' | wordwrap(1, wrapstring=conn.db.password) }}",
                           "{{ conn.db.password | wordcount }}",
                           "{{ conn.db.password | length | filesizeformat }}",
                           "{{ conn.db.password | striptags }}",
                           "{{ conn.db.password | safe }}",
                           "{{ conn.db.password | forceescape }}",
                           "{{ conn.db.password | random }}",
                           "{{ conn.db.password | batch(2) | first | first }}",
                           "{{ [1] | batch(2, conn.db.password) | first | last }}",
                           "{{ [1, 2] | slice(2, conn.db.password) | first | last }}",
                           "{{ [{'k': conn.db.password}] | groupby('k') | map(attribute='grouper') | first }}",
                           "{{ [{'k': 1}] | groupby('x', default=conn.db.password) | map('first') | first }}",
                           "{{ [{'k': {'p': conn.db.password}}] | map(attribute='k.p') | first }}",
                           "{% set ns = namespace() %}{% set ns.x = conn.db.password %}{{ ns.x }}",
                           "{% set ns = namespace() %}{% set ns.x %}{{ conn.db.password }}{% endset %}{{ ns.x }}",
                           "{{ namespace({'x': conn.db.password}).x }}",
                           "{% set c = cycler(1, conn.db.password) %}{{ c.next() }}{{ c.next() }}",
                           "{% set j = joiner(conn.db.password) %}{{ j() }}{{ j() }}",
                           "{{ var.value.get('api_token', deserialize_json=false) }}",
                           "{{ var.value.get('limits', deserialize_json=true).password }}",
                           "{{ macros.dateutil.relativedelta.relativedelta(days=conn.db.password | length) }}",
                           "{{ logical_date + macros.dateutil.relativedelta.relativedelta(days=conn.db.password | "
                           "length) }}"}) {
    EXPECT_TRUE(HoldsSecret(text)) << text;
  }
  for (const char* text : {"{{ conn.db.host }}", "{{ conn.db.login }}", "{{ conn.db.extra_dejson.sslmode }}",
                           "{{ var.value.region }}", "{{ var.json.limits.rows }}", "{{ conn.bare.password }}",
                           "{{ conn.bare.get_uri() }}", "{% if conn.db.password %}x{% endif %}", "{{ params.who }}",
                           "{% set ns = namespace(a=conn.db.password, b=1) %}{{ ns.b }}",
                           "{% set c = cycler(1, conn.db.password) %}{{ c.next() }}"}) {
    EXPECT_FALSE(HoldsSecret(text)) << text;
  }
}

TEST_F(OutsideValues, TellWhatNobodyMaySee) {
  HoldsSecret("{{ conn.db.password }}{{ var.json.limits.rows }}{{ var.value.api_token }}{{ conn.db.host }}");
  EXPECT_THAT(read_, ElementsAre("s3 cret", "hidden", "t0ken"));
}

TEST_F(OutsideValues, AreReadAsJsonWhenAskedFor) {
  EXPECT_EQ(Render("{{ var.value.get('limits', deserialize_json=True).rows + 1 }} {{ var.json.get('limits').rows }}"),
            "6 5");
  EXPECT_EQ(Render("{{ var.value.get('nope', 7, deserialize_json=True) }} {{ var.json.get('nope', {'a': 1}).a }}"),
            "7 1");
  EXPECT_THAT(Render("{{ var.value.get('text', deserialize_json=True) }}"), HasSubstr("\"text\" is not JSON"));
}

TEST_F(OutsideValues, AreQuotedForBash) {
  variables_ = *ParseJson(R"({"x": "$(id)'"})");
  EXPECT_EQ(Render("echo {{ var.value.x }} \"{{ var.value.x }}\"", Quote::kShell), R"(echo '$(id)'\''' "\$(id)'")");
}

TEST_F(OutsideValues, ParamsMadeFromSecretsStaySecret) {
  context_.secret_params = {"who"};
  EXPECT_TRUE(HoldsSecret("{{ params.who }}"));
  EXPECT_TRUE(HoldsSecret("{{ params }}"));
  EXPECT_FALSE(HoldsSecret("{{ params.region }}"));
}

TEST_F(TaskNames, WhatIsRandomIsTheSameInTheSameTry) {
  const std::string text = "{{ macros.uuid.uuid4() }} {{ macros.uuid.uuid4() }} {{ macros.random() }}";
  const std::string first = Render(text);
  EXPECT_EQ(Render(text), first);
  EXPECT_EQ(first[14], '4') << first;
  EXPECT_EQ(first.size() > 76 && first[74] == '0' && first[75] == '.', true) << first;
  EXPECT_NE(first.substr(0, 36), first.substr(37, 36));
  context_.try_number = 2;
  EXPECT_NE(Render(text), first);
  // As Python's uuid module says.
  EXPECT_EQ(Render("{{ macros.uuid.uuid5(macros.uuid.NAMESPACE_DNS, 'python.org') }}"),
            "886313e1-3b8a-5372-9b90-0c9aee199e5d");
}

TEST_F(TaskNames, ARandomItemIsTheSameInTheSameTry) {
  const std::string text = "{% for i in range(40) %}{{ range(1000) | random }} {% endfor %}";
  const std::string first = Render(text);
  EXPECT_EQ(Render(text), first);
  EXPECT_NE(first.substr(0, 20), first.substr(20, 20));
  context_.try_number = 2;
  EXPECT_NE(Render(text), first);
  EXPECT_THAT(Render("{{ [] | random }}"), HasSubstr("there is no random item: it is empty"));
  EXPECT_THAT(Render("{{ {'a': 1} | random }}"), HasSubstr("random takes a list or a text, not dict"));
}

TEST_F(TaskNames, NamesThatSayLittleHereAreThere) {
  EXPECT_EQ(Render("{{ map_index_template }} {{ expanded_ti_count }} {{ triggering_asset_events }} {{ inlets }} {{ "
                   "outlets }} {{ task_reschedule_count }} {{ exception }} {{ test_mode }}"),
            "None None {} [] [] 0 None False");
  context_.expanded_ti_count = 3;
  EXPECT_EQ(Render("{{ expanded_ti_count }}"), "3");
  EXPECT_THAT(Render("{{ outlet_events }}"), HasSubstr("is an output"));
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
  EXPECT_THAT(check("{{ macros.dsadd(ds, 1) }}"),
              ElementsAre("4: there is no \"dsadd\" in macros (did you mean \"ds_add\"?)"));
  EXPECT_THAT(check("{{ macros.uuid.uuid9() }}{{ macros.dateutil.parsr.parse(ds) }}"),
              ElementsAre("4: there is no \"uuid9\" in macros.uuid (did you mean \"uuid4\"?)",
                          "29: there is no \"parsr\" in macros.dateutil (did you mean \"parser\"?)"));
  EXPECT_THAT(check("{{ macros.datetime.now() }}"),
              ElementsAre("4: macros.datetime.now is not available: a template gives the same text each time (use the "
                          "run's dates and run_id)"));
  EXPECT_THAT(check("{{ ti.xcom_push('a', 1) }}"),
              ElementsAre("4: there is no \"xcom_push\" in ti (did you mean \"xcom_pull\"?)"));
  EXPECT_THAT(check("{{ var.vlaue.x }}"), ElementsAre("4: there is no \"vlaue\" in var (did you mean \"value\"?)"));
  EXPECT_THAT(check("{{ lipsum() }}"),
              ElementsAre("4: there is no name \"lipsum\" (it makes filler text: write what is to stand there)"));
  EXPECT_THAT(check("{% set nss.x = 1 %}"), ElementsAre("8: there is no name \"nss\""));
  EXPECT_THAT(
      check("{{ ti.xcom_pull('extract') }}{{ dag_run.conf.get('x') }}{{ params.region.upper() }}{{ params.get('x') }}"
            "{{ macros.datetime(2026, 1, 1).strftime('%Y') }}{{ macros.datetime.strptime(ds, '%Y').day }}"
            "{{ var.json.get('x').y }}{{ conn.get('x') }}{{ tasks.extract.rows.get('x') }}{{ macros.random() }}"
            "{{ macros.dateutil.relativedelta.relativedelta(months=1) }}{{ macros.what() | default(1) }}"
            "{% set ns = namespace(x=1) %}{% set ns.x = 2 %}{{ ns.x }}{{ cycler(1).next() }}{{ joiner()() }}"),
      ElementsAre());
}

}  // namespace
}  // namespace pipelined
