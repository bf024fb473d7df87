// pipectl variables list, get, set, delete, export, import.
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/shell/deletion.h"
#include "cli/output/text_input.h"
#include "cli/shell/bulk_import.h"
#include "pipelined/base/percent.h"
#include "pipelined/base/secret_name.h"
#include "pipelined/http/client.h"
#include "pipelined/schema/json.h"

namespace pipelined::cli {
namespace {

std::string Path(const std::string& key) {
  return "/api/v2/variables/" + PercentEncode(key);
}

Status List(const Session& session, const GlobalOptions& global) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  const auto rows = session.GetAll("/api/v2/variables", "variables");
  if (!rows) return rows.error();
  PrintRows(*format, *rows, {{"KEY", "key"}, {"VALUE", "value"}, {"DESCRIPTION", "description"}});
  return Ok();
}

// The value alone where no other form is asked for, so that it can be used in a script.
Status Get(const Session& session, const GlobalOptions& global, const std::string& key) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  const auto row = session.Get(Path(key));
  if (!row) return row.error();
  if (IsWhole(*format)) {
    PrintObject(*format, *row);
  } else {
    fmt::print("{}\n", TextOf(*row, "value"));
  }
  if (TextOf(*row, "value") == kMasked) fmt::print(stderr, "the value is a secret and is not shown\n");
  return Ok();
}

struct SetOptions {
  std::string key, value, file, description;
  bool json = false;
};

Result<Value> ValueOf(const SetOptions& options, bool on_command_line) {
  if (on_command_line && IsSecretName(options.key)) {
    return Error{
        ErrorCode::kInvalid,
        fmt::format("{} is a secret by its name, and every user of this machine can read command lines", options.key),
        "give it with --file, or on standard input"};
  }
  const Result<std::string> text =
      on_command_line ? Result<std::string>(options.value) : ReadSecretInput(options.file, "value of " + options.key);
  if (!text.ok()) return text.error();
  return options.json ? ParseJson(*text) : Result<Value>(Value(*text));
}

Status Set(const Session& session, const SetOptions& options, bool on_command_line, bool quiet) {
  const Result<Value> value = ValueOf(options, on_command_line);
  if (!value.ok()) return value.error();
  Value body(Value::Map{{"key", options.key}, {"value", *value}});
  if (!options.description.empty()) body.Set("description", options.description);
  auto done = session.Post("/api/v2/variables", body);
  if (!done && done.error().code == ErrorCode::kConflict) done = session.Patch(Path(options.key), body);
  if (!done) return done.error();
  if (!quiet) fmt::print("{} is set\n", options.key);
  return Ok();
}

bool HasSecret(const Value& value) {
  if (value.is_string()) return value.string() == kMasked;
  if (value.is_list()) return std::any_of(value.list().begin(), value.list().end(), HasSecret);
  return value.is_map() &&
         std::any_of(value.map().begin(), value.map().end(), [](const auto& entry) { return HasSecret(entry.second); });
}

// As Airflow writes it: {"key": value}, and {"key": {"value": …, "description": …}} where there is a description.
Status Export(const Session& session, const std::string& file) {
  const auto rows = session.GetAll("/api/v2/variables", "variables");
  if (!rows) return rows.error();
  Value all{Value::Map{}};
  std::size_t left_out = 0;
  for (const Value& row : *rows) {
    const std::string text = TextOf(row, "value");
    const Result<Value> json = ParseJson(text);
    const Value value = json.ok() ? *json : Value(text);
    const Value* shown = row.Find("value");
    if (shown == nullptr || shown->is_null() || HasSecret(value)) {
      ++left_out;
      continue;
    }
    const std::string description = TextOf(row, "description");
    all.Set(TextOf(row, "key"),
            description.empty() ? value : Value(Value::Map{{"value", value}, {"description", description}}));
  }
  if (left_out > 0)
    fmt::print(stderr, "{} variables with secrets are left out: the server does not show them\n", left_out);
  return WriteOutput(file, ToPrettyJson(all) + "\n");
}

Result<Value::List> Entities(const std::string& file) {
  const Result<std::string> text = ReadInput(file);
  if (!text.ok()) return text.error();
  const Result<Value> json = ParseJson(*text);
  if (!json.ok()) return Error{ErrorCode::kInvalid, fmt::format("{}: {}", file, json.error().message), ""};
  if (!json->is_map()) return Error{ErrorCode::kInvalid, fmt::format("{} is no JSON object of variables", file), ""};
  Value::List entities;
  for (const auto& [key, value] : json->map()) {
    const bool described = value.is_map() && value.Find("value") != nullptr && value.Find("description") != nullptr &&
                           value.map().size() == 2;
    Value entity(Value::Map{{"key", key}, {"value", described ? *value.Find("value") : value}});
    if (described) entity.Set("description", *value.Find("description"));
    if (HasSecret(value))
      return Error{ErrorCode::kInvalid, fmt::format("{}: {} is masked", file, key), "put its value in"};
    entities.push_back(std::move(entity));
  }
  return entities;
}

void AddSet(CLI::App& variables, Program& program) {
  const auto options = std::make_shared<SetOptions>();
  CLI::App* set = AddCommand(variables, "set", "Make a variable or change its value",
                             "pipectl variables set region eu\n"
                             "  pipectl variables set db_password --file /run/secrets/db\n"
                             "  pass show db | pipectl variables set db_password");
  set->add_option("KEY", options->key, "Its name")->required();
  CLI::Option* value = set->add_option("VALUE", options->value, "Its value; not for secrets");
  set->add_option("-f,--file", options->file, "Read the value from this file; -: standard input")->excludes(value);
  set->add_option("--description", options->description, "What it is for");
  set->add_flag("-j,--json", options->json, "The value is JSON");
  set->callback([&program, options, value] {
    program.WithSession(
        [&](const Session& session) { return Set(session, *options, value->count() > 0, program.global.quiet); });
  });
}

}  // namespace

void AddVariableCommands(CLI::App& app, Program& program) {
  CLI::App* variables = AddCommand(app, "variables", "Variables: list, get, set, delete, export, import",
                                   "pipectl variables set region eu");
  variables->require_subcommand(1);
  CLI::App* list = AddCommand(*variables, "list", "List the variables", "pipectl variables list -o json");
  AddOutputOption(*list, program);
  list->callback(
      [&program] { program.WithSession([&](const Session& session) { return List(session, program.global); }); });
  const auto key = std::make_shared<std::string>();
  CLI::App* get = AddCommand(*variables, "get", "Print the value of a variable", "pipectl variables get region");
  get->add_option("KEY", *key, "Its name")->required();
  AddOutputOption(*get, program);
  get->callback([&program, key] {
    program.WithSession([&](const Session& session) { return Get(session, program.global, *key); });
  });
  AddSet(*variables, program);
  AddDelete(
      *variables, program,
      {"variables", "KEY", "pipectl variables delete region -y\n  pipectl variables delete region zone --dry-run"});
  const auto file = std::make_shared<std::string>();
  CLI::App* out = AddCommand(*variables, "export", "Write the variables as JSON, without secrets",
                             "pipectl variables export variables.json");
  out->add_option("FILE", *file, "Where to; -: standard output")->required();
  out->callback(
      [&program, file] { program.WithSession([&](const Session& session) { return Export(session, *file); }); });
  AddImport(*variables, program, Import{"variables", "key", "overwrite", {}},
            "Make variables from a JSON file: {\"key\": value, …}", "pipectl variables import variables.json --dry-run",
            Entities);
}

}  // namespace pipelined::cli
