// pipectl assets list, get, events, create-event, materialize.
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/runs/start_run.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"
#include "pipelined/schema/json.h"

namespace pipelined::cli {
namespace {

const std::vector<Column> kAssetColumns{{"ID", "id"},           {"URI", "uri"},     {"WRITTEN BY", "writers"},
                                        {"READ BY", "readers"}, {"STARTS", "dags"}, {"LAST EVENT", "latest"}};
const std::vector<Column> kEventColumns{{"WHEN", "timestamp"},    {"ASSET", "uri"},           {"DAG", "source_dag_id"},
                                        {"RUN", "source_run_id"}, {"TASK", "source_task_id"}, {"EXTRA", "extra"}};

// "sales.load, sales.check"
std::string NamesIn(const Value& asset, std::string_view uses) {
  std::string names;
  const Value* list = asset.Find(uses);
  for (const Value& use : list != nullptr && list->is_list() ? list->list() : Value::List{}) {
    const std::string task = TextOf(use, "task_id");
    names += fmt::format("{}{}{}{}", names.empty() ? "" : ", ", TextOf(use, "dag_id"), task.empty() ? "" : ".", task);
  }
  return names;
}

// What a table has room for: names in place of objects.
Value InWords(const Value& asset) {
  Value row = asset;
  row.Set("writers", NamesIn(asset, "producing_tasks"));
  row.Set("readers", NamesIn(asset, "consuming_tasks"));
  row.Set("dags", NamesIn(asset, "scheduled_dags"));
  const Value* latest = asset.Find("last_asset_event");
  row.Set("latest", latest == nullptr || !latest->is_map() ? Value() : Value(TextOf(*latest, "timestamp")));
  return row;
}

Status List(const Session& session, const GlobalOptions& global) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  auto rows = session.GetAll("/api/v2/assets", "assets");
  if (!rows) return rows.error();
  if (!IsWhole(*format)) std::transform(rows->begin(), rows->end(), rows->begin(), InWords);
  PrintRows(*format, *rows, kAssetColumns);
  return Ok();
}

// By its number, its URI or its name.
Result<Value> Find(const Session& session, const std::string& what) {
  const bool number = !what.empty() && what.size() < 19 &&
                      std::all_of(what.begin(), what.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (number) return session.Get("/api/v2/assets/" + what);
  const auto rows =
      session.GetAll("/api/v2/assets?only_active=false&uri_prefix_pattern=" + PercentEncode(what), "assets");
  if (!rows) return rows.error();
  for (const Value& row : *rows) {
    if (TextOf(row, "uri") == what || TextOf(row, "name") == what) return row;
  }
  return Error{ErrorCode::kNotFound, fmt::format("there is no asset \"{}\"", what), "list them: pipectl assets list"};
}

Result<std::int64_t> FindId(const Session& session, const std::string& what) {
  const auto asset = Find(session, what);
  if (!asset) return asset.error();
  const Value* id = asset->Find("id");
  return id != nullptr && id->is_int() ? id->integer() : 0;
}

Status Get(const Session& session, const GlobalOptions& global, const std::string& what) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  const auto asset = Find(session, what);
  if (!asset) return asset.error();
  PrintObject(*format, *asset);
  return Ok();
}

struct EventsOptions {
  std::string asset, dag, run, task;
  std::size_t limit = 50;
};

Status Events(const Session& session, const GlobalOptions& global, const EventsOptions& options) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  std::string path = "/api/v2/assets/events?order_by=-timestamp";
  if (!options.asset.empty()) {
    const auto id = FindId(session, options.asset);
    if (!id) return id.error();
    path += fmt::format("&asset_id={}", *id);
  }
  for (const auto& [name, value] :
       {std::pair("dag", &options.dag), std::pair("run", &options.run), std::pair("task", &options.task)}) {
    if (!value->empty()) path += fmt::format("&source_{}_id={}", name, PercentEncode(*value));
  }
  const auto rows = session.GetAll(path, "asset_events", options.limit);
  if (!rows) return rows.error();
  PrintRows(*format, *rows, kEventColumns);
  return Ok();
}

struct NewEvent {
  std::string asset, extra, partition_key;
};

Status CreateEvent(const Session& session, const GlobalOptions& global, const NewEvent& event) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  const auto id = FindId(session, event.asset);
  if (!id) return id.error();
  Value body = Value(Value::Map{{"asset_id", *id}});
  if (!event.extra.empty()) {
    auto extra = ParseJson(event.extra);
    if (!extra || !extra->is_map())
      return Error{ErrorCode::kInvalid, "--extra is no JSON object", "as in --extra '{\"rows\": 42}'"};
    body.Set("extra", std::move(*extra));
  }
  if (!event.partition_key.empty()) body.Set("partition_key", event.partition_key);
  const auto made = session.Post("/api/v2/assets/events", body);
  if (!made) return made.error();
  PrintObject(*format, *made);
  return Ok();
}

Status Materialize(const Session& session, Program& program, const std::string& asset, const RunOptions& options) {
  const auto id = FindId(session, asset);
  if (!id) return id.error();
  return StartRun(session, program, fmt::format("/api/v2/assets/{}/materialize", *id), options,
                  fmt::format("pipectl assets get {}", asset));
}

void AddList(CLI::App& assets, Program& program) {
  CLI::App* list = AddCommand(assets, "list", "List the assets that DAGs name", "pipectl assets list -o json");
  AddOutputOption(*list, program);
  list->callback(
      [&program] { program.WithSession([&](const Session& session) { return List(session, program.global); }); });
}

void AddGet(CLI::App& assets, Program& program) {
  const auto what = std::make_shared<std::string>();
  CLI::App* get = AddCommand(assets, "get", "Show an asset: the tasks that write and read it, the DAGs that it starts",
                             "pipectl assets get s3://bucket/orders.parquet");
  get->add_option("ASSET", *what, "Its number, URI or name")->required();
  AddOutputOption(*get, program);
  get->callback([&program, what] {
    program.WithSession([&](const Session& session) { return Get(session, program.global, *what); });
  });
}

void AddEvents(CLI::App& assets, Program& program) {
  const auto options = std::make_shared<EventsOptions>();
  CLI::App* events = AddCommand(assets, "events", "List what happened to assets, the latest first",
                                "pipectl assets events s3://bucket/orders.parquet --limit 10");
  events->add_option("ASSET", options->asset, "Only of this one");
  events->add_option("--dag", options->dag, "Only what this DAG has made");
  events->add_option("--run", options->run, "Only what this run has made");
  events->add_option("--task", options->task, "Only what this task has made");
  events->add_option("--limit", options->limit, "At most so many; 0: all")->capture_default_str();
  AddOutputOption(*events, program);
  events->callback([&program, options] {
    program.WithSession([&](const Session& session) { return Events(session, program.global, *options); });
  });
}

void AddCreateEvent(CLI::App& assets, Program& program) {
  const auto event = std::make_shared<NewEvent>();
  CLI::App* create = AddCommand(assets, "create-event", "Report that an asset has changed, without a task",
                                "pipectl assets create-event s3://bucket/orders.parquet --extra '{\"rows\": 42}'");
  create->add_option("ASSET", event->asset, "Its number, URI or name")->required();
  create->add_option("--extra", event->extra, "More about it, as one JSON object");
  create->add_option("--partition-key", event->partition_key, "Which part of it has changed");
  AddOutputOption(*create, program);
  create->callback([&program, event] {
    program.WithSession([&](const Session& session) { return CreateEvent(session, program.global, *event); });
  });
}

void AddMaterialize(CLI::App& assets, Program& program) {
  const auto asset = std::make_shared<std::string>();
  const auto options = std::make_shared<RunOptions>();
  CLI::App* materialize = AddCommand(assets, "materialize", "Start a run of the DAG that writes an asset",
                                     "pipectl assets materialize s3://bucket/orders.parquet --wait");
  materialize->add_option("ASSET", *asset, "Its number, URI or name")->required();
  AddRunOptions(*materialize, options);
  AddOutputOption(*materialize, program);
  materialize->callback([&program, asset, options] {
    program.WithSession([&](const Session& session) { return Materialize(session, program, *asset, *options); });
  });
}

}  // namespace

void AddAssetCommands(CLI::App& app, Program& program) {
  CLI::App* assets =
      AddCommand(app, "assets", "Assets: list, get, events, create-event, materialize", "pipectl assets list");
  assets->require_subcommand(1);
  AddList(*assets, program);
  AddGet(*assets, program);
  AddEvents(*assets, program);
  AddCreateEvent(*assets, program);
  AddMaterialize(*assets, program);
}

}  // namespace pipelined::cli
