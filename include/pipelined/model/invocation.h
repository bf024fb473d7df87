// How the process of a task is started, beside what it runs: its shell, its standard input, its umask and its niceness.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pipelined {

struct Invocation {
  // Of `bash` and `ssh`: a program and its options. A word `{}` is the place of the script; without one `-c` and the
  // script come last. Empty: bash, and sh at the other end of ssh.
  std::vector<std::string> shell;
  // At most one of these two, both templates; neither: /dev/null.
  std::optional<std::string> stdin_text;
  std::string stdin_file;  // from the working directory
  std::optional<std::uint32_t> umask;
  std::optional<std::int32_t> nice;  // as setpriority() takes it: absolute, whatever the server's own is
};

using InvocationPtr = std::shared_ptr<const Invocation>;  // nullptr: nothing is said of it

// Which rules a shell reads its script by, as far as quoting goes.
enum class ShellKind : std::uint8_t {
  kBash,
  kPosix,  // sh, dash, ksh, zsh …: quotes as POSIX has them
  kOther,  // fish, perl …: nobody here knows how to quote for it
};
// By its name, which may be a path.
ShellKind KindOfShell(std::string_view program);

// The argv that gives `script` to `shell`, which is not empty.
std::vector<std::string> ShellWords(const std::vector<std::string>& shell, const std::string& script);

}  // namespace pipelined
