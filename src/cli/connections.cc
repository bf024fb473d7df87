// pipectl connections list, get, add, set, delete, test, export, import.
#include <fmt/format.h>

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

constexpr const char* kPath = "/api/v2/connections";
constexpr const char* kFields[] = {"conn_type", "description", "host", "login", "schema", "port", "password", "extra"};

std::string Path(const std::string& id) {
  return std::string(kPath) + "/" + PercentEncode(id);
}

Status List(const Session& session, const GlobalOptions& global) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  const auto rows = session.GetAll(kPath, "connections");
  if (!rows) return rows.error();
  PrintRows(*format, *rows,
            {{"CONNECTION", "connection_id"},
             {"TYPE", "conn_type"},
             {"HOST", "host"},
             {"PORT", "port"},
             {"LOGIN", "login"},
             {"SCHEMA", "schema"},
             {"DESCRIPTION", "description"}});
  return Ok();
}

Status Get(const Session& session, const GlobalOptions& global, const std::string& id) {
  const auto format = OutputFormat(global);
  if (!format) return format.error();
  const auto row = session.Get(Path(id));
  if (!row) return row.error();
  PrintObject(*format, *row);
  return Ok();
}

struct AddOptions {
  std::string id, type, description, host, login, schema, password_file, extra_file;
  std::int64_t port = -1;
  bool password = false;
};

Result<Value> BodyOf(const AddOptions& options) {
  if (options.password_file == "-" && options.extra_file == "-")
    return Error{ErrorCode::kInvalid, "standard input can hold the password or the extra, not both", ""};
  Value body(Value::Map{{"connection_id", options.id}, {"conn_type", options.type}});
  const auto set = [&](const char* key, const std::string& text) {
    if (!text.empty()) body.Set(key, text);
  };
  set("description", options.description);
  set("host", options.host);
  set("login", options.login);
  set("schema", options.schema);
  if (options.port >= 0) body.Set("port", options.port);
  if (options.password || !options.password_file.empty()) {
    const Result<std::string> text = ReadSecretInput(options.password_file, "password of " + options.id);
    if (!text.ok()) return text.error();
    set("password", *text);
  }
  if (!options.extra_file.empty()) {
    const Result<std::string> text = ReadInput(options.extra_file);
    if (!text.ok()) return text.error();
    set("extra", *text);
  }
  return body;
}

Status Add(const Session& session, const AddOptions& options, bool quiet) {
  const auto body = BodyOf(options);
  if (!body) return body.error();
  const auto done = session.Post(kPath, *body);
  if (!done) return done.error();
  if (!quiet) fmt::print("{} is added\n", options.id);
  return Ok();
}

// Makes it, or changes what is given and leaves the rest, secrets too.
Status Set(const Session& session, const AddOptions& options, bool quiet) {
  auto body = BodyOf(options);
  if (!body) return body.error();
  const auto known = session.Get(Path(options.id));
  if (!known && known.error().code != ErrorCode::kNotFound) return known.error();
  if (!known && options.type.empty())
    return Error{ErrorCode::kInvalid,
                 fmt::format("there is no connection {} yet, and a new one needs a type", options.id),
                 "say which: --conn-type postgres"};
  if (options.type.empty()) body->Set("conn_type", TextOf(*known, "conn_type"));
  const auto done = known ? session.Patch(Path(options.id), *body) : session.Post(kPath, *body);
  if (!done) return done.error();
  if (!quiet) fmt::print("{} is set\n", options.id);
  return Ok();
}

Status Test(Program& program, const Session& session, const std::string& id) {
  const auto row = session.Get(Path(id));
  if (!row) return row.error();
  const auto answer = session.Post(std::string(kPath) + "/test",
                                   Value(Value::Map{{"connection_id", id}, {"conn_type", TextOf(*row, "conn_type")}}));
  if (!answer) return answer.error();
  fmt::print("{}\n", TextOf(*answer, "message"));
  const Value* status = answer->Find("status");
  if (status == nullptr || *status != Value(true)) program.exit_code = Exit::kFailed;
  return Ok();
}

bool IsMasked(const Value& value) {
  return value.is_string() && value.string().find(kMasked) != std::string::npos;
}

// As Airflow writes it: {"id": {"conn_type": …}}. The server shows no secrets, so that they are left out.
Status Export(const Session& session, const std::string& file) {
  const auto rows = session.GetAll(kPath, "connections");
  if (!rows) return rows.error();
  Value all{Value::Map{}};
  std::size_t left_out = 0;
  for (const Value& row : *rows) {
    Value::Map fields;
    bool whole = true;
    for (const char* field : kFields) {
      const Value* value = row.Find(field);
      whole = whole && (value == nullptr || !IsMasked(*value));
      fields.emplace_back(field, value == nullptr || IsMasked(*value) ? Value() : *value);
    }
    if (!whole) ++left_out;
    all.Set(TextOf(row, "connection_id"), std::move(fields));
  }
  if (left_out > 0)
    fmt::print(stderr,
               "passwords, or extras with secrets, of {} connections are left out: the server does not show them\n",
               left_out);
  return WriteOutput(file, ToPrettyJson(all) + "\n");
}

// A connection of the file as a body. An extra may be an object, too.
Result<Value> Entity(const std::string& id, const Value& fields) {
  if (!fields.is_map()) return Error{ErrorCode::kInvalid, fmt::format("{} is no JSON object", id), ""};
  Value entity(Value::Map{{"connection_id", id}});
  for (const auto& [key, value] : fields.map()) {
    if (value.is_null()) continue;
    if (IsMasked(value) || (key == "extra" && value.is_map() && IsMasked(Value(ToJson(value)))))
      return Error{ErrorCode::kInvalid, fmt::format("{}: {} is masked", id, key), "put its value in, or leave it out"};
    entity.Set(key, key == "extra" && value.is_map() ? Value(ToJson(value)) : value);
  }
  return entity;
}

Result<Value::List> Entities(const std::string& file) {
  const Result<std::string> text = ReadInput(file);
  if (!text.ok()) return text.error();
  const Result<Value> json = ParseJson(*text);
  if (!json.ok()) return Error{ErrorCode::kInvalid, fmt::format("{}: {}", file, json.error().message), ""};
  if (!json->is_map()) return Error{ErrorCode::kInvalid, fmt::format("{} is no JSON object of connections", file), ""};
  Value::List entities;
  for (const auto& [id, fields] : json->map()) {
    Result<Value> entity = Entity(id, fields);
    if (!entity.ok()) return entity.error();
    entities.push_back(*std::move(entity));
  }
  return entities;
}

void AddAdd(CLI::App& connections, Program& program, bool change) {
  const auto options = std::make_shared<AddOptions>();
  CLI::App* add =
      change ? AddCommand(connections, "set", "Make a connection, or change what is given of it",
                          "pipectl connections set warehouse --conn-host db2\n"
                          "  pass show db | pipectl connections set warehouse --password-file -")
             : AddCommand(connections, "add", "Make a connection; one of that name is a conflict",
                          "pipectl connections add warehouse --conn-type postgres --conn-host db --conn-login ann\n"
                          "      --conn-port 5432 --conn-schema sales --password-file /run/secrets/warehouse\n"
                          "  pass show db | pipectl connections add warehouse --conn-type postgres --password-file -");
  add->add_option("CONNECTION", options->id, "Its name")->required();
  add->add_option("--conn-type", options->type, "postgres, http, ssh …")->required(!change);
  add->add_option("--conn-description", options->description, "What it is for");
  add->add_option("--conn-host", options->host, "Host name or address");
  add->add_option("--conn-login", options->login, "User name");
  add->add_option("--conn-schema", options->schema, "Database or scheme");
  add->add_option("--conn-port", options->port, "Port")->check(CLI::Range(0, 65535));
  add->add_flag("--password", options->password, "Ask for the password");
  add->add_option("--password-file", options->password_file, "Read the password from this file; -: standard input");
  add->add_option("--extra-file", options->extra_file, "Read the extra, a JSON object, from this file");
  add->callback([&program, options, change] {
    program.WithSession([&](const Session& session) {
      return change ? Set(session, *options, program.global.quiet) : Add(session, *options, program.global.quiet);
    });
  });
}

void AddImport(CLI::App& connections, Program& program) {
  const auto import = std::make_shared<Import>(Import{"connections", "connection_id", "fail", {}});
  const auto file = std::make_shared<std::string>();
  const auto overwrite = std::make_shared<bool>(false);
  CLI::App* command =
      AddCommand(connections, "import", "Make connections from a JSON file: {\"id\": {\"conn_type\": …}}",
                 "pipectl connections import connections.json --overwrite --dry-run");
  command->add_option("FILE", *file, "JSON file; -: standard input")->required();
  command->add_flag("--overwrite", *overwrite, "Change those that exist; what the file does not say stays as it is");
  command->add_flag("--dry-run", import->dry_run, "Only say what would be done");
  command->callback([&program, import, file, overwrite] {
    program.WithSession([&](const Session& session) -> Status {
      Result<Value::List> entities = Entities(*file);
      if (!entities.ok()) return entities.error();
      import->entities = *std::move(entities);
      import->quiet = program.global.quiet;
      if (*overwrite) import->when_it_exists = "overwrite";
      return RunImport(session, *import);
    });
  });
}

}  // namespace

void AddConnectionCommands(CLI::App& app, Program& program) {
  CLI::App* connections = AddCommand(
      app, "connections", "Connections: list, get, add, set, delete, test, export, import", "pipectl connections list");
  connections->require_subcommand(1);
  CLI::App* list = AddCommand(*connections, "list", "List the connections", "pipectl connections list -o json");
  AddOutputOption(*list, program);
  list->callback(
      [&program] { program.WithSession([&](const Session& session) { return List(session, program.global); }); });
  const auto id = std::make_shared<std::string>();
  CLI::App* get =
      AddCommand(*connections, "get", "Show a connection, without its secrets", "pipectl connections get warehouse");
  get->add_option("CONNECTION", *id, "Its name")->required();
  AddOutputOption(*get, program);
  get->callback([&program, id] {
    program.WithSession([&](const Session& session) { return Get(session, program.global, *id); });
  });
  CLI::App* test = AddCommand(*connections, "test", "Say whether its host accepts connections (exit 1 when not)",
                              "pipectl connections test warehouse");
  test->add_option("CONNECTION", *id, "Its name")->required();
  test->callback(
      [&program, id] { program.WithSession([&](const Session& session) { return Test(program, session, *id); }); });
  AddAdd(*connections, program, false);
  AddAdd(*connections, program, true);
  AddDelete(*connections, program,
            {"connections", "CONNECTION",
             "pipectl connections delete warehouse -y\n  pipectl connections delete warehouse --dry-run"});
  const auto file = std::make_shared<std::string>();
  CLI::App* out = AddCommand(*connections, "export", "Write the connections as JSON, without secrets",
                             "pipectl connections export connections.json");
  out->add_option("FILE", *file, "Where to; -: standard output")->required();
  out->callback(
      [&program, file] { program.WithSession([&](const Session& session) { return Export(session, *file); }); });
  AddImport(*connections, program);
}

}  // namespace pipelined::cli
