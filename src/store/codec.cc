#include "store/codec.h"

#include <fmt/format.h>

#include "pipelined/schema/json.h"
#include "store/arrays.h"
#include "store/json_fields.h"

namespace pipelined {

using namespace json_fields;

std::string EncodeSource(const DagSource& source) {
  Value map;
  map.Set("file", source.file);
  map.Set("relative_file", source.relative_file);
  map.Set("document", source.document);
  map.Set("first_line", static_cast<std::int64_t>(source.first_line));
  map.Set("defaults", Strings(source.defaults));
  if (!source.included.empty()) {
    Value::List included;
    for (const DagSource::Included& other : source.included)
      included.push_back(Value(Value::Map{{"file", other.file}, {"text", other.text}}));
    map.Set("included", Value(std::move(included)));
  }
  return ToJson(map);
}

Result<DagSource> DecodeSource(std::string_view json) {
  const auto map = ParseJson(json);
  if (!map) return map.error();
  DagSource source;
  source.file = Text(*map, "file");
  source.relative_file = Text(*map, "relative_file");
  source.document = Text(*map, "document");
  source.first_line = static_cast<std::int32_t>(Number(*map, "first_line", 1));
  source.defaults = List(*map, "defaults");
  if (const Value* included = map->Find("included"); included != nullptr && included->is_list()) {
    for (const Value& other : included->list()) source.included.push_back({Text(other, "file"), Text(other, "text")});
  }
  return source;
}

std::string EncodeParams(const std::vector<Param>& params) {
  Value::Map map;
  for (const Param& param : params) {
    Value entry;
    if (param.default_value) entry.Set("value", *param.default_value);
    entry.Set("schema", param.schema);
    map.emplace_back(param.name, std::move(entry));
  }
  return ToJson(Value(std::move(map)));
}

namespace {

Value EncodeEnd(const AttemptFinished& end) {
  Value::Map map{{"attempt", end.attempt.value},
                 {"outcome", ToString(end.outcome)},
                 {"exit_code", static_cast<std::int64_t>(end.exit_code)},
                 {"signal", static_cast<std::int64_t>(end.signal)},
                 {"end", ToMicros(end.end)},
                 {"duration", static_cast<std::int64_t>(end.duration.count())},
                 {"cpu_user", static_cast<std::int64_t>(end.cpu_user.count())},
                 {"cpu_system", static_cast<std::int64_t>(end.cpu_system.count())},
                 {"max_rss_kib", end.max_rss_kib},
                 {"pid", end.pid},
                 {"message", end.message},
                 {"outputs", end.outputs}};
  if (end.start) map.emplace_back("start", ToMicros(*end.start));
  if (end.is_final) map.emplace_back("is_final", true);
  return map;
}

AttemptFinished DecodeEnd(const Value& map) {
  AttemptFinished end;
  end.attempt = AttemptId{Number(map, "attempt")};
  end.outcome = TryOutcomeFromString(Text(map, "outcome")).value_or(TryOutcome::kLost);
  end.exit_code = static_cast<int>(Number(map, "exit_code"));
  end.signal = static_cast<int>(Number(map, "signal"));
  if (map.Find("start") != nullptr) end.start = FromMicros(Number(map, "start"));
  end.end = FromMicros(Number(map, "end"));
  end.duration = Micros(Number(map, "duration"));
  end.cpu_user = Micros(Number(map, "cpu_user"));
  end.cpu_system = Micros(Number(map, "cpu_system"));
  end.max_rss_kib = Number(map, "max_rss_kib");
  end.pid = Number(map, "pid");
  end.message = Text(map, "message");
  end.is_final = Flag(map, "is_final");
  if (const Value* outputs = map.Find("outputs"); outputs != nullptr) end.outputs = *outputs;
  return end;
}

}  // namespace

namespace {

CreateBackfill DecodeBackfill(const Value& map) {
  CreateBackfill backfill;
  backfill.dag_id = Text(map, "dag_id");
  backfill.range.from = FromMicros(Number(map, "from_us"));
  backfill.range.to = FromMicros(Number(map, "to_us"));
  backfill.range.reprocess = ReprocessFromString(Text(map, "reprocess")).value_or(Reprocess::kNone);
  backfill.range.run_backwards = Flag(map, "run_backwards");
  backfill.max_active_runs = static_cast<std::int32_t>(Number(map, "max_active_runs"));
  if (const Value* conf = map.Find("conf"); conf != nullptr) backfill.conf = *conf;
  return backfill;
}

}  // namespace

namespace {

Value::List EncodeInstances(const TaskSelection& tasks) {
  Value::List list;
  for (const auto& [id, index] : tasks.instances)
    list.push_back(Value(Value::List{id, static_cast<std::int64_t>(index)}));
  return list;
}

Value::Map EncodeChoice(const RunChoice& runs, const TaskSelection& tasks, const std::optional<std::string>& note) {
  Value map{Value::Map{{"dag_id", runs.dag_id},
                       {"run", runs.run.value},
                       {"past", runs.past},
                       {"future", runs.future},
                       {"ids", Strings(tasks.ids)},
                       {"instances", EncodeInstances(tasks)},
                       {"none", tasks.none},
                       {"upstream", tasks.upstream},
                       {"downstream", tasks.downstream},
                       {"only_failed", tasks.only_failed},
                       {"only_running", tasks.only_running}}};
  SetInstant(map, "from_us", runs.from);
  SetInstant(map, "to_us", runs.to);
  if (note) map.Set("note", *note);
  return map.map();
}

RunChoice DecodeRuns(const Value& map) {
  return RunChoice{Text(map, "dag_id"), RunId{Number(map, "run")},  Flag(map, "past"),
                   Flag(map, "future"), GetInstant(map, "from_us"), GetInstant(map, "to_us")};
}

TaskSelection DecodeTasks(const Value& map) {
  TaskSelection tasks;
  tasks.ids = List(map, "ids");
  if (const Value* pairs = map.Find("instances"); pairs != nullptr && pairs->is_list()) {
    for (const Value& pair : pairs->list())
      tasks.instances.emplace_back(pair.list().at(0).string(), static_cast<std::int32_t>(pair.list().at(1).integer()));
  }
  tasks.none = Flag(map, "none");
  tasks.upstream = Flag(map, "upstream");
  tasks.downstream = Flag(map, "downstream");
  tasks.only_failed = Flag(map, "only_failed");
  tasks.only_running = Flag(map, "only_running");
  return tasks;
}

std::optional<std::string> DecodeNote(const Value& map) {
  return map.Find("note") == nullptr ? std::nullopt : std::optional(Text(map, "note"));
}

ClearTasks DecodeClear(const Value& map) {
  ClearTasks clear{DecodeRuns(map), DecodeTasks(map)};
  clear.reset_runs = Flag(map, "reset_runs");
  clear.latest_version = Flag(map, "latest_version");
  clear.refuse_running = Flag(map, "refuse_running");
  clear.note = DecodeNote(map);
  return clear;
}

}  // namespace

CommandText EncodeCommand(const Command& command) {
  struct Encode {
    CommandText operator()(const PauseDag& c) const {
      return {"pause_dag", ToJson(Value(Value::Map{{"dag_id", c.dag_id}, {"paused", c.paused}}))};
    }
    CommandText operator()(const DeleteDag& c) const {
      return {"delete_dag", ToJson(Value(Value::Map{{"dag_id", c.dag_id}}))};
    }
    CommandText operator()(const CancelRun& c) const {
      return {"cancel_run", ToJson(Value(Value::Map{{"run", c.run.value}}))};
    }
    CommandText operator()(const WhyTask& c) const {
      return {"why_task",
              ToJson(Value(Value::Map{{"run", c.run.value}, {"task_id", c.task_id}, {"map_index", c.map_index}}))};
    }
    CommandText operator()(const SetPool& c) const {
      Value::Map pool{{"name", c.name}, {"slots", static_cast<std::int64_t>(c.slots)}};
      if (c.description) pool.emplace_back("description", *c.description);
      if (c.include_deferred) pool.emplace_back("include_deferred", *c.include_deferred);
      return {"set_pool", ToJson(Value(std::move(pool)))};
    }
    CommandText operator()(const DeletePool& c) const {
      return {"delete_pool", ToJson(Value(Value::Map{{"name", c.name}}))};
    }
    CommandText operator()(const ListQueue& c) const {
      return {"list_queue",
              ToJson(Value(
                  Value::Map{{"pool", c.pool}, {"dag_id", c.dag_id}, {"limit", static_cast<std::int64_t>(c.limit)}}))};
    }
    CommandText operator()(const CreateBackfill& c) const {
      return {"create_backfill",
              ToJson(Value(Value::Map{{"dag_id", c.dag_id},
                                      {"from_us", ToMicros(c.range.from)},
                                      {"to_us", ToMicros(c.range.to)},
                                      {"reprocess", ToString(c.range.reprocess)},
                                      {"run_backwards", c.range.run_backwards},
                                      {"max_active_runs", static_cast<std::int64_t>(c.max_active_runs)},
                                      {"conf", c.conf}}))};
    }
    CommandText operator()(const PauseBackfill& c) const {
      return {"pause_backfill", ToJson(Value(Value::Map{{"backfill", c.backfill.value}, {"paused", c.paused}}))};
    }
    CommandText operator()(const CancelBackfill& c) const {
      return {"cancel_backfill", ToJson(Value(Value::Map{{"backfill", c.backfill.value}}))};
    }
    CommandText operator()(const ClearTasks& c) const {
      Value map = EncodeChoice(c.runs, c.tasks, c.note);
      map.Set("reset_runs", c.reset_runs);
      map.Set("latest_version", c.latest_version);
      map.Set("refuse_running", c.refuse_running);
      return {"clear_tasks", ToJson(map)};
    }
    CommandText operator()(const MarkTasks& c) const {
      Value map = EncodeChoice(c.runs, c.tasks, c.note);
      map.Set("state", std::string(ToString(c.state)));
      return {"mark_tasks", ToJson(map)};
    }
    CommandText operator()(const MarkRun& c) const {
      return {"mark_run", ToJson(Value(Value::Map{
                              {"dag_id", c.dag_id}, {"run", c.run.value}, {"state", std::string(ToString(c.state))}}))};
    }
    CommandText operator()(const SetNote& c) const {
      return {"set_note",
              ToJson(Value(Value::Map{
                  {"run", c.run.value}, {"task_id", c.task_id}, {"map_index", c.map_index}, {"note", c.note}}))};
    }
    CommandText operator()(const DeleteRun& c) const {
      return {"delete_run",
              ToJson(Value(Value::Map{{"dag_id", c.dag_id}, {"run_id", c.run_id}, {"run", c.run.value}}))};
    }
    CommandText operator()(const EditOutput& c) const {
      Value map{Value::Map{{"run", c.run.value}, {"task_id", c.task_id}, {"map_index", c.map_index}, {"key", c.key}}};
      if (c.value) map.Set("value", *c.value);
      return {"edit_output", ToJson(map)};
    }
    CommandText operator()(const ReportEnd& c) const { return {"report_end", ToJson(EncodeEnd(c.end))}; }
  };
  return std::visit(Encode{}, command.what);
}

Result<Command> DecodeCommand(CommandId id, std::string who, std::string_view what, std::string_view payload) {
  const auto map = ParseJson(payload);
  if (!map) return map.error();
  Command command{id, std::move(who), {}};
  if (what == "pause_dag") {
    command.what = PauseDag{Text(*map, "dag_id"), Flag(*map, "paused")};
  } else if (what == "delete_dag") {
    command.what = DeleteDag{Text(*map, "dag_id")};
  } else if (what == "cancel_run") {
    command.what = CancelRun{RunId{Number(*map, "run")}};
  } else if (what == "why_task") {
    WhyTask why{RunId{Number(*map, "run")}, Text(*map, "task_id")};
    if (map->Find("map_index") != nullptr) why.map_index = static_cast<std::int32_t>(Number(*map, "map_index"));
    command.what = std::move(why);
  } else if (what == "set_pool") {
    SetPool pool{Text(*map, "name"), static_cast<std::int32_t>(Number(*map, "slots"))};
    if (map->Find("description") != nullptr) pool.description = Text(*map, "description");
    if (map->Find("include_deferred") != nullptr) pool.include_deferred = Flag(*map, "include_deferred");
    command.what = std::move(pool);
  } else if (what == "delete_pool") {
    command.what = DeletePool{Text(*map, "name")};
  } else if (what == "list_queue") {
    command.what =
        ListQueue{Text(*map, "pool"), Text(*map, "dag_id"), static_cast<std::int32_t>(Number(*map, "limit"))};
  } else if (what == "create_backfill") {
    command.what = DecodeBackfill(*map);
  } else if (what == "pause_backfill") {
    command.what = PauseBackfill{BackfillId{Number(*map, "backfill")}, Flag(*map, "paused")};
  } else if (what == "cancel_backfill") {
    command.what = CancelBackfill{BackfillId{Number(*map, "backfill")}};
  } else if (what == "clear_tasks") {
    command.what = DecodeClear(*map);
  } else if (what == "mark_tasks") {
    command.what = MarkTasks{DecodeRuns(*map), DecodeTasks(*map),
                             TaskStateFromString(Text(*map, "state")).value_or(TaskState::kSuccess), DecodeNote(*map)};
  } else if (what == "mark_run") {
    command.what = MarkRun{Text(*map, "dag_id"), RunId{Number(*map, "run")},
                           RunStateFromString(Text(*map, "state")).value_or(RunState::kSuccess)};
  } else if (what == "set_note") {
    SetNote note{RunId{Number(*map, "run")}, Text(*map, "task_id"), Text(*map, "note")};
    if (map->Find("map_index") != nullptr) note.map_index = static_cast<std::int32_t>(Number(*map, "map_index"));
    command.what = std::move(note);
  } else if (what == "delete_run") {
    command.what = DeleteRun{Text(*map, "dag_id"), Text(*map, "run_id"), RunId{Number(*map, "run")}};
  } else if (what == "edit_output") {
    EditOutput edit{RunId{Number(*map, "run")}, Text(*map, "task_id"),
                    static_cast<std::int32_t>(Number(*map, "map_index")), Text(*map, "key")};
    if (const Value* value = map->Find("value")) edit.value = *value;
    command.what = std::move(edit);
  } else if (what == "report_end") {
    command.what = ReportEnd{DecodeEnd(*map)};
  } else {
    return Error{ErrorCode::kBug, fmt::format("command {} is of an unknown kind: {}", id.value, what), ""};
  }
  return command;
}

}  // namespace pipelined
