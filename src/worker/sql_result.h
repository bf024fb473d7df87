// What the statements of a script gave, for the outputs of its task.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelined/base/value.h"
#include "worker/job.h"

namespace pipelined::worker {

class SqlResult {
 public:
  // `wanted`: "none", or of the last query that gave rows "row", the first one; "rows", all; "value", the first one's
  // first column, for a probe.
  explicit SqlResult(std::string_view wanted);

  void BeginStatement();
  void CountRow() { ++counts_.back(); }
  void Affected(std::int64_t rows) { counts_.back() = rows; }
  std::int64_t count() const { return counts_.back(); }

  // Whether the next row of this statement is kept: else it need not be read.
  bool Wants() const;
  // Of the `columns` of a row, how many are kept.
  int Kept(int columns) const { return wanted_ == Wanted::kValue && columns > 1 ? 1 : columns; }
  // A row that is wanted, as a map. `bytes`: of the values that are kept. It is made only when there is room for it.
  template <class MakeRow>
  void Offer(std::size_t bytes, MakeRow make) {
    if (HasRoom(bytes)) Add(make());
  }

  // kSucceeded with row_count and what is wanted, or kBadOutput: it is more than outputs may hold.
  JobEnd End() const;

 private:
  enum class Wanted : std::uint8_t { kNone, kRow, kRows, kValue };
  bool HasRoom(std::size_t bytes);
  void Add(Value row);

  const Wanted wanted_;
  std::vector<std::int64_t> counts_;  // of each statement
  std::vector<Value> rows_;
  std::size_t statement_of_rows_ = 0, bytes_ = 0;
  bool is_too_large_ = false;
};

}  // namespace pipelined::worker
