// The commands, one file per noun. Each adds itself to the program and does its work in a callback that sets the exit
// code.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "cli/shell/exit_code.h"
#include "cli/output/output.h"
#include "cli/session/session.h"

namespace pipelined::cli {

struct Program {
  GlobalOptions global;
  int exit_code = Exit::kDone;

  // Prints the error and remembers its exit code.
  void Fail(const Error& error) {
    PrintError(error);
    exit_code = ExitCode(error.code);
  }
  // Runs `work` with an open session; any error ends the program with its code.
  void WithSession(const std::function<Status(const Session&)>& work);
};

// A command that shows its example, or examples with a line each, below its options.
CLI::App* AddCommand(CLI::App& parent, const std::string& name, const std::string& does, const std::string& example);
// -o table|wide|json|yaml|plain
void AddOutputOption(CLI::App& command, Program& program);

void AddDagCommands(CLI::App& app, Program& program);
void AddRunCommands(CLI::App& app, Program& program);
void AddRunDiff(CLI::App& runs, Program& program);
void AddBackfillCommands(CLI::App& app, Program& program);
void AddTaskCommands(CLI::App& app, Program& program);
void AddQueueCommand(CLI::App& app, Program& program);
void AddServerCommands(CLI::App& app, Program& program);  // health, version
void AddLoginCommands(CLI::App& app, Program& program);   // login, logout, profiles
void AddPoolCommands(CLI::App& app, Program& program);
void AddAssetCommands(CLI::App& app, Program& program);
void AddOfflineCommands(CLI::App& dags, Program& program);  // dags validate, dags test
void AddNextCommand(CLI::App& dags, Program& program);      // dags next
void AddAuditCommands(CLI::App& app, Program& program);
void AddVariableCommands(CLI::App& app, Program& program);
void AddConnectionCommands(CLI::App& app, Program& program);
void AddUserCommands(CLI::App& app, Program& program);
void AddWhoami(CLI::App& app, Program& program);
void AddRoleCommands(CLI::App& app, Program& program);
void AddTokenCommands(CLI::App& app, Program& program);
void AddSimulateCommand(CLI::App& app, Program& program);
void AddSchemaCommand(CLI::App& app, Program& program);
void AddGraphCommand(CLI::App& dags, Program& program);  // dags graph
void AddCompletionCommand(CLI::App& app, Program& program);
void AddManCommand(CLI::App& app, Program& program);

// /api/v2/dags/{dag}/dagRuns/{run}, encoded.
std::string RunPath(const std::string& dag_id, const std::string& run_id, const std::string& prefix = "/api/v2");

// --conf and -p together: {"region": "eu"}. What reads as JSON is taken as such, everything else is text.
Result<Value> ParamsFromOptions(const std::string& conf, const std::vector<std::string>& params);

}  // namespace pipelined::cli
