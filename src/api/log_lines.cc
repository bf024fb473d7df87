#include "api/log_lines.h"

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

}  // namespace

Value::List LogLines(std::string_view text) {
  Value::List lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(LineShape(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string LogLinesAsNdjson(std::string_view text) {
  std::string lines;
  for (const Value& line : LogLines(text)) lines += ToJson(line) + "\n";
  return lines;
}

}  // namespace pipelined::api
