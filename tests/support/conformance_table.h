// One table of recorded answers: a JSON object per line. Another folder can be named in PIPELINED_CONFORMANCE_DIR.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "pipelined/schema/json.h"

namespace pipelined::testing {

inline std::filesystem::path ConformanceDir() {
  const char* dir = std::getenv("PIPELINED_CONFORMANCE_DIR");
  return dir != nullptr && *dir != '\0' ? std::filesystem::path(dir)
                                        : std::filesystem::path(PIPELINED_SOURCE_DIR) / "tests/conformance";
}

// Over all tables of this program.
struct TableTotals {
  int passed = 0, failed = 0;
  std::set<std::string> read;  // names of the tables that somebody asked for
};
inline TableTotals& Totals() {
  static TableTotals totals;
  return totals;
}

// One case: the object, and the line of the file on which it stands.
struct Case : Value {
  int line = 0;
};

// The cases of a table; empty when there is no such file in the folder. A line that is no JSON object is a failure.
inline std::vector<Case> ReadTable(const std::string& name) {
  std::vector<Case> cases;
  Totals().read.insert(name);
  std::ifstream file(ConformanceDir() / name);
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto parsed = ParseJson(line);
    if (parsed && parsed->is_map()) {
      cases.push_back(Case{std::move(*parsed), number});
      continue;
    }
    ++Totals().failed;
    std::cout << (ConformanceDir() / name).string() << ":" << number << ": no JSON object\n";
  }
  return cases;
}

// Text of a case's entry, or nothing when it is absent or null.
inline std::string Text(const Value& object, std::string_view key, std::string fallback = "") {
  const Value* value = object.Find(key);
  return value != nullptr && value->is_string() ? value->string() : fallback;
}

// Counts passes and failures, and names the file and the line of each difference.
class Tally {
 public:
  explicit Tally(std::string table) : table_(std::move(table)) {}
  void Add(bool passed, const Case& input, const std::string& got) {
    if (passed) {
      ++passed_;
      ++Totals().passed;
      return;
    }
    if (input.Find("quirk") != nullptr) {
      ++quirks_;
      return;
    }
    ++failed_;
    ++Totals().failed;
    std::cout << (ConformanceDir() / table_).string() << ":" << input.line << ": got: " << got << "\n";
    if (failed_ <= kShownWhole) std::cout << "  case: " << ToJson(input) << "\n";
  }
  void Skip() { ++skipped_; }
  int failed() const { return failed_; }
  void Print() const {
    std::cout << table_ << ": " << passed_ << " passed, " << failed_ << " failed, " << quirks_
              << " differ where Airflow is at fault, " << skipped_ << " need features of later versions\n";
  }

 private:
  static constexpr int kShownWhole = 20;
  std::string table_;
  int passed_ = 0, failed_ = 0, quirks_ = 0, skipped_ = 0;
};

}  // namespace pipelined::testing
