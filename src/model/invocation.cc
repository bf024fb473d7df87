#include "pipelined/model/invocation.h"

#include <algorithm>
#include <array>

namespace pipelined {

ShellKind KindOfShell(std::string_view program) {
  static constexpr std::array<std::string_view, 3> kPosix{"sh", "dash", "ash"};
  const std::string_view name = program.substr(program.rfind('/') + 1);  // npos + 1 is 0
  if (name == "bash") return ShellKind::kBash;
  return std::find(kPosix.begin(), kPosix.end(), name) != kPosix.end() ? ShellKind::kPosix : ShellKind::kOther;
}

std::vector<std::string> ShellWords(const std::vector<std::string>& shell, const std::string& script) {
  std::vector<std::string> words = shell;
  if (const auto place = std::find(words.begin(), words.end(), "{}"); place != words.end()) {
    *place = script;
  } else {
    words.insert(words.end(), {"-c", script});
  }
  return words;
}

}  // namespace pipelined
