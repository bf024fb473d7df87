// One table of recorded answers: a JSON object per line. Another folder can be named in PIPELINED_CONFORMANCE_DIR.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "pipelined/schema/json.h"

namespace pipelined::testing {

inline std::filesystem::path ConformanceDir() {
  const char* dir = std::getenv("PIPELINED_CONFORMANCE_DIR");
  return dir != nullptr && *dir != '\0' ? std::filesystem::path(dir)
                                        : std::filesystem::path(PIPELINED_SOURCE_DIR) / "tests/conformance";
}

// The cases of a table; empty when there is no such file in the folder.
inline std::vector<Value> ReadTable(const std::string& name) {
  std::vector<Value> cases;
  std::ifstream file(ConformanceDir() / name);
  for (std::string line; std::getline(file, line);) {
    if (auto parsed = ParseJson(line); parsed) cases.push_back(std::move(*parsed));
  }
  return cases;
}

// Text of a case's entry, or nothing when it is absent or null.
inline std::string Text(const Value& object, std::string_view key, std::string fallback = "") {
  const Value* value = object.Find(key);
  return value != nullptr && value->is_string() ? value->string() : fallback;
}

// Counts passes and failures, prints the first failures whole.
class Tally {
 public:
  explicit Tally(std::string table) : table_(std::move(table)) {}
  void Add(bool passed, const Value& input, const std::string& got) {
    if (passed) {
      ++passed_;
      return;
    }
    if (input.Find("quirk") != nullptr) {
      ++quirks_;
      return;
    }
    if (++failed_ <= 20) std::cout << table_ << ": " << ToJson(input) << "\n  got: " << got << "\n";
  }
  void Skip() { ++skipped_; }
  int failed() const { return failed_; }
  int passed() const { return passed_; }
  void Print() const {
    std::cout << table_ << ": " << passed_ << " passed, " << failed_ << " failed, " << quirks_
              << " differ where Airflow is at fault, " << skipped_ << " need features of later versions\n";
  }

 private:
  std::string table_;
  int passed_ = 0, failed_ = 0, quirks_ = 0, skipped_ = 0;
};

}  // namespace pipelined::testing
