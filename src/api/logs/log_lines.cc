#include "api/logs/log_lines.h"

#include <algorithm>

#include "pipelined/base/time.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

Value LineShape(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const std::size_t blank = line.find(' ');
  if (blank != std::string_view::npos && blank >= 20 && blank <= 35) {
    if (const Result<Instant> time = ParseInstant(line.substr(0, blank)); time.ok()) {
      return Value::Map{{"timestamp", FormatInstant(*time)}, {"event", line.substr(blank + 1)}};
    }
  }
  return Value::Map{{"event", line}};
}

// The first line of `text`, which loses it.
std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

Value::List LogLines(std::string_view text) {
  Value::List lines;
  while (!text.empty()) lines.push_back(LineShape(TakeLine(text)));
  return lines;
}

std::string LogLinesAsNdjson(std::string_view text) {
  std::string lines;
  while (!text.empty()) lines += ToJson(LineShape(TakeLine(text))) + "\n";
  return lines;
}

std::size_t SizeOfLines(std::string_view text, std::size_t most) {
  std::string_view rest = text;
  for (std::size_t line = 0; line < most && !rest.empty(); ++line) TakeLine(rest);
  return text.size() - rest.size();
}

}  // namespace pipelined::api
