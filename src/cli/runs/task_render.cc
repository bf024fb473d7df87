// pipectl tasks render: the command of a task with its templates filled in, by the engine's own code.
#include <fmt/format.h>

#include <algorithm>

#include "cli/runs/task_name.h"
#include "pipelined/base/percent.h"
#include "pipelined/base/secret_name.h"
#include "pipelined/dagfile/load.h"
#include "pipelined/http/client.h"
#include "pipelined/scheduler/launch.h"
#include "pipelined/schema/json.h"
#include "pipelined/zoneinfo/system_zones.h"

namespace pipelined::cli {
namespace {

std::optional<Instant> InstantOf(const Value& object, std::string_view key) {
  const auto instant = ParseInstant(TextOf(object, key));
  return instant ? std::optional<Instant>(*instant) : std::nullopt;
}

std::optional<DataInterval> IntervalOf(const Value& run) {
  const auto start = InstantOf(run, "data_interval_start"), end = InstantOf(run, "data_interval_end");
  return start && end ? std::optional(DataInterval{*start, *end}) : std::nullopt;
}

RunInfo ToRunInfo(const Value& run) {
  RunInfo info;
  info.dag_id = TextOf(run, "dag_id");
  info.run_id = TextOf(run, "dag_run_id");
  info.type = RunTypeFromString(TextOf(run, "run_type")).value_or(RunType::kManual);
  info.logical_date = InstantOf(run, "logical_date");
  info.interval = IntervalOf(run);
  info.run_after = InstantOf(run, "run_after").value_or(Instant{});
  info.queued_at = InstantOf(run, "queued_at").value_or(Instant{});
  info.start_date = InstantOf(run, "start_date");
  if (const Value* conf = run.Find("conf")) info.conf = *conf;
  return info;
}

DagSource ToSource(const Value& answer) {
  DagSource source{TextOf(answer, "file"), TextOf(answer, "relative_file"), TextOf(answer, "document"), 1, {}, {}};
  if (const Value* line = answer.Find("first_line"); line != nullptr && line->is_int())
    source.first_line = static_cast<std::int32_t>(line->integer());
  if (const Value* defaults = answer.Find("defaults"); defaults != nullptr && defaults->is_list()) {
    for (const Value& text : defaults->list()) source.defaults.push_back(text.string());
  }
  if (const Value* included = answer.Find("included"); included != nullptr && included->is_list()) {
    for (const Value& other : included->list())
      source.included.push_back({TextOf(other, "file"), TextOf(other, "text")});
  }
  return source;
}

// {"extract": {"rows": 42}}: of each task that the templates name, as far as it has given something.
Result<Value> OutputsOf(const Session& session, const RunName& run, const std::vector<std::string>& tasks) {
  Value all{Value::Map{}};
  for (const std::string& id : tasks) {
    const std::string path = RunPath(run.dag_id, run.run_id) + "/taskInstances/" + PercentEncode(id) + "/xcomEntries";
    const auto rows = session.GetAll(path, "xcom_entries");
    if (!rows) return rows.error();
    Value outputs{Value::Map{}};
    for (const Value& row : *rows) {
      const std::string key = TextOf(row, "key");
      const auto entry = session.Get(path + "/" + PercentEncode(key));
      if (!entry) return entry.error();
      if (const Value* value = entry->Find("value")) outputs.Set(key, *value);
    }
    if (!outputs.map().empty()) all.Set(id, std::move(outputs));
  }
  return all;
}

Result<std::optional<PreviousRun>> PreviousOf(const Session& session, const RunInfo& run) {
  std::string path = "/api/v2/dags/" + PercentEncode(run.dag_id) + "/dagRuns?state=success&order_by=-logical_date";
  if (run.logical_date) path += "&logical_date_lt=" + PercentEncode(FormatInstant(*run.logical_date));
  const auto rows = session.GetAll(path, "dag_runs", 1);
  if (!rows) return rows.error();
  if (rows->empty()) return std::optional<PreviousRun>();
  const Value& row = rows->front();
  return std::optional(PreviousRun{IntervalOf(row), InstantOf(row, "start_date"), InstantOf(row, "end_date")});
}

// As the server shows it to whoever asks: secrets are "***".
LookUpVariable Variables(const Session& session) {
  return [&session](const std::string& key) -> Result<std::string> {
    const auto row = session.Get("/api/v2/variables/" + PercentEncode(key));
    if (!row) return row.error();
    return TextOf(*row, "value");
  };
}

// The one that an action works with is shown by its id: nobody needs to be allowed to read it for that.
LookUpConnection Connections(const Session& session, const Task& task) {
  const Value* own = task.action.spec == nullptr ? nullptr : task.action.spec->Find("connection");
  const bool is_shown_by_id = IsWorkerAction(task.action.kind);
  return [&session, own, is_shown_by_id](const std::string& id) -> Result<Value> {
    if (is_shown_by_id && own != nullptr && own->is_string() && own->string() == id)
      return Value(Value::Map{{"connection_id", id}});
    const auto row = session.Get("/api/v2/connections/" + PercentEncode(id));
    if (!row) return row.error();
    Value fields{Value::Map{}};
    for (const auto& [name, value] : row->map()) {
      if (!value.is_null()) fields.Set(name, value);
    }
    return fields;
  };
}

// Each character of a job of pipelined-ssh is one byte.
Value FromCharacters(const Value& value) {
  if (!value.is_string()) return value;
  std::string bytes;
  for (std::size_t at = 0; at < value.string().size(); ++at) {
    const auto byte = static_cast<unsigned char>(value.string()[at]);
    const bool two = byte >= 0xc0 && at + 1 < value.string().size();
    bytes.push_back(two ? static_cast<char>(byte << 6 | (static_cast<unsigned char>(value.string()[++at]) & 0x3f))
                        : static_cast<char>(byte));
  }
  return bytes;
}

// What the command there is given, and where.
Value SshJob(const std::string& input, const Task& task) {
  const auto job = ParseJson(input);
  Value shown{Value::Map{}};
  if (!job || !job->is_map()) return shown;
  for (const auto& [name, value] : job->map()) {
    if (name != "env") shown.Set(name, FromCharacters(value));
  }
  Value env{Value::Map{}};
  if (const Value* all = job->Find("env"); all != nullptr && all->is_map()) {
    for (const auto& [name, value] : all->map()) {
      const auto own = [&](const auto& variable) { return variable.first == name; };
      if (std::any_of(task.env.begin(), task.env.end(), own) ||
          std::any_of(task.outer_env.begin(), task.outer_env.end(), own))
        env.Set(name, FromCharacters(value));
    }
  }
  if (!env.map().empty()) shown.Set("env", std::move(env));
  return Value::Map{{"ssh", std::move(shown)}};
}

Result<AttemptStart> Rendered(const Session& session, const NamedTask& named, const Value& run, const Dag& dag,
                              TaskNo task) {
  const RunInfo info = ToRunInfo(run);
  const auto outputs = OutputsOf(session, named.run, OutputsNeeded(dag, task));
  if (!outputs) return outputs.error();
  AttemptOpened attempt;
  attempt.task = task;
  LaunchRequest request{dag, task, info, attempt, 0, *outputs};
  if (NeedsPrevious(dag, task)) {
    auto previous = PreviousOf(session, info);
    if (!previous) return previous.error();
    request.previous_success = *std::move(previous);
  }
  const SystemZones zones;
  LaunchOptions options;
  options.zones = &zones;
  options.variable = Variables(session);
  options.connection = Connections(session, dag.tasks[task]);
  auto start = Prepare(request, options);
  if (!start) return start;
  for (const auto& [name, text] : start->env) {
    if (name != kScriptVariable) continue;  // what would not be on the command line
    for (std::string& word : start->argv) {
      if (word.find(kScriptVariable) != std::string::npos) word = text;
    }
  }
  if (dag.tasks[task].action.kind == ActionKind::kSsh && start->input)
    start->action = SshJob(*start->input, dag.tasks[task]);
  return start;
}

// Without what has the name of a secret.
Value Masked(Value value) {
  if (value.is_list()) {
    for (Value& item : value.list()) item = Masked(std::move(item));
  } else if (value.is_map()) {
    for (auto& [name, part] : value.map())
      part = IsSecretName(name) && !part.is_null() ? Value(kMasked) : Masked(std::move(part));
  }
  return value;
}

// The environment without what every task has.
Value Shown(const AttemptStart& start, const Task& task) {
  Value::List argv;
  for (const std::string& word : start.argv) argv.emplace_back(word);
  Value env{Value::Map{}};
  const auto named = [](const auto& variables, const std::string& name) {
    for (const auto& [known, text] : variables) {
      if (known == name) return true;
    }
    return false;
  };
  for (const auto& [name, value] : start.env) {
    if (named(task.env, name) || named(task.outer_env, name)) env.Set(name, value);
  }
  if (!start.action.is_null()) {
    return Value::Map{{"task_id", task.id}, {"action", Masked(start.action)}, {"working_dir", start.working_dir}};
  }
  return Value::Map{
      {"task_id", task.id}, {"argv", std::move(argv)}, {"working_dir", start.working_dir}, {"env", std::move(env)}};
}

void Print(Layout format, const Value& shown) {
  if (IsWhole(format)) return PrintObject(format, shown);
  if (const Value* action = shown.Find("action")) return fmt::print("{}\n", ToPrettyJson(*action));
  fmt::print("# working_dir: {}\n", TextOf(shown, "working_dir"));
  for (const auto& [name, value] : shown.Find("env")->map()) fmt::print("# env: {}={}\n", name, value.string());
  for (const Value& word : shown.Find("argv")->list())
    fmt::print("{}{}", word.string(), word.string().ends_with('\n') ? "" : "\n");
}

Status Render(const Session& session, Program& program, const TaskWords& given) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  const auto named = FindTask(session, given);
  if (!named) return named.error();
  const auto run = session.Get(RunPath(named->run.dag_id, named->run.run_id));
  if (!run) return run.error();
  const auto source = session.Get(RunPath(named->run.dag_id, named->run.run_id, "/api/ext/v1") + "/source");
  if (!source) return source.error();
  const SystemZones zones;
  const auto dag = ParseSource(ToSource(*source), zones);
  if (!dag) return dag.error();
  const auto task = (*dag)->Find(named->task_id);
  if (!task)
    return Error{ErrorCode::kNotFound, fmt::format("DAG {} has no task \"{}\"", named->run.dag_id, named->task_id),
                 fmt::format("list them: pipectl tasks list {} {}", named->run.dag_id, named->run.run_id)};
  if ((*dag)->tasks[*task].mapped != 0)
    return Error{ErrorCode::kInvalid, "an instance of a mapped task cannot be rendered here",
                 "what it ran stands in its log"};
  const auto start = Rendered(session, *named, *run, **dag, *task);
  if (!start) return start.error();
  Print(*format, Shown(*start, (*dag)->tasks[*task]));
  return Ok();
}

}  // namespace

void AddTaskRender(CLI::App& tasks, Program& program) {
  const auto words = std::make_shared<TaskWords>();
  CLI::App* render = AddForTask(
      tasks, "render", "Print the command of a task with its templates filled in, one argument to a line", *words);
  AddOutputOption(*render, program);
  render->callback([&program, words] {
    program.WithSession([&](const Session& session) { return Render(session, program, *words); });
  });
}

}  // namespace pipelined::cli
