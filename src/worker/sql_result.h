// What the statements of a script gave, for the outputs of its task.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipelined/base/value.h"
#include "worker/job.h"

namespace pipelined::worker {

class SqlResult {
 public:
  // `wanted`: "none", "row" or "rows" of the last query.
  explicit SqlResult(std::string wanted) : wanted_(std::move(wanted)) {}

  void BeginStatement();
  // Whether a row of this statement would be kept: else it need not be read.
  bool Wants() const;
  void AddRow(Value row);  // a map
  void CountRow() { ++counts_.back(); }
  void Affected(std::int64_t rows) { counts_.back() = rows; }
  bool had_rows() const { return counts_.back() > 0; }
  std::int64_t count() const { return counts_.back(); }

  // kSucceeded with row_count and what is wanted, or kBadOutput.
  JobEnd End() const;

 private:
  std::string wanted_;
  std::vector<std::int64_t> counts_;  // of each statement
  std::vector<Value> rows_;
  std::size_t statement_of_rows_ = 0, bytes_ = 0;
  bool too_many_ = false;
};

}  // namespace pipelined::worker
