#include "worker/sql_result.h"

#include <fmt/format.h>

#include "pipelined/executor/worker_protocol.h"
#include "pipelined/schema/json.h"

namespace pipelined::worker {
namespace {

constexpr std::size_t kMostRows = 10'000;

}  // namespace

void SqlResult::BeginStatement() {
  counts_.push_back(0);
}

bool SqlResult::Wants() const {
  const bool begun = statement_of_rows_ == counts_.size();
  return wanted_ == "rows" || !begun || rows_.empty();
}

// Of the last statement that gave any.
void SqlResult::AddRow(Value row) {
  if (statement_of_rows_ != counts_.size()) {
    statement_of_rows_ = counts_.size();
    rows_.clear();
    bytes_ = 0;
    too_many_ = false;
  }
  bytes_ += ToJson(row).size();
  if (rows_.size() >= kMostRows || bytes_ > kMostOutput) {
    too_many_ = true;
  } else {
    rows_.push_back(std::move(row));
  }
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
  if (!rows_.empty() && !rows_.front().map().empty()) end.probed = rows_.front().map().front().second;
  if (wanted_ == "row" && !rows_.empty()) {
    for (const auto& [name, value] : rows_.front().map()) end.outputs.Set(name, value);
  }
  if (wanted_ == "rows") {
    if (too_many_) {
      end = JobEnd::Failed(
          fmt::format("the last query gave more than outputs may hold ({} rows, {} bytes)", kMostRows, kMostOutput));
      end.outcome = AttemptOutcome::kBadOutput;
      return end;
    }
    end.outputs.Set("rows", Value::List(rows_));
  }
  return end;
}

}  // namespace pipelined::worker
