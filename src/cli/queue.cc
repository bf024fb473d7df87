// pipectl queue: what waits for a slot, and for what else.
#include <fmt/format.h>

#include "cli/commands.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

const std::vector<Column> kColumns{{"POOL", "pool"},           {"POSITION", "position"},  {"DAG", "dag_id"},
                                   {"RUN", "dag_run_id"},      {"TASK", "task_id"},       {"WEIGHT", "priority_weight"},
                                   {"SINCE", "waiting_since"}, {"WAITS FOR", "waits_for"}};

struct QueueOptions {
  std::string pool, dag_id;
  int limit = 100;
};

// The reasons of a row in one cell, for the table.
Value WithReasons(Value row) {
  std::string text;
  if (const Value* reasons = row.Find("reasons"); reasons != nullptr && reasons->is_list()) {
    for (const Value& reason : reasons->list()) text += (text.empty() ? "" : "; ") + TextOf(reason, "text");
  }
  row.Set("waits_for", std::move(text));
  return row;
}

Status Show(const Session& session, Program& program, const QueueOptions& options) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  std::string path = fmt::format("/api/ext/v1/queue?limit={}", options.limit);
  if (!options.pool.empty()) path += "&pool=" + PercentEncode(options.pool);
  if (!options.dag_id.empty()) path += "&dag_id=" + PercentEncode(options.dag_id);
  const auto answer = session.Get(path);
  if (!answer) return answer.error();
  const Value* tasks = answer->Find("tasks");
  if (tasks == nullptr || !tasks->is_list()) return Error{ErrorCode::kBug, "the server's answer has no tasks", ""};
  Value::List rows = tasks->list();
  if (!IsWhole(*format)) {
    for (Value& row : rows) row = WithReasons(std::move(row));
  }
  PrintRows(*format, rows, kColumns);
  const Value* total = answer->Find("total_entries");
  const std::int64_t more = (total != nullptr && total->is_int() ? total->integer() : 0) - std::ssize(rows);
  if (more > 0 && IsTable(*format)) fmt::print("… and {} more (--limit)\n", more);
  return Ok();
}

}  // namespace

void AddQueueCommand(CLI::App& app, Program& program) {
  CLI::App* queue = AddCommand(app, "queue", "List what waits for a slot, in the order of the queue, and why",
                               "pipectl queue --pool warehouse");
  const auto options = std::make_shared<QueueOptions>();
  queue->add_option("--pool", options->pool, "Of this pool only");
  queue->add_option("--dag", options->dag_id, "Of this DAG only");
  queue->add_option("--limit", options->limit, "At most so many")->check(CLI::Range(1, 1000))->capture_default_str();
  AddOutputOption(*queue, program);
  queue->callback([&program, options] {
    program.WithSession([&](const Session& session) { return Show(session, program, *options); });
  });
}

}  // namespace pipelined::cli
