#include "pipelined/cli/pipectl.h"

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/shell/completion.h"
#include "cli/shell/misspelt.h"
#include "pipelined/base/percent.h"
#include "pipelined/base/log.h"
#include "pipelined/http/client.h"

namespace pipelined {
namespace cli {

void Program::WithSession(const std::function<Status(const Session&)>& work) {
  const auto session = Session::Open(global);
  if (!session) return Fail(session.error());
  if (const Status done = work(*session); !done) Fail(done.error());
}

CLI::App* AddCommand(CLI::App& parent, const std::string& name, const std::string& does, const std::string& example) {
  CLI::App* command = parent.add_subcommand(name, does);
  command->footer((example.find('\n') == std::string::npos ? "Example:\n  " : "Examples:\n  ") + example);
  command->fallthrough();
  return command;
}

void AddOutputOption(CLI::App& command, Program& program) {
  command
      .add_option("-o,--output", program.global.output,
                  "table, wide (a table with nothing shortened), json, yaml or plain (default: table on a terminal, "
                  "plain otherwise)")
      ->check(CLI::IsMember({"table", "wide", "json", "yaml", "plain"}));
}

std::string RunPath(const std::string& dag_id, const std::string& run_id, const std::string& prefix) {
  return prefix + "/dags/" + PercentEncode(dag_id) + "/dagRuns/" + PercentEncode(run_id);
}

}  // namespace cli

namespace {

void AddGlobalOptions(CLI::App& app, cli::GlobalOptions& global) {
  app.add_option("--url", global.url, "The server (else PIPELINED_URL, the log-in profile, the local home)");
  app.add_option("--token", global.token, "An access token (else PIPELINED_TOKEN); others can read command lines");
  app.add_option("--profile", global.profile, "The log-in profile (else PIPELINED_PROFILE, the current one)");
  app.add_option("--ca-cert", global.ca_cert,
                 "PEM file of the authority that vouches for the server (else PIPELINED_CA_CERT)");
  app.add_option("--home", global.home, "Home folder of a local server (else PIPELINED_HOME)");
  app.add_flag("-q,--quiet", global.quiet, "Nothing but the result");
}

void AddCommands(CLI::App& app, cli::Program& program) {
  app.footer(
      "Examples:\n"
      "  pipectl dags list\n"
      "  pipectl dags run sales_daily -p region=eu --watch\n"
      "  pipectl tasks logs sales_daily latest extract -f\n\n"
      "Exit codes: 0 done, 1 it failed, 2 wrong usage or input, 3 not found, 4 not allowed, 5 conflict, 6 not "
      "reachable, 70 a bug.");
  app.require_subcommand(1);
  AddGlobalOptions(app, program.global);
  cli::AddDagCommands(app, program);
  cli::AddRunCommands(app, program);
  cli::AddBackfillCommands(app, program);
  cli::AddTaskCommands(app, program);
  cli::AddQueueCommand(app, program);
  cli::AddPoolCommands(app, program);
  cli::AddVariableCommands(app, program);
  cli::AddConnectionCommands(app, program);
  cli::AddAssetCommands(app, program);
  cli::AddUserCommands(app, program);
  cli::AddWhoami(app, program);
  cli::AddRoleCommands(app, program);
  cli::AddTokenCommands(app, program);
  cli::AddAuditCommands(app, program);
  cli::AddNotificationCommands(app, program);
  cli::AddSimulateCommand(app, program);
  cli::AddSchemaCommand(app, program);
  cli::AddLoginCommands(app, program);
  cli::AddServerCommands(app, program);
  cli::AddCompletionCommand(app, program);
  cli::AddManCommand(app, program);
}

}  // namespace

int RunPipectl(int argc, char** argv) {
  log::Init("pipectl", log::Level::kWarning);
  cli::Program program;
  CLI::App app(
      "pipectl lists, starts, follows and steers the DAGs of a pipelined server, and checks DAG files without one.",
      "pipectl");
  AddCommands(app, program);
  if (argc > 1 && std::string_view(argv[1]) == "__complete")
    return cli::RunComplete(app, {argv + 2, argv + argc});  // not a command: its words may be anything
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool is_help = error.get_exit_code() == 0;
    if (!is_help) {
      if (const auto misspelt = cli::FindMisspelt(app, {argv + 1, argv + argc})) {
        cli::PrintError(*misspelt);
        return cli::Exit::kUsage;
      }
    }
    const int code = app.exit(error);  // prints the help or what is wrong
    return code == 0 ? cli::Exit::kDone : cli::Exit::kUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n  this is a bug of pipectl\n", error.what());
    return cli::Exit::kBug;
  }
  return program.exit_code;
}

}  // namespace pipelined
