// pipectl health, version.
#include <fmt/format.h>

#include "cli/commands.h"

namespace pipelined::cli {
namespace {

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
      const bool whole = IsWhole(*format);
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

}  // namespace

void AddServerCommands(CLI::App& app, Program& program) {
  AddHealth(app, program);
  AddVersion(app, program);
}

}  // namespace pipelined::cli
