#include "pipelined/cli/pipectl.h"

#include <fmt/format.h>

#include "cli/commands.h"
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
  command->footer("Example:\n  " + example);
  command->fallthrough();
  return command;
}

void AddOutputOption(CLI::App& command, Program& program) {
  command
      .add_option("-o,--output", program.global.output,
                  "table, json, yaml or plain (default: table on a terminal, plain otherwise)")
      ->check(CLI::IsMember({"table", "json", "yaml", "plain"}));
}

std::string RunPath(const std::string& dag_id, const std::string& run_id, const std::string& prefix) {
  return prefix + "/dags/" + UrlEncode(dag_id) + "/dagRuns/" + UrlEncode(run_id);
}

}  // namespace cli

int RunPipectl(int argc, char** argv) {
  log::Init("pipectl", log::Level::kWarning);
  cli::Program program;
  CLI::App app(
      "pipectl lists, starts, follows and steers the DAGs of a pipelined server, and checks DAG files without one.",
      "pipectl");
  app.footer(
      "Examples:\n"
      "  pipectl dags list\n"
      "  pipectl dags run sales_daily -p region=eu --watch\n"
      "  pipectl tasks logs sales_daily latest extract -f\n\n"
      "Exit codes: 0 done, 1 it failed, 2 wrong usage or input, 3 not found, 4 not allowed, 5 conflict, 6 not "
      "reachable, 70 a bug.");
  app.require_subcommand(1);
  app.add_option("--url", program.global.url, "The server (else PIPELINED_URL, the log-in, the local home)");
  app.add_option("--token", program.global.token, "An access token (else PIPELINED_TOKEN)");
  app.add_option("--home", program.global.home, "Home folder of a local server (else PIPELINED_HOME)");
  app.add_flag("-q,--quiet", program.global.quiet, "Nothing but the result");
  cli::AddDagCommands(app, program);
  cli::AddRunCommands(app, program);
  cli::AddBackfillCommands(app, program);
  cli::AddTaskCommands(app, program);
  cli::AddQueueCommand(app, program);
  cli::AddServerCommands(app, program);
  cli::AddVariableCommands(app, program);
  cli::AddConnectionCommands(app, program);
  cli::AddUserCommands(app, program);
  cli::AddRoleCommands(app, program);
  cli::AddTokenCommands(app, program);
  cli::AddSimulateCommand(app, program);
  cli::AddCompletionCommand(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);  // prints the help or what is wrong
    return code == 0 ? cli::Exit::kDone : cli::Exit::kUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n  this is a bug of pipectl\n", error.what());
    return cli::Exit::kBug;
  }
  return program.exit_code;
}

}  // namespace pipelined
