#include "cli/shell/consent.h"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "cli/output/output.h"

namespace pipelined::cli {

void AddYesOption(CLI::App& command, bool& yes) {
  command.add_flag("-y,--yes", yes, "Do not ask; needed where there is no terminal to ask on");
}

bool CanAsk() {
  return isatty(STDIN_FILENO) == 1 && StderrIsTerminal();
}

Status Confirm(bool yes, const std::string& question) {
  if (yes) return Ok();
  if (!CanAsk())
    return Error{ErrorCode::kInvalid, fmt::format("{} Nobody can be asked here, so nothing was changed", question),
                 "say so beforehand with --yes, or look first with --dry-run"};
  fmt::print(stderr, "{} [y/N] ", question);
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return Ok();
  return Error{ErrorCode::kInvalid, "nothing was changed", "say y, or give --yes"};
}

}  // namespace pipelined::cli
