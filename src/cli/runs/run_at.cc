#include "cli/runs/run_at.h"

#include <fmt/format.h>

#include "cli/runs/instance_name.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

const std::vector<Column> kColumns{{"TASK", "task_id"}, {"STATE", "state"}, {"TRY", "try_number"}, {"SINCE", "since"}};

// An untouched task has no state there, and a word here.
Value::List Rows(const Value& answer) {
  Value::List rows;
  const Value* tasks = answer.Find("tasks");
  if (tasks == nullptr || !tasks->is_list()) return rows;
  for (const Value& task : tasks->list()) {
    rows.push_back(task);
    rows.back().Set("task_id", InstanceName(task));
    if (TextOf(task, "state").empty()) rows.back().Set("state", "none");
  }
  return rows;
}

Value Head(const Value& answer) {
  Value head;
  for (const auto& [key, value] : answer.map()) {
    if (key != "tasks") head.Set(key, value);
  }
  return head;
}

}  // namespace

Status ShowRunAt(const Session& session, Program& program, const RunName& run, const std::string& at) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  const auto answer = session.Get(RunPath(run.dag_id, run.run_id, "/api/ext/v1") + "/at?t=" + PercentEncode(at));
  if (!answer) return answer.error();
  if (IsWhole(*format) || !answer->is_map()) {
    PrintObject(*format, *answer);
    return Ok();
  }
  PrintObject(*format, Head(*answer));
  fmt::print("\n");
  PrintRows(*format, Rows(*answer), kColumns);
  return Ok();
}

}  // namespace pipelined::cli
