// What is offered on a command line that is being typed, and what is said of a misspelt one.
#include "cli/shell/completion.h"

#include <gmock/gmock.h>

#include "cli/shell/misspelt.h"

namespace pipelined::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class SmallProgram : public testing::Test {
 protected:
  SmallProgram() {
    app_.require_subcommand(1);
    app_.add_option("--url", text_);
    app_.add_option("--home", text_);
    CLI::App* dags = app_.add_subcommand("dags", "DAGs. All of them");
    CLI::App* run = dags->add_subcommand("run", "Start a run");
    run->alias("trigger");
    run->add_option("DAG", text_);
    run->add_flag("-w,--watch", flag_, "Follow it");
    run->add_option("-o,--output", text_)->check(CLI::IsMember({"table", "json"}));
    CLI::App* secret = dags->add_subcommand("secret", "Hidden");
    secret->group("");
    CLI::App* tasks = app_.add_subcommand("tasks", "Tasks");
    tasks->add_subcommand("show", "Show")->add_option("TASK", words_)->expected(2, 3);
  }

  Expected Next(std::vector<std::string> words) { return ExpectNext(app_, words); }
  std::vector<std::string> Words(std::vector<std::string> words) {
    std::vector<std::string> found;
    for (const Candidate& candidate : Next(std::move(words)).fixed) found.push_back(candidate.word);
    return found;
  }
  std::string Fault(std::vector<std::string> words) {
    const auto error = FindMisspelt(app_, words);
    return error ? error->message + "; " + error->hint : "";
  }

  CLI::App app_{"a program", "pipectl"};
  std::string text_;
  std::vector<std::string> words_;
  bool flag_ = false;
};

TEST_F(SmallProgram, CommandsAreOfferedButNotHiddenOnes) {
  EXPECT_THAT(Words({""}), ElementsAre("dags", "tasks"));
  EXPECT_THAT(Words({"dags", ""}), ElementsAre("run"));
  EXPECT_EQ(Next({""}).fixed[0].meaning, "DAGs");
}

TEST_F(SmallProgram, OptionsOfTheCommandAndOfThoseAroundIt) {
  EXPECT_THAT(Words({"dags", "run", "--"}), Contains("--watch"));
  EXPECT_THAT(Words({"dags", "run", "--"}), Contains("--url"));
  EXPECT_THAT(Words({"--"}), Not(Contains("--watch")));
}

TEST_F(SmallProgram, WordsThatAnOptionAllows) {
  EXPECT_THAT(Words({"dags", "run", "-o", ""}), ElementsAre("table", "json"));
  EXPECT_THAT(Words({"dags", "trigger", "--output", "j"}), ElementsAre("table", "json"));
}

TEST_F(SmallProgram, NamesFollowThePositional) {
  EXPECT_EQ(Next({"dags", "run", "sa"}).names, Names::kDags);
  EXPECT_EQ(Next({"dags", "run", "--watch", ""}).names, Names::kDags);
  EXPECT_EQ(Next({"dags", "run", "sales", ""}).names, Names::kNone);
  EXPECT_EQ(Next({"tasks", "show", ""}).names, Names::kDags);
  EXPECT_EQ(Next({"tasks", "show", "sales", ""}).names, Names::kRuns);
  EXPECT_EQ(Next({"tasks", "show", "sales", "latest", "e"}).names, Names::kTasks);
  EXPECT_THAT(Next({"tasks", "show", "sales", "latest", "e"}).positionals, ElementsAre("sales", "latest"));
}

TEST_F(SmallProgram, ServersThatAreNamedAreAsked) {
  EXPECT_EQ(Next({"--url", "http://a", "dags", "run", ""}).global.url, "http://a");
  EXPECT_EQ(Next({"dags", "run", "--home=/h", ""}).global.home, "/h");
  EXPECT_EQ(Next({"--home", ""}).names, Names::kFiles);
}

TEST_F(SmallProgram, MisspeltWordsAreNamedWithTheNearest) {
  EXPECT_EQ(Fault({"dgas", "run"}), "pipectl has no command \"dgas\"; did you mean \"dags\"?");
  EXPECT_EQ(Fault({"dags", "rnu", "x"}), "pipectl dags has no command \"rnu\"; did you mean \"run\"?");
  EXPECT_EQ(Fault({"dags", "run", "--wacth"}), "pipectl dags run has no option --wacth; did you mean \"--watch\"?");
  EXPECT_THAT(Fault({"dags", "run", "--qqqqqqqq"}), HasSubstr("see: pipectl dags run --help"));
  EXPECT_THAT(Fault({"zzzzzzzz"}), HasSubstr("there are: dags, tasks"));
}

TEST_F(SmallProgram, ValuesAreNoCommands) {
  EXPECT_EQ(Fault({"--url", "dgas", "dags", "run", "rnu"}), "");
  EXPECT_EQ(Fault({"dags", "trigger", "-o", "--json"}), "");
  EXPECT_EQ(Fault({"dags", "run", "--", "--wacth"}), "");
}

TEST(ShellWords, AreCutAsAShellDoes) {
  EXPECT_THAT(ShellWords("pipectl dags ru"), ElementsAre("pipectl", "dags", "ru"));
  EXPECT_THAT(ShellWords("pipectl dags "), ElementsAre("pipectl", "dags", ""));
  EXPECT_THAT(ShellWords("a  'b c' \"d e\" f\\ g"), ElementsAre("a", "b c", "d e", "f g"));
  EXPECT_THAT(ShellWords("a '' b"), ElementsAre("a", "", "b"));
  EXPECT_THAT(ShellWords("a 'open qu"), ElementsAre("a", "open qu"));
}

}  // namespace
}  // namespace pipelined::cli
