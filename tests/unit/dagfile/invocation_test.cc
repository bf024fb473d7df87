// stdin, shell, umask, nice, and environments of Python: from YAML to the model, and every mistake with its place.
#include <gmock/gmock.h>

#include <map>

#include "pipelined/dagfile/codes.h"
#include "pipelined/schema/json.h"
#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::map<std::string, std::string> kFiles{
    {"/dags/team/requirements.txt",
     "# what it needs\r\nrequests==2.32.3 \r\n\n  tiny ; python_version > '3'\t# why\nx#y\n"},
    {"/dags/team/nested.txt", "tiny\n--pre -r more.txt\n"},
    {"/dags/team/template.txt", "tiny=={{ params.x }}\n"}};

LoadResult LoadFile(const std::string& yaml, const std::string& requirements = "") {
  LoadOptions options{"/dags/team/sales.yaml", "team/sales.yaml", "", {}, {}, false, "/dags"};
  options.read_other = [&](const std::string& path) -> Result<std::string> {
    if (path == "/dags/team/given.txt") return requirements;
    const auto found = kFiles.find(path);
    if (found != kFiles.end()) return found->second;
    return Error{ErrorCode::kNotFound, path + " is not there", ""};
  };
  return LoadText(yaml, options, UtcOnly());
}
LoadResult LoadTask(const std::string& task) {
  return LoadFile("params: {x: 1}\ntasks:\n  a: {" + task + "}\n");
}

Task TaskOf(const LoadResult& result) {
  EXPECT_THAT(Format(result.diagnostics), IsEmpty());
  return result.dags.size() == 1 ? result.dags[0].dag->tasks.back() : Task();
}
Invocation HowOf(const std::string& task) {
  const Task read = TaskOf(LoadTask(task));
  return read.invocation == nullptr ? Invocation{} : *read.invocation;
}

// "line:column CODE message (hint)" of the only mistake.
std::string MistakeIn(const LoadResult& result) {
  if (result.diagnostics.size() != 1) return "there are " + std::to_string(result.diagnostics.size());
  const Diagnostic& one = result.diagnostics[0];
  return one.file + ":" + std::to_string(one.line) + ":" + std::to_string(one.column) + " " + one.code + " " +
         one.message + " (" + one.hint + ")";
}
std::string Mistake(const std::string& task) {
  return MistakeIn(LoadTask(task));
}

TEST(Invocation, IsNothingWhenNothingIsSaid) {
  EXPECT_EQ(TaskOf(LoadTask("bash: x")).invocation, nullptr);
}

TEST(Stdin, IsATextOrAFile) {
  EXPECT_EQ(HowOf("bash: cat, stdin: \"a\\nb {{ params.x }}\"").stdin_text, "a\nb {{ params.x }}");
  EXPECT_EQ(HowOf("exec: [cat], stdin: ''").stdin_text, "");
  EXPECT_EQ(HowOf("python: {code: x}, stdin: {file: 'in/{{ ds }}.csv'}").stdin_file, "in/{{ ds }}.csv");
  EXPECT_EQ(HowOf("bash: cat, stdin: {file: a}").stdin_text, std::nullopt);
}

TEST(Stdin, SaysWhatIsWrong) {
  EXPECT_EQ(Mistake("bash: cat, stdin: {}"), "team/sales.yaml:3:25 DAG019 stdin is a text, or {file: …} ()");
  EXPECT_THAT(Mistake("bash: cat, stdin: {path: a}"), HasSubstr("3:26 DAG016 stdin has no key \"path\""));
  EXPECT_THAT(Mistake("bash: cat, stdin: {file: ''}"), HasSubstr("3:32 DAG018 file may not be empty"));
  EXPECT_THAT(Mistake("bash: cat, stdin: [a]"), HasSubstr("3:25 DAG015"));
  EXPECT_THAT(Mistake("bash: cat, stdin: '{{ nobody }}'"), HasSubstr("DAG036"));
  EXPECT_THAT(Mistake("bash: cat, stdin: {file: '{{ nobody }}'}"), HasSubstr("DAG036"));
  EXPECT_THAT(Mistake("bash: cat, stdin: '{{ '"), HasSubstr("DAG035"));
}

TEST(Shell, IsAProgramAndItsOptions) {
  EXPECT_THAT(HowOf("bash: x, shell: zsh").shell, ElementsAre("zsh"));
  EXPECT_THAT(HowOf("bash: x, shell: [bash, -euo, pipefail]").shell, ElementsAre("bash", "-euo", "pipefail"));
  EXPECT_THAT(HowOf("bash: x, shell: [env, sh, -c, '{}']").shell, ElementsAre("env", "sh", "-c", "{}"));
}

TEST(Shell, SaysWhatIsWrong) {
  EXPECT_EQ(Mistake("bash: x, shell: []"),
            "team/sales.yaml:3:23 DAG018 shell needs a program as its first word (for example sh, or [bash, -euo, "
            "pipefail])");
  EXPECT_THAT(Mistake("bash: x, shell: ['{}', -c]"), HasSubstr("3:23 DAG018 shell needs a program"));
  EXPECT_THAT(Mistake("bash: x, shell: '{{ params.x }}'"), HasSubstr("3:23 DAG018 shell is no template"));
  EXPECT_THAT(Mistake("bash: x, shell: bash -e"),
              HasSubstr("3:23 DAG018 \"bash -e\" is no name of a program (write its options as a list"));
  EXPECT_THAT(Mistake("bash: x, shell: {a: b}"), HasSubstr("3:23 DAG015"));
}

TEST(Shell, ThatNobodyCanQuoteForTakesNoValues) {
  EXPECT_EQ(Mistake("bash: 'echo {{ params.x }}', shell: fish"),
            "team/sales.yaml:3:13 DAG065 this script is for fish, for which values of templates cannot be quoted (give "
            "it the value in env, and let the script read that)");
  EXPECT_THAT(Mistake("bash: 'echo {{ params.x }}', shell: [env, sh]"), HasSubstr("DAG065 this script is for env"));
  EXPECT_THAT(HowOf("bash: echo $X, shell: /usr/bin/fish, env: {X: '{{ params.x }}'}").shell,
              ElementsAre("/usr/bin/fish"));
  for (const char* known : {"sh", "/bin/dash", "ash", "bash"})
    EXPECT_THAT(HowOf("bash: 'echo {{ params.x }}', shell: " + std::string(known)).shell, ElementsAre(known));
}

TEST(Shell, ThatEvaluatesMoreThanOthersTakesNoValues) {
  for (const std::string shell : {"zsh", "/usr/bin/zsh", "ksh", "ksh93", "mksh"}) {
    EXPECT_THAT(Mistake("bash: 'echo {{ params.x }}', shell: " + shell),
                HasSubstr("DAG065 this script is for " + shell + ", for which values"));
    EXPECT_THAT(Mistake("bash: 'echo {{ params.x }}', shell: [" + shell + ", -f]"), HasSubstr("DAG065"));
    EXPECT_THAT(HowOf("bash: echo $X, shell: " + shell + ", env: {X: '{{ params.x }}'}").shell, ElementsAre(shell));
  }
}

TEST(Shell, OfDefaultsAndOfEachElementIsCheckedToo) {
  EXPECT_THAT(MistakeIn(LoadFile("default_args: {shell: fish}\ntasks:\n  a: {bash: 'echo {{ ds }}'}\n")),
              HasSubstr("3:13 DAG065"));
  EXPECT_THAT(Mistake("shell: fish, expand: {bash: ['echo {{ ds }}']}"), HasSubstr("DAG065"));
  EXPECT_THAT(Mistake("bash: x, shell: fish, expand_kwargs: [{bash: 'echo {{ ds }}'}]"), HasSubstr("DAG065"));
}

TEST(Umask, IsOctalHoweverItIsWritten) {
  for (const char* written : {"027", "'027'", "0o27", "27"})
    EXPECT_EQ(HowOf("bash: x, umask: " + std::string(written)).umask, 027U) << written;
  EXPECT_EQ(HowOf("exec: [x], umask: 0").umask, 0U);
  EXPECT_EQ(HowOf("python: {code: x}, umask: 777").umask, 0777U);
}

TEST(Umask, SaysWhatIsWrong) {
  EXPECT_EQ(Mistake("bash: x, umask: 028"),
            "team/sales.yaml:3:23 DAG018 \"028\" is no umask (three octal digits, for example 027)");
  for (const char* written : {"1000", "-1", "u=rwx", "0o", "99999999999", "'2 7'"})
    EXPECT_THAT(Mistake("bash: x, umask: " + std::string(written)), HasSubstr("DAG018")) << written;
  EXPECT_THAT(Mistake("bash: x, umask: [2, 7]"), HasSubstr("DAG015"));
}

TEST(Nice, LiesBetweenMinus20And19) {
  EXPECT_EQ(HowOf("bash: x, nice: -20").nice, -20);
  EXPECT_EQ(HowOf("exec: [x], nice: 19").nice, 19);
  EXPECT_THAT(Mistake("bash: x, nice: 20"), HasSubstr("3:22 DAG018"));
  EXPECT_THAT(Mistake("bash: x, nice: -21"), HasSubstr("3:22 DAG018"));
  EXPECT_THAT(Mistake("bash: x, nice: low"), HasSubstr("3:22 DAG015"));
}

TEST(Invocation, OfATaskStandsOnDefaults) {
  const std::string defaults = "default_args: {stdin: {file: in}, shell: [bash, -e], umask: 027, nice: 5}\n";
  const Invocation all = *TaskOf(LoadFile(defaults + "tasks: {a: {bash: x}}\n")).invocation;
  EXPECT_EQ(all.stdin_file, "in");
  EXPECT_THAT(all.shell, ElementsAre("bash", "-e"));
  EXPECT_EQ(all.umask, 027U);
  EXPECT_EQ(all.nice, 5);
  const Invocation own = *TaskOf(LoadFile(defaults + "tasks: {a: {bash: x, stdin: text, nice: 0}}\n")).invocation;
  EXPECT_EQ(own.stdin_text, "text");
  EXPECT_EQ(own.stdin_file, "");
  EXPECT_EQ(own.umask, 027U);
  EXPECT_EQ(own.nice, 0);
  EXPECT_EQ(LoadOne("tasks: {a: {bash: x}}", {"default_args: {umask: 077}"}).tasks[0].invocation->umask, 077U);
}

TEST(Invocation, BelongsToCommands) {
  EXPECT_EQ(Mistake("http: 'http://h/', stdin: x"),
            "team/sales.yaml:3:26 DAG020 task \"a\" has no process that stdin could be of (stdin belongs to bash, exec "
            "and python)");
  EXPECT_THAT(Mistake("empty: true, nice: 1"), HasSubstr("3:20 DAG020"));
  EXPECT_THAT(Mistake("sensor: {file: x}, umask: 027"), HasSubstr("3:26 DAG020"));
  EXPECT_EQ(Mistake("exec: [x], shell: zsh"),
            "team/sales.yaml:3:18 DAG020 task \"a\" has no script that shell could be of (shell belongs to bash and "
            "ssh)");
  EXPECT_THAT(Mistake("python: {code: x}, shell: zsh"), HasSubstr("DAG020"));
  const auto mixed = LoadFile("default_args: {umask: 027, shell: sh}\ntasks: {a: {empty: true}}\n");
  EXPECT_EQ(TaskOf(mixed).invocation, nullptr);
  EXPECT_NE(TaskOf(LoadFile("default_args: {shell: sh}\ntasks: {a: {exec: [x]}}\n")).invocation, nullptr);
}

std::string RequirementsOf(const std::string& python) {
  const Task task = TaskOf(LoadTask("python: {code: x, " + python + "}"));
  const Value* text = task.action.spec == nullptr ? nullptr : task.action.spec->Find("requirements");
  return text == nullptr ? "none" : text->string();
}

TEST(PythonVenv, IsThereOrIsMade) {
  EXPECT_EQ(TaskOf(LoadTask("python: {file: a.py}")).action.spec, nullptr);
  EXPECT_EQ(ToJson(*TaskOf(LoadTask("python: {file: a.py, venv: 'envs/{{ params.x }}'}")).action.spec),
            R"({"venv":"envs/{{ params.x }}"})");
  EXPECT_EQ(RequirementsOf("requirements: ['requests==2.32.3', 'tiny>1  # why', '# none']"),
            "requests==2.32.3\ntiny>1\n");
  EXPECT_EQ(RequirementsOf("requirements: []"), "");
  EXPECT_EQ(RequirementsOf("requirements: requirements.txt"), "requests==2.32.3\ntiny ; python_version > '3'\nx#y\n");
  EXPECT_EQ(RequirementsOf("requirements: ['--pre', '--require-hashes', 'pkg-r==1', '--find-links /srv/wheels']"),
            "--pre\n--require-hashes\npkg-r==1\n--find-links /srv/wheels\n");
}

TEST(PythonVenv, SaysWhatIsWrong) {
  EXPECT_EQ(Mistake("python: {code: x, venv: v, requirements: [a]}"),
            "team/sales.yaml:3:15 DAG026 python has venv or requirements, not both (venv is an environment of yours, "
            "requirements makes one)");
  EXPECT_THAT(Mistake("python: {code: x, file: y, requirements: [a]}"), HasSubstr("DAG026 python has file or code"));
  EXPECT_THAT(Mistake("python: {requirements: [a]}"), HasSubstr("3:15 DAG019 python needs file or code"));
  EXPECT_THAT(Mistake("python: {code: x, venv: ''}"), HasSubstr("3:31 DAG018 venv may not be empty"));
  EXPECT_THAT(Mistake("python: {code: x, venv: '{{ nobody }}'}"), HasSubstr("DAG036"));
  EXPECT_THAT(Mistake("python: {code: x, requirements: no.txt}"), HasSubstr("3:39 DAG057 there is no file \"no.txt\""));
  EXPECT_THAT(Mistake("python: {code: x, requirements: ../../out.txt}"), HasSubstr("3:39 DAG057"));
  EXPECT_THAT(Mistake("python: {code: x, requirements: [\"a\\nb\"]}"), HasSubstr("DAG018 a requirement is one line"));
  EXPECT_THAT(Mistake("python: {code: x, requirements: [" + std::string(110'000, 'x') + "]}"),
              HasSubstr("all of them have more than 100 KiB"));
}

TEST(PythonVenv, RequirementsAreNoTemplates) {
  EXPECT_EQ(Mistake("python: {code: x, requirements: ['tiny=={{ params.x }}']}"),
            "team/sales.yaml:3:40 DAG018 requirement \"tiny=={{ params.x }}\": requirements are no templates (make a "
            "task for each set of them)");
  EXPECT_THAT(Mistake("python: {code: x, requirements: template.txt}"), HasSubstr("team/template.txt:1:1 DAG018"));
}

TEST(PythonVenv, RequirementsNameNoOtherFiles) {
  for (const char* line :
       {"-r more.txt", "-rmore.txt", "-c c.txt", "-e ./pkg", "--requirement more.txt", "--requirement=more.txt",
        "--constraint c.txt", "--editable=.", "--requirem more.txt", "--pre -r more.txt", "-f /srv -c c.txt"}) {
    EXPECT_THAT(Mistake("python: {code: x, requirements: ['" + std::string(line) + "']}"),
                HasSubstr("it reads another file, whose changes nobody would notice (write its requirements here)"))
        << line;
  }
  EXPECT_THAT(Mistake("python: {code: x, requirements: nested.txt}"), HasSubstr("team/nested.txt:2:1 DAG018"));
}

TEST(PythonVenv, AChangedFileIsAnotherVersionOfTheDag) {
  const std::string yaml = "tasks: {a: {python: {code: x, requirements: given.txt}}}\n";
  const auto version = [&](const std::string& text) { return LoadFile(yaml, text).dags.at(0).dag->content_hash; };
  EXPECT_EQ(version("tiny==1\n"), version("tiny==1\n"));
  EXPECT_NE(version("tiny==1\n"), version("tiny==2\n"));
}

TEST(PythonVenv, ATemplateOfTasksIsGivenItsRequirements) {
  LoadOptions options{"/dags/team/sales.yaml", "team/sales.yaml", "", {}, {}, false, "/dags"};
  options.read_other = [](const std::string&) -> Result<std::string> {
    return std::string("params: {needs: {}}\ntasks: {t: {python: {code: x, requirements: '{{ params.needs }}'}}}\n");
  };
  const Task task =
      TaskOf(LoadText("include: {i: {file: _t.yaml, with: {needs: [tiny, small]}}}\n", options, UtcOnly()));
  ASSERT_NE(task.action.spec, nullptr);
  EXPECT_EQ(task.action.spec->Find("requirements")->string(), "tiny\nsmall\n");
}

}  // namespace
}  // namespace pipelined
