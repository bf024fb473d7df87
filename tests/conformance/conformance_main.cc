// Runs every table that lies in the folder. The last line is "N passed, M failed"; exit 1 when M > 0 or no case ran.
#include <gmock/gmock.h>

#include <filesystem>

#include "support/conformance_table.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  const int result = RUN_ALL_TESTS();
  const auto& totals = pipelined::testing::Totals();
  for (const auto& entry : std::filesystem::directory_iterator(pipelined::testing::ConformanceDir())) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".jsonl" || totals.read.contains(name)) continue;
    if (name != "rest-behaviour.jsonl") std::cout << name << ": no runner reads a table of this name\n";
  }
  if (totals.passed + totals.failed == 0) std::cout << "no case ran\n";
  std::cout << totals.passed << " passed, " << totals.failed << " failed" << std::endl;
  return result != 0 || totals.failed > 0 || totals.passed == 0 ? 1 : 0;
}
