// Files that try to eat the machine.
#include <gmock/gmock.h>

#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

std::string FirstCode(const LoadResult& result) {
  return result.diagnostics.empty() ? "none" : result.diagnostics[0].code;
}

TEST(Hostile, ABombOfAliasesIsRefused) {
  std::string yaml = "params:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    yaml += "  a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) yaml += last + ", ";
    yaml += last + "]\n";
  }
  EXPECT_EQ(FirstCode(Load(yaml + "tasks: {a: {empty: true}}\n")), "DAG007");
}

TEST(Hostile, AliasesThatMultiplyTextAreRefused) {
  std::string yaml = "params:\n  a: &a " + std::string(1 << 20, 'x') + "\n  b: [";
  for (int i = 0; i < 400; ++i) yaml += "*a, ";
  EXPECT_EQ(FirstCode(Load(yaml + "x]\ntasks: {a: {empty: true}}\n")), "DAG007");
}

TEST(Hostile, AliasesThatDeepenAreRefused) {
  std::string yaml = "params:\n  a0: &a0 [x]\n";
  for (int i = 1; i < 200; ++i)
    yaml += "  a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  EXPECT_EQ(FirstCode(Load(yaml + "tasks: {a: {empty: true}}\n")), "DAG006");
}

TEST(Hostile, DefaultsThatMultiplyAreRefused) {
  LoadLimits limits;
  limits.text = 1 << 20;
  std::string yaml = "default_args: {env: {A: " + std::string(10'000, 'x') + "}}\ntasks:\n";
  for (int i = 0; i < 200; ++i) yaml += "  t" + std::to_string(i) + ": {empty: true}\n";
  EXPECT_EQ(FirstCode(Load(yaml, {}, limits)), "DAG033");
}

TEST(Hostile, DeepNestingIsRefused) {
  for (const char* open : {"[", "{a: ", "- "}) {
    std::string yaml = "params:\n  a: ";
    if (open[0] == '-') yaml += "\n   ";
    for (int i = 0; i < 100'000; ++i) yaml += open;
    EXPECT_EQ(FirstCode(Load(yaml)), "DAG006") << open;
  }
}

TEST(Hostile, SixtyFourLevelsAreFine) {
  const std::string nest(60, '['), unnest(60, ']');
  EXPECT_EQ(FirstCode(Load("params: {a: " + nest + unnest + "}\ntasks: {a: {empty: true}}\n")), "none");
}

TEST(Hostile, AFileOverTheLimitIsRefused) {
  LoadLimits limits;
  EXPECT_EQ(FirstCode(Load(std::string(limits.bytes + 1, '#'))), "DAG002");
}

TEST(Hostile, ANulByteIsRefused) {
  using namespace std::string_view_literals;
  const LoadResult result = Load("tasks:\n  a: {bash: \0}\n"sv);
  EXPECT_EQ(FirstCode(result), "DAG003");
  EXPECT_EQ(result.diagnostics[0].line, 2);
  EXPECT_EQ(result.diagnostics[0].column, 13);
}

TEST(Hostile, AFloodOfMistakesStaysQuick) {
  std::string yaml = "tasks:\n";
  for (int i = 0; i < 50'000; ++i) yaml += "  t: {bsh: x, depends_on: [nobody]}\n";
  EXPECT_EQ(Load(yaml).diagnostics.size(), 101u);
}

TEST(Hostile, AFloodOfBadTemplatesStaysQuick) {
  std::string yaml = "tasks:\n";
  for (int i = 0; i < 50'000; ++i) yaml += "  t" + std::to_string(i) + ": {bash: 'echo {{ nothing }} {{ +'}\n";
  EXPECT_EQ(Load(yaml).diagnostics.size(), 101u);
}

TEST(Hostile, CutAnywhereItIsRefusedOrWhole) {
  const std::string yaml = "dag_id: x\ntasks:\n  a: {bash: \"echo 'it' {{ ds }}\", env: {A: [b]}}\n";
  for (std::size_t size = 0; size < yaml.size(); ++size) (void)Load(yaml.substr(0, size));  // must come back
}

}  // namespace
}  // namespace pipelined
