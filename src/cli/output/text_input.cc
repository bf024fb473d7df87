#include "cli/output/text_input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

namespace pipelined::cli {
namespace {

std::string ReadStream(std::istream& in) {
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Error Failed(std::string_view what, const std::string& path) {
  return {ErrorCode::kInvalid, fmt::format("cannot {} {}: {}", what, path, std::strerror(errno)), ""};
}

}  // namespace

std::string AskSecret(const std::string& question) {
  termios shown{};
  const bool terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  if (terminal) tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);  // before the question: what is typed after it must count
  fmt::print(stderr, "{}: ", question);
  std::string answer;
  std::getline(std::cin, answer);
  if (terminal) tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
  fmt::print(stderr, "\n");
  return answer;
}

Result<std::string> ReadInput(const std::string& path) {
  if (path == "-") return ReadStream(std::cin);
  std::ifstream file(path, std::ios::binary);
  if (!file) return Failed("read", path);
  return ReadStream(file);
}

Result<std::string> ReadSecretInput(const std::string& path, const std::string& question) {
  if (path.empty() && isatty(STDIN_FILENO) == 1) return AskSecret(question);
  Result<std::string> text = ReadInput(path.empty() ? "-" : path);
  if (!text.ok()) return text;
  if (text->ends_with('\n')) text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
  return text;
}

Status WriteOutput(const std::string& path, const std::string& text) {
  if (path == "-") {
    fmt::print("{}", text);
    return Ok();
  }
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Failed("write", path);
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return close(fd) == 0 && written ? Ok() : Status(Failed("write", path));
}

}  // namespace pipelined::cli
