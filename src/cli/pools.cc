// pipectl pools list, get, set, delete, export, import.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/shell/deletion.h"
#include "cli/output/text_input.h"
#include "cli/shell/bulk_import.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"
#include "pipelined/schema/json.h"

namespace pipelined::cli {
namespace {

constexpr const char* kPath = "/api/v2/pools";

std::string Path(const std::string& name) {
  return std::string(kPath) + "/" + PercentEncode(name);
}

Status List(const Session& session, const GlobalOptions& global) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  const auto rows = session.GetAll(kPath, "pools");
  if (!rows) return rows.error();
  PrintRows(*format, *rows,
            {{"POOL", "name"},
             {"SLOTS", "slots"},
             {"RUNNING", "running_slots"},
             {"DEFERRED", "deferred_slots"},
             {"OPEN", "open_slots"}});
  return Ok();
}

Status Get(const Session& session, const GlobalOptions& global, const std::string& name) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  const auto pool = session.Get(Path(name));
  if (!pool) return pool.error();
  PrintObject(*format, *pool);
  return Ok();
}

struct SetOptions {
  std::string name, description;
  std::int64_t slots = 0;
  bool deferred = false;
  bool says_deferred = false, says_description = false;
};

// Makes it, or changes what is given and leaves the rest.
Status Set(const Session& session, const SetOptions& options, bool quiet) {
  Value body(Value::Map{{"name", options.name}, {"slots", options.slots}, {"include_deferred", options.deferred}});
  if (options.says_description) body.Set("description", options.description);
  auto done = session.Post(kPath, body);
  if (!done && done.error().code == ErrorCode::kConflict) {
    std::string mask = "?update_mask=slots";
    if (options.says_deferred) mask += "&update_mask=include_deferred";
    if (options.says_description) mask += "&update_mask=description";
    Value changed(Value::Map{{"pool", options.name}, {"slots", options.slots}, {"include_deferred", options.deferred}});
    if (options.says_description) changed.Set("description", options.description);
    done = session.Patch(Path(options.name) + mask, changed);
  }
  if (!done) return done.error();
  if (!quiet) fmt::print("{} has {} slots\n", options.name, options.slots);
  return Ok();
}

// As Airflow writes it: {"name": {"slots": …, "description": …, "include_deferred": …}}.
Status Export(const Session& session, const std::string& file) {
  const auto rows = session.GetAll(kPath, "pools");
  if (!rows) return rows.error();
  Value all{Value::Map{}};
  for (const Value& row : *rows) {
    Value fields{Value::Map{}};
    for (const char* field : {"slots", "description", "include_deferred"}) {
      const Value* value = row.Find(field);
      fields.Set(field, value == nullptr ? Value() : *value);
    }
    all.Set(TextOf(row, "name"), std::move(fields));
  }
  return WriteOutput(file, ToPrettyJson(all) + "\n");
}

Result<Value::List> Entities(const std::string& file) {
  const Result<std::string> text = ReadInput(file);
  if (!text.ok()) return text.error();
  const Result<Value> json = ParseJson(*text);
  if (!json.ok()) return Error{ErrorCode::kInvalid, fmt::format("{}: {}", file, json.error().message), ""};
  if (!json->is_map())
    return Error{ErrorCode::kInvalid, fmt::format("{} is no JSON object of pools", file),
                 R"(write it as {"warehouse": {"slots": 4}})"};
  Value::List entities;
  for (const auto& [name, fields] : json->map()) {
    if (!fields.is_map() || fields.Find("slots") == nullptr)
      return Error{ErrorCode::kInvalid, fmt::format("{}: {} has no slots", file, name),
                   R"(write it as {"warehouse": {"slots": 4}})"};
    Value entity(Value::Map{{"name", name}});
    for (const auto& [key, value] : fields.map()) {
      if (!value.is_null()) entity.Set(key, value);
    }
    entities.push_back(std::move(entity));
  }
  return entities;
}

void AddSet(CLI::App& pools, Program& program) {
  const auto options = std::make_shared<SetOptions>();
  CLI::App* set = AddCommand(pools, "set", "Make a pool or change its slots",
                             "pipectl pools set warehouse 4 --description \"what the warehouse bears\"");
  set->add_option("POOL", options->name, "Its name")->required();
  set->add_option("SLOTS", options->slots, "How many; -1: no limit")->required();
  const CLI::Option* description = set->add_option("--description", options->description, "What it is for");
  const CLI::Option* deferred =
      set->add_flag("--include-deferred,!--no-include-deferred", options->deferred,
                    "Whether tasks that wait for another run, and have no process, take their slots all the same");
  set->callback([&program, options, description, deferred] {
    options->says_description = description->count() > 0;
    options->says_deferred = deferred->count() > 0;
    program.WithSession([&](const Session& session) { return Set(session, *options, program.global.quiet); });
  });
}

}  // namespace

void AddPoolCommands(CLI::App& app, Program& program) {
  CLI::App* pools =
      AddCommand(app, "pools", "Pools: list, get, set, delete, export, import", "pipectl pools set warehouse 4");
  pools->require_subcommand(1);
  CLI::App* list = AddCommand(*pools, "list", "List the pools", "pipectl pools list");
  AddOutputOption(*list, program);
  list->callback(
      [&program] { program.WithSession([&](const Session& session) { return List(session, program.global); }); });
  const auto name = std::make_shared<std::string>();
  CLI::App* get =
      AddCommand(*pools, "get", "Show a pool: its slots, and what takes them", "pipectl pools get warehouse");
  get->add_option("POOL", *name, "Its name")->required();
  AddOutputOption(*get, program);
  get->callback([&program, name] {
    program.WithSession([&](const Session& session) { return Get(session, program.global, *name); });
  });
  AddSet(*pools, program);
  AddDelete(*pools, program, {"pools", "POOL", "pipectl pools delete warehouse -y"});
  const auto file = std::make_shared<std::string>();
  CLI::App* out = AddCommand(*pools, "export", "Write the pools as JSON", "pipectl pools export pools.json");
  out->add_option("FILE", *file, "Where to; -: standard output")->required();
  out->callback(
      [&program, file] { program.WithSession([&](const Session& session) { return Export(session, *file); }); });
  AddImport(*pools, program, Import{"pools", "name", "overwrite", {}},
            "Make pools from a JSON file: {\"name\": {\"slots\": 4}, …}", "pipectl pools import pools.json --dry-run",
            Entities);
}

}  // namespace pipelined::cli
