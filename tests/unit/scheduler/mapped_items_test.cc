// What an instance of a mapped task has in place of keys of its task, and what data may not choose.
#include <gmock/gmock.h>

#include "pipelined/scheduler/launch.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One task with one instance, which `given` is of: evaluated, or as it stands in the file.
Result<AttemptStart> PrepareMapped(Action action, ExpandForm form, const std::string& name, const Value& given,
                                   bool is_template = true) {
  Dag dag;
  Task task;
  task.id = "m";
  task.action = std::move(action);
  task.working_dir = "/dags";
  task.env = {{"OWN", "of the task"}};
  dag.tasks.push_back(std::move(task));
  Mapping mapping;
  mapping.expand.form = form;
  ExpandValue value{name, {}, {}};
  if (is_template) value.text = "{{ params.rows }}";
  if (!is_template) value.literal = Value(Value::List{given});
  mapping.expand.values = {value};
  mapping.tasks = {0};
  dag.Map(std::move(mapping));
  EXPECT_TRUE(dag.Link({}).ok());
  const auto rows = [&](const std::string&, const std::string&) { return Result<Value>(Value(Value::List{given})); };
  const auto expansion = Expansion::Make(dag.mappings[0].expand, rows);
  if (!expansion) return expansion.error();
  RunInfo run;
  run.dag_id = "d";
  run.run_id = "r";
  AttemptOpened attempt{AttemptId{1}, RunId{1}, 0, 1};
  attempt.map_index = 0;
  LaunchRequest request{dag, 0, run, attempt, 1, Value()};
  request.expansion = *expansion;
  LaunchOptions options;
  options.logs_dir = "/logs";
  return Prepare(request, options);
}

const Action kEcho{ActionKind::kBash, {"echo load {{ item.file }}"}};
const Action kEchoWords{ActionKind::kExec, {"echo", "{{ item.file }}"}};
const Action kCode{ActionKind::kPythonCode, {"print(1)"}};

Result<AttemptStart> PrepareKwargs(const Action& action, Value::Map row, bool is_template = true) {
  row.emplace_back("file", Value("b"));
  return PrepareMapped(action, ExpandForm::kKwargs, "", Value(std::move(row)), is_template);
}

std::string EnvOf(const Result<AttemptStart>& start, const std::string& name) {
  if (!start) return start.error().message;
  for (const auto& [key, value] : start->env) {
    if (key == name) return value;
  }
  return "none";
}

TEST(MappedItems, DataCannotTakeThePlaceOfAKey) {
  const std::pair<Action, Value::Map> kRows[] = {
      {kEcho, {{"bash", Value("echo PWNED; id -un")}}},
      {kEchoWords, {{"exec", Value(Value::List{Value("id")})}}},
      {kEcho, {{"env", Value(Value::Map{{"A", Value("x")}})}}},
      {kEcho, {{"env", Value("prod")}}},
      {kEchoWords, {{"working_dir", Value("/tmp")}}},
      {kCode, {{"env", Value(Value::Map{{"PYTHONPATH", Value("/tmp")}})}}},
  };
  for (const auto& [action, row] : kRows) {
    const std::string& key = row[0].first;
    const auto start = PrepareKwargs(action, row);
    ASSERT_FALSE(start.ok()) << key;
    EXPECT_THAT(start.error().message,
                ::testing::StartsWith("expand_kwargs: an element from outside the file may not give " + key +
                                      ", a key of the task (call it something else"));
    EXPECT_THAT(start.error().message, HasSubstr("expand: {" + key + ": \"{{ … }}\"}"));
  }
}

TEST(MappedItems, OtherNamesOfDataAreValues) {
  const auto start = PrepareKwargs(kEcho, {{"exec", Value("x")}, {"retries", Value(7)}});
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_THAT(start->argv, ElementsAre("bash", "-c", "echo load 'b'"));
}

TEST(MappedItems, TheFileMayGiveEachInstanceItsKeys) {
  const auto start = PrepareKwargs(kEcho,
                                   {{"bash", Value("echo {{ run_id }}")},
                                    {"env", Value(Value::Map{{"PS4", Value("{{ item.file }}")}})},
                                    {"working_dir", Value("{{ item.file }}")}},
                                   false);
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_THAT(start->argv, ElementsAre("bash", "-c", "echo 'r'"));
  EXPECT_EQ(start->working_dir, "/dags/b");
  EXPECT_EQ(EnvOf(start, "PS4"), "b");
  EXPECT_EQ(EnvOf(start, "OWN"), "of the task");
}

TEST(MappedItems, WhatTheFileNamesIsTakenAsItIs) {
  const auto script = PrepareMapped(kEcho, ExpandForm::kCross, "bash", Value("echo {{ run_id }}; id"));
  ASSERT_TRUE(script.ok()) << script.error().message;
  EXPECT_THAT(script->argv, ElementsAre("bash", "-c", "echo {{ run_id }}; id"));
  const auto words = PrepareMapped(kEchoWords, ExpandForm::kZip, "exec", Value(Value::List{Value("id"), Value("-un")}));
  ASSERT_TRUE(words.ok()) << words.error().message;
  EXPECT_THAT(words->argv, ElementsAre("id", "-un"));
  const auto dir = PrepareMapped({ActionKind::kBash, {"x"}}, ExpandForm::kCross, "working_dir", Value("in"));
  ASSERT_TRUE(dir.ok()) << dir.error().message;
  EXPECT_EQ(dir->working_dir, "/dags/in");
}

Result<AttemptStart> PrepareWithVariable(const std::string& name) {
  return PrepareMapped({ActionKind::kBash, {"x"}}, ExpandForm::kCross, "env", Value(Value::Map{{name, Value("v")}}));
}

TEST(MappedItems, VariablesFromOutsideHavePlainNames) {
  for (const char* name : {"A", "_a1", "LDAP_HOST", "ENVIRONMENT", "PS44", "OWN", "BASH"})
    EXPECT_EQ(EnvOf(PrepareWithVariable(name), name), "v");
}

TEST(MappedItems, VariablesThatTheShellRunsAreRefused) {
  for (const char* name : {"BASH_FUNC_echo%%", "BASH_FUNC_x", "BASH_ENV", "ENV", "PS4", "PROMPT_COMMAND", "LD_PRELOAD",
                           "SHELLOPTS", "BASHOPTS", "PIPELINED_OUTPUT", "", "1A", "A-B", "A=B", "A B", "\xc3\xa4"}) {
    const auto start = PrepareWithVariable(name);
    ASSERT_FALSE(start.ok()) << name;
    EXPECT_THAT(start.error().message,
                ::testing::StartsWith("expand.env: a value from outside the file may not set the variable \""));
  }
  EXPECT_THAT(PrepareWithVariable("LD_PRELOAD").error().message, HasSubstr("\"LD_PRELOAD\" (name it in the file, in"));
}

}  // namespace
}  // namespace pipelined
