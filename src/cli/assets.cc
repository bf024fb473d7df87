// pipectl assets list, get, events.
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

Status Print(const GlobalOptions& global, const Result<Value::List>& rows, const std::vector<Column>& columns) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  if (!rows) return rows.error();
  PrintRows(*format, *rows, columns);
  return Ok();
}

// By its number, its URI or its name.
Result<Value> Find(const Session& session, const std::string& what) {
  const bool number = !what.empty() && what.size() < 19 &&
                      std::all_of(what.begin(), what.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (number) return session.Get("/api/v2/assets/" + what);
  const auto rows = session.GetAll("/api/v2/assets", "assets");
  if (!rows) return rows.error();
  for (const Value& row : *rows) {
    if (TextOf(row, "uri") == what || TextOf(row, "name") == what) return row;
  }
  return Error{ErrorCode::kNotFound, fmt::format("there is no asset \"{}\"", what), "list them: pipectl assets list"};
}

Status Get(const Session& session, const GlobalOptions& global, const std::string& what) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  const auto asset = Find(session, what);
  if (!asset) return asset.error();
  PrintObject(*format, *asset);
  return Ok();
}

Status Events(const Session& session, const GlobalOptions& global, const std::string& what, std::size_t limit) {
  std::string path = "/api/v2/assets/events?order_by=-timestamp";
  if (!what.empty()) {
    const auto asset = Find(session, what);
    if (!asset) return asset.error();
    const Value* id = asset->Find("id");
    if (id != nullptr && id->is_int()) path += fmt::format("&asset_id={}", id->integer());
  }
  return Print(global, session.GetAll(path, "asset_events", limit),
               {{"WHEN", "timestamp"},
                {"ASSET", "uri"},
                {"DAG", "source_dag_id"},
                {"RUN", "source_run_id"},
                {"TASK", "source_task_id"}});
}

}  // namespace

void AddAssetCommands(CLI::App& app, Program& program) {
  CLI::App* assets = AddCommand(app, "assets", "Assets: list, get, events", "pipectl assets list");
  assets->require_subcommand(1);
  CLI::App* list = AddCommand(*assets, "list", "List the assets that DAGs name", "pipectl assets list -o json");
  AddOutputOption(*list, program);
  list->callback([&program] {
    program.WithSession([&](const Session& session) {
      return Print(program.global, session.GetAll("/api/v2/assets", "assets"),
                   {{"ID", "id"}, {"NAME", "name"}, {"URI", "uri"}, {"GROUP", "group"}});
    });
  });
  const auto what = std::make_shared<std::string>();
  CLI::App* get = AddCommand(*assets, "get", "Show an asset and the DAGs that it starts",
                             "pipectl assets get s3://bucket/orders.parquet");
  get->add_option("ASSET", *what, "Its number, URI or name")->required();
  AddOutputOption(*get, program);
  get->callback([&program, what] {
    program.WithSession([&](const Session& session) { return Get(session, program.global, *what); });
  });
  const auto limit = std::make_shared<std::size_t>(50);
  CLI::App* events = AddCommand(*assets, "events", "List what happened to assets, the latest first",
                                "pipectl assets events s3://bucket/orders.parquet --limit 10");
  events->add_option("ASSET", *what, "Only of this one");
  events->add_option("--limit", *limit, "At most so many; 0: all")->capture_default_str();
  AddOutputOption(*events, program);
  events->callback([&program, what, limit] {
    program.WithSession([&](const Session& session) { return Events(session, program.global, *what, *limit); });
  });
}

}  // namespace pipelined::cli
