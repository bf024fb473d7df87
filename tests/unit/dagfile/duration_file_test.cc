#include "pipelined/dagfile/duration_file.h"

#include <gmock/gmock.h>

namespace pipelined {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Lines(const DurationFile& file) {
  std::vector<std::string> lines;
  for (const NamedDuration& entry : file.entries)
    lines.push_back(std::to_string(entry.line) + " " + entry.name + " " + FormatDuration(entry.duration));
  for (const Diagnostic& diagnostic : file.diagnostics)
    lines.push_back(std::to_string(diagnostic.line) + " " + diagnostic.code + " " + diagnostic.message);
  return lines;
}

struct Case {
  const char* text;
  std::vector<std::string> lines;
};

class Durations : public ::testing::TestWithParam<Case> {};

TEST_P(Durations, AreRead) {
  EXPECT_EQ(Lines(ParseDurations(GetParam().text, "took.yaml")), GetParam().lines);
}

INSTANTIATE_TEST_SUITE_P(
    Files, Durations,
    ::testing::Values(Case{"d.a: 30s\nd.*: 90\n*: 1m\n", {"1 d.a 30s", "2 d.* 1m30s", "3 * 1m"}},
                      Case{"\"*\": 1m\n", {"1 * 1m"}}, Case{"{\"d.a\": \"PT5M\", \"*\": 2}", {"1 d.a 5m", "1 * 2s"}},
                      Case{"d.a: 1s\nd.b: soon\n", {"1 d.a 1s", "2 DAG027 d.b is not a duration: \"soon\""}},
                      Case{"d.a: [1s]\n", {"1 DAG015 d.a needs a duration, not a list"}},
                      Case{"- 1s\n", {"1 DAG015 a file of durations is one mapping of names to durations"}}));

TEST(DurationFile, ThatIsNotThereIsADiagnostic) {
  EXPECT_THAT(Lines(LoadDurationFile("/nowhere/took.yaml")),
              ElementsAre("0 DAG001 /nowhere/took.yaml: No such file or directory"));
}

}  // namespace
}  // namespace pipelined
