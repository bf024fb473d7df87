// What the templates and the process of one try see: Airflow's names, made from plain data.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelined/base/time.h"
#include "pipelined/model/dag.h"
#include "pipelined/template/template.h"
#include "pipelined/timetable/timetable.h"

namespace pipelined {

struct TemplateRun {
  std::string run_id;
  std::string run_type;  // "scheduled", "manual" …
  std::optional<Instant> logical_date;
  std::optional<DataInterval> data_interval;
  Instant run_after{};
  std::optional<Instant> start_date;
  Value conf;    // what the run was triggered with
  Value params;  // ResolveParams' answer

  // The last successful run's; nothing before the first.
  struct Previous {
    std::optional<DataInterval> data_interval;
    std::optional<Instant> start_date, end_date;
  };
  Previous previous_success;
};

// What an instance of a mapped task goes through.
struct TemplateItem {
  std::string name;
  Value value;
  bool outside = false;  // it was evaluated, and does not stand in the DAG file
  bool named = true;     // its name does
};

// Borrowed and plain data of one try.
struct TaskContext {
  const Dag* dag = nullptr;
  const Task* task = nullptr;
  TemplateRun run;
  int try_number = 1;
  int max_tries = 0;  // retries
  int map_index = -1;
  std::string prefix;  // goes before ids of tasks as the templates name them: those of an inclusion are local
  std::vector<TemplateItem> items;                // of an instance of a mapped task
  std::optional<std::int64_t> expanded_ti_count;  // how many instances a mapped task has
  std::vector<std::string> secret_params;         // params of an inclusion that were made from a secret

  // The outputs of a task of this run as a map, or nullptr when it gave none (yet).
  std::function<const Value*(std::string_view task_id)> outputs;
  // Text of a variable; kNotFound. Empty: variables cannot be used here.
  std::function<Result<std::string>(std::string_view key)> variable;
  // A connection's fields: conn_type, description, host, port, login, password, schema, extra; kNotFound. Empty: as
  // above.
  std::function<Result<Value>(std::string_view id)> connection;
  // Told of each text that a template reads and that nobody may see: a password, what has a secret name.
  std::function<void(const std::string& text)> on_secret;
  // The offset of a zone at an instant, for in_timezone(); nothing for an unknown zone.
  std::function<std::optional<Seconds>(std::string_view zone, Instant at)> zone_offset;
};

// `context` is borrowed and must outlive the scope.
std::unique_ptr<Scope> MakeTaskScope(const TaskContext& context);

// The variables of every try: PIPELINED_* and Airflow's AIRFLOW_CTX_*. What does not apply is left out.
std::vector<std::pair<std::string, std::string>> Environment(const TaskContext& context);

// The parameters of a run: defaults overridden by `conf` (null or a map), each declared one checked against its schema.
// Names that are not declared are taken over, as Airflow does. kInvalid names every parameter that is wrong.
Result<Value> ResolveParams(const Dag& dag, const Value& conf);

// A reference that cannot work, found when a file is loaded.
struct NameProblem {
  TemplateReference where;
  bool warning = false;  // it may still be given with the run's conf
  std::string message, hint;
};
// Names that no run of this DAG can have: unknown roots, tasks that do not exist or are not upstream, members that the
// engine's own objects lack. A parameter that is not declared is a warning.
// `has_ended`: it is asked when the task has ended, so that its own outputs are there.
std::vector<NameProblem> CheckNames(const Template& parsed, const Dag& dag, TaskNo task, bool has_ended = false);
// The same of a template that belongs to no task: it stands in the inclusion `where` (nullptr: in the DAG). Whether a
// task is upstream is not asked.
std::vector<NameProblem> CheckNames(const Template& parsed, const Dag& dag, const Inclusion* where);

// Whether a name, with the path that follows it, may give something that does not stand in the file: what the run, an
// output, a variable or a connection says. Of some (`ti` alone) it cannot be told: true.
bool IsFromOutside(const std::vector<std::string>& path, const Dag& dag, TaskNo task);

}  // namespace pipelined
