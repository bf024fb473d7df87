#include "pipelined/scheduler/launch.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// a > b > c, and d beside them; `template` is that of c.
std::shared_ptr<Dag> Chain(const std::string& text) {
  auto dag = std::make_shared<Dag>();
  for (const char* id : {"a", "b", "c", "d"}) {
    Task task;
    task.id = id;
    task.action.kind = ActionKind::kBash;
    task.action.words = {task.id == "c" ? text : "true"};
    dag->tasks.push_back(std::move(task));
  }
  EXPECT_TRUE(dag->Link({{0, 1}, {1, 2}}).ok());
  return dag;
}
std::vector<std::string> NeededBy(const std::string& text) {
  return OutputsNeeded(*Chain(text), 2);
}

TEST(OutputsNeeded, AreOfTheTaskThatIsNamed) {
  EXPECT_THAT(NeededBy("echo {{ tasks.a.rows }}"), ElementsAre("a"));
}

TEST(OutputsNeeded, AreOfAllTasksAboveWhenXComIsPulled) {
  EXPECT_THAT(NeededBy("echo {{ ti.xcom_pull(task_ids='a') }}"), ElementsAre("a", "b"));
  EXPECT_THAT(NeededBy("echo {{ task_instance.xcom_pull(task_ids='a') }}"), ElementsAre("a", "b"));
}

TEST(OutputsNeeded, AreNoneForOtherMembersOfTheInstance) {
  EXPECT_THAT(NeededBy("echo {{ ti.try_number }}"), IsEmpty());
}

TEST(OutputsNeeded, AreOfConditionsAndBranchesToo) {
  auto dag = Chain("true");
  dag->tasks[2].when = "{{ tasks.a.rows > 0 }}";
  EXPECT_THAT(OutputsNeeded(*dag, 2), ElementsAre("a"));
  dag->tasks[2].action = {ActionKind::kBranch, {"x", "{{ tasks.b.way }}"}};
  EXPECT_THAT(OutputsNeeded(*dag, 2), ElementsAre("a", "b"));
}

TEST(NeedsPrevious, WhenATemplateNamesTheRunBefore) {
  EXPECT_TRUE(NeedsPrevious(*Chain("echo {{ prev_start_date_success }}"), 2));
  EXPECT_FALSE(NeedsPrevious(*Chain("echo {{ ds }}"), 2));
}

TEST(Prepare, RendersTheRunBefore) {
  const auto dag = Chain("echo {{ prev_data_interval_start_success | ds }}");
  RunInfo run;
  run.dag_id = "d";
  run.run_id = "r";
  LaunchRequest request{*dag, 2, run, AttemptOpened{AttemptId{1}, RunId{1}, 2, 1}, 1, Value()};
  request.previous_success =
      PreviousRun{DataInterval{*ParseInstant("2026-01-04T00:00:00Z"), *ParseInstant("2026-01-05T00:00:00Z")},
                  std::nullopt, std::nullopt};
  LaunchOptions options;
  options.logs_dir = "/logs";
  const auto start = Prepare(request, options);
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_EQ(start->argv.back(), "echo 2026-01-04");
}

// c comes with a template: within "g.", given `value` for its param x.
std::shared_ptr<Dag> Included(const std::string& script, const Value& value, bool is_template, Value schema = {}) {
  auto dag = Chain(script);
  if (schema.is_null()) schema = Value(Value::Map{});
  dag->params.push_back({"x", Value(Value::Map{}), Value("of the DAG")});
  dag->tasks[2].inclusion =
      std::make_shared<const Inclusion>(Inclusion{"g.", {{"x", std::move(schema), value, is_template}}, nullptr});
  dag->tasks[2].outer_env = {{"OUTER", "{{ params.x }}"}};
  dag->tasks[2].env = {{"INNER", "{{ params.x }}"}};
  return dag;
}

Result<AttemptStart> PrepareThird(const Dag& dag, Value outputs = {}) {
  RunInfo run;
  run.dag_id = "d";
  run.run_id = "r";
  const LaunchRequest request{dag, 2, run, AttemptOpened{AttemptId{1}, RunId{1}, 2, 1}, 1, std::move(outputs)};
  LaunchOptions options;
  options.logs_dir = "/logs";
  return Prepare(request, options);
}

std::string EnvOf(const AttemptStart& start, const std::string& name) {
  for (const auto& [key, value] : start.env) {
    if (key == name) return value;
  }
  return "none";
}

TEST(Inclusion, ParamsAreWhatTheTemplateWasGiven) {
  const auto start = PrepareThird(*Included("copy {{ params.x }}", Value("two words; ls"), false));
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_EQ(start->argv.back(), "copy 'two words; ls'");
  EXPECT_EQ(EnvOf(*start, "INNER"), "two words; ls");
  EXPECT_EQ(EnvOf(*start, "OUTER"), "of the DAG");
}

TEST(Inclusion, AGivenTemplateIsEvaluatedWhereItStands) {
  const auto dag = Included("copy {{ params.x + 1 }}", Value("{{ tasks.a.rows }}"), true);
  EXPECT_THAT(OutputsNeeded(*dag, 2), ElementsAre("a"));
  const auto start = PrepareThird(*dag, Value(Value::Map{{"a", Value(Value::Map{{"rows", Value(41)}})}}));
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_EQ(start->argv.back(), "copy '42'");
}

TEST(Inclusion, AGivenTemplateIsCheckedWhenItIsEvaluated) {
  const Value schema(Value::Map{{"type", Value("integer")}});
  const auto start = PrepareThird(*Included("copy {{ params.x }}", Value("{{ params.x }}"), true, schema));
  ASSERT_FALSE(start.ok());
  EXPECT_EQ(start.error().message, "with.x: \"of the DAG\" is not of type integer");
}

TEST(Inclusion, WhatATaskDoesNotAskForMayNotBeThereYet) {
  auto dag = Included("copy", Value("{{ tasks.a.rows }}"), true);
  dag->tasks[2].env.clear();
  EXPECT_THAT(OutputsNeeded(*dag, 2), IsEmpty());
  EXPECT_TRUE(PrepareThird(*dag).ok());
}

TEST(Inclusion, IdsOfTasksAreThoseOfTheTemplate) {
  auto dag = Included("copy {{ tasks.a.rows }}", Value(1), false);
  dag->tasks[0].id = "g.a";
  ASSERT_TRUE(dag->Link({{0, 1}, {1, 2}}).ok());
  EXPECT_THAT(OutputsNeeded(*dag, 2), ElementsAre("g.a"));
  const auto start = PrepareThird(*dag, Value(Value::Map{{"g.a", Value(Value::Map{{"rows", Value(7)}})}}));
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_EQ(start->argv.back(), "copy '7'");
}

// What tasks read of variables and connections.
Result<AttemptStart> PrepareWithValues(const Dag& dag) {
  RunInfo run;
  run.dag_id = "d";
  run.run_id = "r";
  const LaunchRequest request{dag, 2, run, AttemptOpened{AttemptId{1}, RunId{1}, 2, 1}, 1, Value()};
  LaunchOptions options;
  options.logs_dir = "/logs";
  options.variable = [](const std::string& key) -> Result<std::string> {
    if (key == "region") return std::string("eu");
    if (key == "api_token") return std::string("t0ken'");
    return Error{ErrorCode::kNotFound, "", ""};
  };
  options.connection = [](const std::string& id) -> Result<Value> {
    if (id == "away") return Error{ErrorCode::kUnavailable, "the database is away", ""};
    return Value(Value::Map{{"conn_type", Value("x")}, {"host", Value("h")}, {"password", Value("s3cret")}});
  };
  return Prepare(request, options);
}

TEST(SecretsOfTasks, AScriptThatHoldsOneIsNotOnTheCommandLine) {
  const auto start = PrepareWithValues(*Chain("login {{ conn.db.password }} {{ var.value.api_token }}"));
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_THAT(start->argv, ElementsAre("bash", "-c", R"(eval "unset PIPELINED_SCRIPT; $PIPELINED_SCRIPT")"));
  EXPECT_EQ(EnvOf(*start, "PIPELINED_SCRIPT"), R"(login 's3cret' 't0ken'\''')");
  EXPECT_THAT(start->secrets, ::testing::UnorderedElementsAre("s3cret", "t0ken'", "t0ken%27", R"(t0ken'\'')"));
}

TEST(SecretsOfTasks, AScriptWithoutOneIsAsEver) {
  const auto start = PrepareWithValues(*Chain("login {{ conn.db.host }} {{ var.value.region }}"));
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_THAT(start->argv, ElementsAre("bash", "-c", "login 'h' 'eu'"));
  EXPECT_EQ(EnvOf(*start, "PIPELINED_SCRIPT"), "none");
  EXPECT_THAT(start->secrets, IsEmpty());
}

TEST(SecretsOfTasks, TheEnvironmentMayHoldThem) {
  auto dag = Chain("login");
  dag->tasks[2].env = {{"PGPASSWORD", "{{ conn.db.password }}"}};
  const auto start = PrepareWithValues(*dag);
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_EQ(EnvOf(*start, "PGPASSWORD"), "s3cret");
  EXPECT_THAT(start->argv, ElementsAre("bash", "-c", "login"));
  EXPECT_THAT(start->secrets, ElementsAre("s3cret"));
}

TEST(SecretsOfTasks, WordsOfAProgramMayNot) {
  auto dag = Chain("");
  dag->tasks[2].action = {ActionKind::kExec, {"login", "--password={{ conn.db.password }}"}};
  const auto start = PrepareWithValues(*dag);
  ASSERT_FALSE(start.ok());
  EXPECT_THAT(start.error().message, ::testing::EndsWith("a password or another secret may not stand here, where "
                                                         "others would see it (give it to the task in env)"));
  dag->tasks[2].action.words[1] = "{{ conn.db.host }}";
  EXPECT_TRUE(PrepareWithValues(*dag).ok());
  dag->tasks[2].working_dir = "/{{ conn.db.password }}";
  EXPECT_FALSE(PrepareWithValues(*dag).ok());
}

TEST(SecretsOfTasks, ErrorsDoNotRepeatThem) {
  const auto start = PrepareWithValues(*Chain("{{ macros.ds_add(conn.db.password, 1) }}"));
  ASSERT_FALSE(start.ok());
  EXPECT_THAT(start.error().message, ::testing::Not(::testing::HasSubstr("s3cret")));
}

TEST(SecretsOfTasks, OfACommandElsewhereAreHiddenHere) {
  auto dag = Chain("");
  dag->tasks[2].action = {
      ActionKind::kSsh, {"login {{ conn.db.password }}"}, std::make_shared<const Value>(Value::Map{{"host", "there"}})};
  const auto start = PrepareWithValues(*dag);
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_THAT(start->secrets, ElementsAre("s3cret"));
}

TEST(SecretsOfTasks, WhatIsMadeFromOneIsHidden) {
  const auto start =
      PrepareWithValues(*Chain("login {{ conn.db.password | upper }} {{ var.value.api_token.split('k')[0] }}"));
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_THAT(start->secrets, ::testing::IsSupersetOf({"s3cret", "S3CRET"}));
}

TEST(SecretsOfTasks, AGivenTemplateCarriesThem) {
  auto dag = Included("login {{ params.x }}", Value("{{ conn.db.password }}"), true);
  const auto start = PrepareWithValues(*dag);
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_EQ(EnvOf(*start, "PIPELINED_SCRIPT"), "login 's3cret'");
  dag->tasks[2].action = {ActionKind::kExec, {"login", "{{ params.x }}"}};
  EXPECT_FALSE(PrepareWithValues(*dag).ok());
}

TEST(SecretsOfTasks, WhatCannotBeReadNowIsNoFailure) {
  EXPECT_EQ(PrepareWithValues(*Chain("{{ conn.away.host }}")).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(PrepareWithValues(*Chain("{{ var.value.nope }}")).error().code, ErrorCode::kNotFound);
}

// `c` with what is said of its process.
std::shared_ptr<Dag> Invoked(const std::string& script, Invocation how) {
  auto dag = Chain(script);
  dag->tasks[2].invocation = std::make_shared<const Invocation>(std::move(how));
  return dag;
}

TEST(StdinOfTasks, IsRenderedAsItIs) {
  Invocation how;
  how.stdin_text = "{{ tasks.a.rows }}; $(x) {{ conn.db.host }}\n";
  const auto dag = Invoked("cat", how);
  EXPECT_THAT(OutputsNeeded(*dag, 2), ElementsAre("a"));
  how.stdin_text = "'{{ conn.db.host }}' {{ var.value.region }} {{ run_id }}";
  const auto start = PrepareWithValues(*Invoked("cat", how));
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_EQ(start->input, "'h' eu r");
  EXPECT_EQ(start->input_path, "");
  const auto given = PrepareThird(*dag, Value(Value::Map{{"a", Value(Value::Map{{"rows", Value("'`x`")}})}}));
  EXPECT_FALSE(given.ok()) << "no connections there";
}

TEST(StdinOfTasks, MayHoldSecretsThatTheLogHides) {
  Invocation how;
  how.stdin_text = "{{ conn.db.password }}";
  const auto start = PrepareWithValues(*Invoked("login", how));
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_EQ(start->input, "s3cret");
  EXPECT_THAT(start->secrets, ElementsAre("s3cret"));
  EXPECT_THAT(start->argv, ElementsAre("bash", "-c", "login"));
  EXPECT_EQ(EnvOf(*start, "PIPELINED_SCRIPT"), "none");
}

TEST(StdinOfTasks, MayBeAFileWhoseNameIsNoSecret) {
  Invocation how;
  how.stdin_file = "in/{{ var.value.region }}.csv";
  const auto start = PrepareWithValues(*Invoked("cat", how));
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_EQ(start->input_path, "in/eu.csv");
  EXPECT_EQ(start->input, std::nullopt);
  how.stdin_file = "{{ conn.db.password }}";
  EXPECT_FALSE(PrepareWithValues(*Invoked("cat", how)).ok());
}

TEST(ProcessesOfTasks, HaveTheirUmaskAndNiceness) {
  Invocation how;
  how.umask = 027;
  how.nice = -5;
  const auto start = PrepareThird(*Invoked("x", how));
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_EQ(start->umask, 027U);
  EXPECT_EQ(start->nice, -5);
  EXPECT_EQ(PrepareThird(*Chain("x"))->umask, std::nullopt);
  EXPECT_EQ(PrepareThird(*Chain("x"))->nice, std::nullopt);
}

std::vector<std::string> ShellArgv(std::vector<std::string> shell, const std::string& script) {
  Invocation how;
  how.shell = std::move(shell);
  const auto start = PrepareWithValues(*Invoked(script, how));
  EXPECT_TRUE(start.ok()) << start.error().message;
  return start.ok() ? start->argv : std::vector<std::string>{};
}

TEST(ShellsOfTasks, GetTheScriptAtItsPlace) {
  EXPECT_THAT(ShellArgv({"zsh"}, "x"), ElementsAre("zsh", "-c", "x"));
  EXPECT_THAT(ShellArgv({"bash", "-euo", "pipefail"}, "x"), ElementsAre("bash", "-euo", "pipefail", "-c", "x"));
  EXPECT_THAT(ShellArgv({"busybox", "sh", "-c", "{}", "name"}, "x"), ElementsAre("busybox", "sh", "-c", "x", "name"));
}

TEST(ShellsOfTasks, HaveTheirQuoting) {
  EXPECT_THAT(ShellArgv({"bash"}, "$'{{ var.value.region }}'"), ElementsAre("bash", "-c", "$'eu'"));
  EXPECT_THAT(ShellArgv({"/bin/sh"}, "x {{ var.value.region }}"), ElementsAre("/bin/sh", "-c", "x 'eu'"));
  Invocation how;
  how.shell = {"sh"};
  const auto start = PrepareWithValues(*Invoked("$'{{ var.value.region }}'", how));
  ASSERT_FALSE(start.ok());
  EXPECT_THAT(start.error().message, ::testing::HasSubstr("after $'…', which not every shell reads as bash does"));
}

TEST(ShellsOfTasks, ThatNobodyCanQuoteForGetNoValues) {
  Invocation how;
  how.shell = {"zsh"};
  const auto start = PrepareWithValues(*Invoked("exit {{ var.value.region }}", how));
  ASSERT_FALSE(start.ok());
  EXPECT_THAT(start.error().message, ::testing::StartsWith("bash: this script is for zsh, for which values of "));
  auto dag = Invoked("exit {{ conn.db.host }}", how);
  dag->tasks[2].action.kind = ActionKind::kSsh;
  dag->tasks[2].action.spec = std::make_shared<const Value>(Value::Map{{"host", "there"}});
  EXPECT_THAT(PrepareWithValues(*dag).error().message, ::testing::StartsWith("ssh: this script is for zsh"));
  dag->tasks[2].action.words = {"exit ${x:+3}"};
  EXPECT_TRUE(PrepareWithValues(*dag).ok());
  EXPECT_EQ(PrepareWithValues(*Invoked("exit ${x:+3}", how))->argv.back(), "exit ${x:+3}");
}

// What a shell makes of a start: all that it prints.
std::string RunWith(const AttemptStart& start, const std::string& program) {
  setenv("PIPELINED_SCRIPT", EnvOf(start, "PIPELINED_SCRIPT").c_str(), 1);
  std::FILE* pipe = popen((program + " -c '" + start.argv.back() + "'").c_str(), "r");
  std::string out(100, '\0');
  out.resize(std::fread(out.data(), 1, out.size(), pipe));
  pclose(pipe);
  unsetenv("PIPELINED_SCRIPT");
  return out;
}

TEST(ShellsOfTasks, ReadASecretScriptFromTheirEnvironment) {
  for (const char* shell : {"bash", "sh"}) {
    Invocation how;
    how.shell = {shell};
    const auto start =
        PrepareWithValues(*Invoked("echo {{ var.value.api_token }}; echo \"<$PIPELINED_SCRIPT>\"; exit 7", how));
    ASSERT_TRUE(start.ok()) << start.error().message;
    EXPECT_THAT(start->argv, ElementsAre(shell, "-c", R"(eval "unset PIPELINED_SCRIPT; $PIPELINED_SCRIPT")"));
    EXPECT_EQ(RunWith(*start, shell), "t0ken'\n<>\n") << shell;
  }
}

Result<AttemptStart> PreparePython(Value::Map spec, const std::string& run_as_user = "") {
  auto dag = Chain("");
  dag->tasks[2].action = {ActionKind::kPythonFile, {"a.py"}, std::make_shared<const Value>(std::move(spec))};
  dag->tasks[2].working_dir = "/dags/{{ run_id }}";
  dag->tasks[2].run_as_user = run_as_user;
  RunInfo run;
  run.dag_id = "d";
  run.run_id = "r";
  const LaunchRequest request{*dag, 2, run, AttemptOpened{AttemptId{1}, RunId{1}, 2, 1}, 1, Value()};
  LaunchOptions options;
  options.logs_dir = "/logs";
  options.programs_dir = "/opt/bin";
  options.venvs_dir = "/home/venvs";
  options.environment = {{"PATH", "/usr/bin"}};
  return Prepare(request, options);
}

TEST(PythonOfTasks, RunsInAnEnvironmentThatIsThere) {
  const auto start = PreparePython({{"venv", Value("envs/{{ run_id }}")}});
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_THAT(start->argv, ElementsAre("/dags/r/envs/r/bin/python", "a.py"));
  EXPECT_EQ(EnvOf(*start, "PATH"), "/dags/r/envs/r/bin:/usr/bin");
  EXPECT_EQ(EnvOf(*start, "VIRTUAL_ENV"), "/dags/r/envs/r");
  EXPECT_THAT(PreparePython({{"venv", Value("/srv/env")}})->argv, ElementsAre("/srv/env/bin/python", "a.py"));
}

TEST(PythonOfTasks, RunsInAnEnvironmentThatIsMade) {
  const auto start = PreparePython({{"requirements", Value("tiny\n")}});
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_THAT(start->argv,
              ElementsAre("python3", "-I", "/opt/bin/pipelined-venv", "run", "--folder=/home/venvs", "--", "a.py"));
  EXPECT_EQ(EnvOf(*start, "PIPELINED_REQUIREMENTS"), "tiny\n");
  EXPECT_EQ(EnvOf(*start, "PATH"), "/usr/bin");
  EXPECT_EQ(EnvOf(*start, "VIRTUAL_ENV"), "none");
}

TEST(PythonOfTasks, OfAnotherUserHasEnvironmentsOfThatUser) {
  EXPECT_THAT(PreparePython({{"requirements", Value("")}}, "nobody")->argv,
              ElementsAre("python3", "-I", "/opt/bin/pipelined-venv", "run", "--", "a.py"));
}

}  // namespace
}  // namespace pipelined
