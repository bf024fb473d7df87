#include "config/substitution.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "pipelined/base/clock.h"

namespace pipelined::config {
namespace {

constexpr std::size_t kMostBytes = 64 * 1024;
constexpr Seconds kMostTime{10};

Error Invalid(std::string message) {
  return {ErrorCode::kInvalid, std::move(message), {}};
}

void DropLineBreak(std::string& text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

Result<std::string> ReadSmallFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return Invalid(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  std::string text(kMostBytes + 1, '\0');
  std::size_t size = 0;
  ssize_t got = 0;
  while (size < text.size() && (got = read(fd, text.data() + size, text.size() - size)) > 0)
    size += static_cast<std::size_t>(got);
  const int error = errno;
  close(fd);
  if (got < 0) return Invalid(fmt::format("cannot read {}: {}", path, std::strerror(error)));
  if (size > kMostBytes) return Invalid(fmt::format("{} is larger than {} KiB", path, kMostBytes / 1024));
  text.resize(size);
  DropLineBreak(text);
  return text;
}

Result<std::string> Resolve(std::string_view reference, const Variables& variables, const std::string& base_dir) {
  const std::string name(reference.substr(reference.find(':') + 1));
  if (reference.starts_with("file:")) return ReadSmallFile((std::filesystem::path(base_dir) / name).string());
  const std::string* value = Lookup(variables, name);
  if (value == nullptr) return Invalid(fmt::format("the environment variable {} is not set", name));
  return *value;
}

// The child's side of RunForValue(). Only async-signal-safe calls.
[[noreturn]] void ExecShell(const char* command, const char* dir, int out) {
  setpgid(0, 0);
  if (chdir(dir) != 0 || dup2(out, STDOUT_FILENO) < 0) _exit(126);
  const int null = open("/dev/null", O_RDONLY);
  if (null >= 0) dup2(null, STDIN_FILENO);
  execl("/bin/sh", "sh", "-c", command, nullptr);
  _exit(127);
}

enum class Reading { kDone, kTooLong, kTooMuch };

Reading ReadUntilEnd(int fd, std::string& text) {
  const Micros deadline = SystemClock().Monotonic() + kMostTime;
  for (;;) {
    const auto left = std::chrono::duration_cast<Millis>(deadline - SystemClock().Monotonic()).count();
    pollfd wait{fd, POLLIN, 0};
    if (left <= 0 || poll(&wait, 1, static_cast<int>(left)) == 0) return Reading::kTooLong;
    char buffer[4096];
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Reading::kDone;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kMostBytes) return Reading::kTooMuch;
  }
}

int Reap(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

const std::string* Lookup(const Variables& variables, const std::string& name) {
  for (const auto& [key, value] : variables) {
    if (key == name) return &value;
  }
  return nullptr;
}

Result<std::string> Substitute(const std::string& text, const Variables& variables, const std::string& base_dir,
                               bool& used) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string_view rest = std::string_view(text).substr(at);
    if (!rest.starts_with("${env:") && !rest.starts_with("${file:")) {
      out += text[at++];
      continue;
    }
    const std::size_t end = rest.find('}');
    if (end == rest.npos) return Invalid(fmt::format("\"{}\" lacks its closing brace", rest));
    Result<std::string> value = Resolve(rest.substr(2, end - 2), variables, base_dir);
    if (!value) return value;
    out += *value;
    used = true;
    at += end + 1;
  }
  return out;
}

Result<std::string> RunForValue(const std::string& command, const std::string& base_dir) {
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) != 0) return Invalid(fmt::format("no pipe: {}", std::strerror(errno)));
  const pid_t child = fork();
  if (child == 0) ExecShell(command.c_str(), base_dir.c_str(), pipe_fds[1]);
  close(pipe_fds[1]);
  if (child < 0) {
    close(pipe_fds[0]);
    return Invalid(fmt::format("cannot run the command: {}", std::strerror(errno)));
  }
  setpgid(child, child);  // here as well as in the child: whichever comes first
  std::string text;
  const Reading reading = ReadUntilEnd(pipe_fds[0], text);
  if (reading != Reading::kDone) kill(-child, SIGKILL);
  const int status = Reap(child);
  close(pipe_fds[0]);
  if (reading == Reading::kTooLong)
    return Invalid(fmt::format("the command took longer than {} seconds", kMostTime.count()));
  if (reading == Reading::kTooMuch)
    return Invalid(fmt::format("the command printed more than {} KiB", kMostBytes / 1024));
  if (!WIFEXITED(status)) return Invalid(fmt::format("the command was killed by signal {}", WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0) return Invalid(fmt::format("the command ended with exit code {}", WEXITSTATUS(status)));
  DropLineBreak(text);
  return text;
}

}  // namespace pipelined::config
