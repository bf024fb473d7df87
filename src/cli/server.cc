// pipectl login, health, version, pools.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/text_input.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

Status Login(const std::string& url, const std::string& user) {
  const std::string password = AskSecret("password of " + user);
  GlobalOptions options;
  options.url = url;
  options.token = "none";  // the log-in itself needs none
  const auto session = Session::Open(options);
  if (!session) return session.error();
  const auto answer = session->Post("/auth/token", Value(Value::Map{{"username", user}, {"password", password}}));
  if (!answer) return answer.error();
  if (const Status saved = SaveProfile(session->url(), TextOf(*answer, "access_token")); !saved) return saved;
  fmt::print("logged in at {} as {}; kept in {}\n", session->url(), user, ProfilePath());
  return Ok();
}

void AddLogin(CLI::App& app, Program& program) {
  const auto url = std::make_shared<std::string>();
  const auto user = std::make_shared<std::string>("admin");
  CLI::App* login =
      AddCommand(app, "login", "Log in at a server and remember it", "pipectl login http://scheduler:8080 --user ann");
  login->add_option("URL", *url, "The server's address")->required();
  login->add_option("-u,--user", *user, "User name")->capture_default_str();
  login->callback([&program, url, user] {
    if (const Status done = Login(*url, *user); !done) program.Fail(done.error());
  });
}

void AddHealth(CLI::App& app, Program& program) {
  CLI::App* health =
      AddCommand(app, "health", "Say how the server, its database and its scheduler are", "pipectl health");
  AddOutputOption(*health, program);
  health->callback([&program] {
    program.WithSession([&](const Session& session) -> Status {
      const auto format = OutputFormat(program.global);
      if (!format) return format.error();
      const auto answer = session.Get("/api/v2/monitor/health");
      if (!answer) return answer.error();
      bool healthy = true;
      Value shown;
      for (const auto& [part, about] : answer->map()) {
        const std::string status = about.is_map() ? TextOf(about, "status") : "";
        if (!status.empty()) shown.Set(part, status);
        if (part == "metadatabase" || part == "scheduler") healthy = healthy && status == "healthy";
      }
      const bool whole = *format == Layout::kJson || *format == Layout::kYaml;
      PrintObject(*format, whole ? *answer : shown);
      if (!healthy) program.exit_code = Exit::kFailed;
      return Ok();
    });
  });
}

void AddVersion(CLI::App& app, Program& program) {
  const auto only_client = std::make_shared<bool>(false);
  CLI::App* version =
      AddCommand(app, "version", "Print the versions of pipectl and of the server", "pipectl version --client");
  version->add_flag("--client", *only_client, "Only pipectl's own");
  version->callback([&program, only_client] {
    fmt::print("pipectl {}\n", PIPELINED_VERSION);
    if (*only_client) return;
    program.WithSession([&](const Session& session) -> Status {
      const auto answer = session.Get("/api/v2/version");
      if (!answer) return answer.error();
      fmt::print("server {} at {}\n", TextOf(*answer, "version"), session.url());
      return Ok();
    });
  });
}

void AddPools(CLI::App& app, Program& program) {
  CLI::App* pools = AddCommand(app, "pools", "Pools: list, set", "pipectl pools set warehouse 4");
  pools->require_subcommand(1);
  CLI::App* list = AddCommand(*pools, "list", "List the pools", "pipectl pools list");
  AddOutputOption(*list, program);
  list->callback([&program] {
    program.WithSession([&](const Session& session) -> Status {
      const auto format = OutputFormat(program.global);
      if (!format) return format.error();
      const auto rows = session.GetAll("/api/v2/pools", "pools");
      if (!rows) return rows.error();
      PrintRows(*format, *rows,
                {{"POOL", "name"},
                 {"SLOTS", "slots"},
                 {"RUNNING", "running_slots"},
                 {"DEFERRED", "deferred_slots"},
                 {"OPEN", "open_slots"}});
      return Ok();
    });
  });
  const auto name = std::make_shared<std::string>();
  const auto slots = std::make_shared<std::int64_t>(0);
  CLI::App* set = AddCommand(*pools, "set", "Make a pool or change its slots", "pipectl pools set warehouse 4");
  set->add_option("POOL", *name, "Its name")->required();
  set->add_option("SLOTS", *slots, "How many; -1: no limit")->required();
  const auto deferred = std::make_shared<bool>(false);
  const CLI::Option* said =
      set->add_flag("--include-deferred,!--no-include-deferred", *deferred,
                    "Whether tasks that wait for another run, and have no process, take their slots all the same");
  set->callback([&program, name, slots, deferred, said] {
    program.WithSession([&](const Session& session) -> Status {
      const Value body(Value::Map{{"name", *name}, {"slots", *slots}, {"include_deferred", *deferred}});
      auto done = session.Post("/api/v2/pools", body);
      if (!done && done.error().code == ErrorCode::kConflict) {
        const std::string mask =
            said->count() > 0 ? "?update_mask=slots&update_mask=include_deferred" : "?update_mask=slots";
        done = session.Patch("/api/v2/pools/" + UrlEncode(*name) + mask,
                             Value(Value::Map{{"pool", *name}, {"slots", *slots}, {"include_deferred", *deferred}}));
      }
      if (!done) return done.error();
      if (!program.global.quiet) fmt::print("{} has {} slots\n", *name, *slots);
      return Ok();
    });
  });
}

}  // namespace

void AddServerCommands(CLI::App& app, Program& program) {
  AddPools(app, program);
  AddLogin(app, program);
  AddHealth(app, program);
  AddVersion(app, program);
}

}  // namespace pipelined::cli
