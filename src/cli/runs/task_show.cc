// pipectl tasks show: a task instance, its tries and what it gave.
#include <fmt/format.h>

#include "cli/runs/task_name.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

const std::vector<Column> kTryColumns{{"TRY", "try_number"}, {"STATE", "state"},      {"START", "start_date"},
                                      {"END", "end_date"},   {"SECONDS", "duration"}, {"OUTCOME", "outcome"}};

Result<Value::List> Outputs(const Session& session, const NamedTask& task) {
  const std::string path = task.Path() + "/xcomEntries";
  const auto rows = session.GetAll(task.Query().empty() ? path : path + "?" + task.Query(), "xcom_entries");
  if (!rows) return rows.error();
  Value::List outputs;
  for (const Value& row : *rows) {
    const std::string key = TextOf(row, "key");
    const auto entry = session.Get(fmt::format("{}/{}?{}", path, PercentEncode(key), task.Query()));
    if (!entry) return entry.error();
    const Value* value = entry->Find("value");
    outputs.emplace_back(Value::Map{{"key", key}, {"value", value == nullptr ? Value() : *value}});
  }
  return outputs;
}

Status Show(const Session& session, Program& program, const TaskWords& given) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  const auto task = FindTask(session, given);
  if (!task) return task.error();
  const auto instance = session.Get(task->InstancePath());
  if (!instance) return instance.error();
  PrintObject(*format, *instance);
  if (!IsTable(*format)) return Ok();  // json and yaml are the REST object; plain is for scripts
  const std::string tries = task->Path("/api/ext/v1") + "/tries?" + task->Query();
  const auto answer = session.Get(tries);
  if (!answer) return answer.error();
  if (const Value* rows = answer->Find("task_instances"); rows != nullptr && rows->is_list() && !rows->list().empty()) {
    fmt::print("\n");
    PrintRows(*format, rows->list(), kTryColumns);
  }
  const auto outputs = Outputs(session, *task);
  if (!outputs) return outputs.error();
  if (outputs->empty()) return Ok();
  fmt::print("\n");
  PrintRows(*format, *outputs, {{"OUTPUT", "key"}, {"VALUE", "value"}});
  return Ok();
}

}  // namespace

void AddTaskShow(CLI::App& tasks, Program& program) {
  const auto words = std::make_shared<TaskWords>();
  CLI::App* show = AddForTask(tasks, "show", "Show a task of a run; in a table with its tries and outputs", *words);
  AddOutputOption(*show, program);
  show->callback([&program, words] {
    program.WithSession([&](const Session& session) { return Show(session, program, *words); });
  });
}

}  // namespace pipelined::cli
