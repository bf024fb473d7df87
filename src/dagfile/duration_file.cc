#include "pipelined/dagfile/duration_file.h"

#include "dagfile/files.h"
#include "dagfile/text.h"
#include "dagfile/values.h"

namespace pipelined {
namespace dagfile {
namespace {

constexpr std::size_t kMostBytes = 8u << 20;

// With quotes around a `*` that begins a line: to YAML it would be an alias.
std::string WithQuotedStars(std::string_view text) {
  std::string quoted;
  bool line_begins = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (line_begins && text.substr(i).starts_with("*:")) {
      quoted += "\"*\"";
    } else {
      quoted += text[i];
    }
    line_begins = text[i] == '\n';
  }
  return quoted;
}

void ReadEntries(const Document& document, Reporter& reporter, DurationFile& file) {
  const NodeRef root = document.root();
  if (!root.is_map()) {
    reporter.Error(Code::kWrongType, root.place(), "a file of durations is one mapping of names to durations",
                   "for example sales.load: 30s");
    return;
  }
  for (const Entry& entry : EntriesOf(root)) {
    NamedDuration duration{std::string(entry.name()), Micros(0), entry.key.line()};
    if (ReadDuration(entry, reporter, duration.duration)) file.entries.push_back(std::move(duration));
  }
}

}  // namespace
}  // namespace dagfile

DurationFile ParseDurations(std::string_view text, const std::string& shown_as) {
  using namespace dagfile;
  const LoadLimits limits;
  Reporter reporter(shown_as, limits.diagnostics);
  DurationFile file;
  const std::string quoted = WithQuotedStars(text);
  const SourceText source{shown_as, quoted, 1};
  if (CheckBytes(source, limits, reporter)) {
    if (const auto document = Document::Parse(source, limits, reporter)) ReadEntries(*document, reporter, file);
  }
  file.diagnostics = reporter.Take();
  return file;
}

DurationFile LoadDurationFile(const std::string& path) {
  using namespace dagfile;
  const Result<std::string> text = ReadTextFile(path, kMostBytes);
  if (text) return ParseDurations(*text, path);
  Reporter reporter(path, 1);
  reporter.Error(Code::kUnreadable, {}, text.error().message, text.error().hint);
  return {{}, reporter.Take()};
}

}  // namespace pipelined
