#include "worker/sql_result.h"

#include <fmt/format.h>

#include <utility>

#include "pipelined/executor/worker_protocol.h"
#include "pipelined/schema/json.h"

namespace pipelined::worker {
namespace {

constexpr std::size_t kMostRows = 10'000;

}  // namespace

SqlResult::SqlResult(std::string_view wanted)
    : wanted_(wanted == "row"     ? Wanted::kRow
              : wanted == "rows"  ? Wanted::kRows
              : wanted == "value" ? Wanted::kValue
                                  : Wanted::kNone) {}

void SqlResult::BeginStatement() {
  counts_.push_back(0);
}

bool SqlResult::Wants() const {
  if (wanted_ == Wanted::kNone) return false;
  const bool is_first = statement_of_rows_ != counts_.size();
  return is_first || (wanted_ == Wanted::kRows && !is_too_large_);
}

// Of the last statement that gave any. A value may be as large as the database lets it be: this is asked before any
// copy of it is made.
bool SqlResult::HasRoom(std::size_t bytes) {
  if (std::exchange(statement_of_rows_, counts_.size()) != counts_.size()) {
    rows_.clear();
    bytes_ = 0;
    is_too_large_ = false;
  }
  if (rows_.size() >= kMostRows || bytes > kMostOutput - bytes_) is_too_large_ = true;
  return !is_too_large_;
}

void SqlResult::Add(Value row) {
  const std::size_t bytes = ToJson(row).size();
  if (bytes > kMostOutput - bytes_) {
    is_too_large_ = true;
    return;
  }
  bytes_ += bytes;
  rows_.push_back(std::move(row));
}

JobEnd SqlResult::End() const {
  JobEnd end;
  end.outcome = AttemptOutcome::kSucceeded;
  end.outputs = Value(Value::Map{{"row_count", counts_.empty() ? 0 : counts_.back()}});
  if (counts_.size() > 1) {
    Value::List all;
    for (const std::int64_t count : counts_) all.emplace_back(count);
    end.outputs.Set("row_counts", std::move(all));
  }
  if (wanted_ == Wanted::kValue && !rows_.empty() && !rows_.front().map().empty())
    end.probed = rows_.front().map().front().second;
  if (wanted_ == Wanted::kRow && !rows_.empty()) {
    for (const auto& [name, value] : rows_.front().map()) end.outputs.Set(name, value);
  }
  if (wanted_ == Wanted::kRows) end.outputs.Set("rows", Value::List(rows_));
  if (!is_too_large_ && ToJson(end.outputs).size() <= kMostOutput) return end;
  end = JobEnd::Failed(
      fmt::format("the last query gave more than outputs may hold ({} rows, {} bytes)", kMostRows, kMostOutput));
  end.outcome = AttemptOutcome::kBadOutput;
  return end;
}

}  // namespace pipelined::worker
