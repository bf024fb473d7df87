#include "cli/output/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "cli/output/table.h"
#include "pipelined/schema/json.h"

namespace pipelined::cli {
namespace {

bool WantsColour() {
  const char* no_colour = std::getenv("NO_COLOR");  // any value but an empty one, says no-color.org
  return no_colour == nullptr || *no_colour == '\0';
}

const Value* Entry(const Value& row, const std::string& key) {
  const auto dot = key.find('.');
  if (dot == std::string::npos) return row.Find(key);
  const Value* inner = row.Find(key.substr(0, dot));
  return inner == nullptr ? nullptr : Entry(*inner, key.substr(dot + 1));
}

bool IsPlainYaml(const std::string& text) {
  static constexpr std::string_view kReserved[] = {"true", "false", "null", "yes", "no", "on", "off", "~"};
  if (text.empty() || std::find(std::begin(kReserved), std::end(kReserved), text) != std::end(kReserved)) return false;
  if (!std::isalpha(static_cast<unsigned char>(text.front()))) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == '/';
  });
}

std::string YamlScalar(const Value& value) {
  if (value.is_string() && IsPlainYaml(value.string())) return value.string();
  return ToJson(value);  // JSON's scalars are YAML's
}

void AppendYaml(const Value& value, std::size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  const auto nested = [&](const Value& item) {
    const bool open = (item.is_map() && !item.map().empty()) || (item.is_list() && !item.list().empty());
    if (!open) {
      out += " " + YamlScalar(item) + "\n";
    } else {
      out += "\n";
      AppendYaml(item, indent + 2, out);
    }
  };
  if (value.is_map() && !value.map().empty()) {
    for (const auto& [key, item] : value.map()) {
      out += margin + YamlScalar(Value(key)) + ":";
      nested(item);
    }
  } else if (value.is_list() && !value.list().empty()) {
    for (const Value& item : value.list()) {
      std::string inner;
      AppendYaml(item, indent + 2, inner);
      inner[indent] = '-';  // the first line's margin becomes the bullet
      out += inner;
    }
  } else {
    out += margin + YamlScalar(value) + "\n";
  }
}

}  // namespace

std::string Tame(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  return text;
}

bool StdoutIsTerminal() {
  return isatty(STDOUT_FILENO) == 1;
}
bool StderrIsTerminal() {
  return isatty(STDERR_FILENO) == 1;
}

Result<Layout> OutputFormat(const GlobalOptions& options) {
  if (options.output.empty()) return StdoutIsTerminal() ? Layout::kTable : Layout::kPlain;
  if (options.output == "table") return Layout::kTable;
  if (options.output == "wide") return Layout::kWide;
  if (options.output == "plain") return Layout::kPlain;
  if (options.output == "json") return Layout::kJson;
  if (options.output == "yaml") return Layout::kYaml;
  return Error{ErrorCode::kInvalid, fmt::format("no output format \"{}\"", options.output),
               "choose table, wide, json, yaml or plain"};
}

std::string ToYaml(const Value& value) {
  std::string out;
  AppendYaml(value, 0, out);
  return out;
}

std::string CellText(const Value* value) {
  if (value == nullptr || value->is_null()) return "";
  if (!value->is_string()) return ToJson(*value);
  std::string text = value->string();
  if (const auto instant = ParseInstant(text); instant) {  // dates to the second
    return FormatInstant(std::chrono::floor<Seconds>(*instant));
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string ColouredState(const std::string& state, bool colour) {
  if (!colour || !WantsColour()) return state;
  const char* code = nullptr;
  if (state == "success") code = "32";
  if (state == "failed" || state == "upstream_failed") code = "31";
  if (state == "running") code = "36";
  if (state == "up_for_retry" || state == "queued" || state == "scheduled" || state == "deferred") code = "33";
  if (state == "skipped") code = "35";
  return code == nullptr ? state : fmt::format("\033[{}m{}\033[0m", code, state);
}

namespace {

using Cells = std::vector<std::vector<std::string>>;

void PrintTable(const std::vector<Column>& columns, const Cells& cells, std::size_t room) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    std::size_t width = Width(columns[c].title);
    for (const auto& line : cells) width = std::max(width, Width(line[c]));
    widths.push_back(width);
  }
  widths = ColumnWidths(std::move(widths), room);
  const auto print = [&](const std::vector<std::string>& line, bool heading) {
    std::string text;
    for (std::size_t c = 0; c < line.size(); ++c) {
      const bool state = !heading && (columns[c].key == "state" || columns[c].key == "run.state");
      const std::string cell = Shortened(Tame(line[c]), widths[c]);
      text += state ? ColouredState(cell, StdoutIsTerminal()) : cell;
      if (c + 1 < line.size()) text += std::string(widths[c] - Width(cell) + 2, ' ');
    }
    fmt::print("{}\n", text);
  };
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  print(titles, true);
  for (const auto& line : cells) print(line, false);
}

}  // namespace

void PrintRows(Layout format, const Value::List& rows, const std::vector<Column>& columns) {
  if (format == Layout::kJson) {
    fmt::print("{}\n", ToPrettyJson(Value(rows)));
    return;
  }
  if (format == Layout::kYaml) {
    fmt::print("{}", rows.empty() ? "[]\n" : ToYaml(Value(rows)));
    return;
  }
  Cells cells;
  for (const Value& row : rows) {
    auto& line = cells.emplace_back();
    for (const Column& column : columns) line.push_back(CellText(Entry(row, column.key)));
  }
  if (format == Layout::kPlain) {  // for scripts: a tab between cells, no padding
    for (const auto& line : cells) fmt::print("{}\n", fmt::join(line, "\t"));
    return;
  }
  PrintTable(columns, cells, format == Layout::kWide ? 0 : TerminalWidth(STDOUT_FILENO));
}

void PrintObject(Layout format, const Value& object) {
  if (format == Layout::kJson) {
    fmt::print("{}\n", ToPrettyJson(object));
  } else if (format == Layout::kYaml) {
    fmt::print("{}", ToYaml(object));
  } else if (object.is_map()) {
    std::size_t width = 0;
    for (const auto& [key, value] : object.map()) width = std::max(width, key.size());
    for (const auto& [key, value] : object.map()) {
      const std::string text = format == Layout::kPlain ? CellText(&value) : Tame(CellText(&value));
      const std::string cell = key == "state" ? ColouredState(text, StdoutIsTerminal()) : text;
      fmt::print("{}\n",
                 format == Layout::kPlain ? key + "\t" + cell : key + std::string(width - key.size() + 2, ' ') + cell);
    }
  }
}

void PrintError(const Error& error) {
  fmt::print(stderr, "{} {}\n",
             StderrIsTerminal() && WantsColour() ? "\033[31merror:\033[0m" : "error:", error.message);
  if (!error.hint.empty()) fmt::print(stderr, "  hint: {}\n", error.hint);
}

}  // namespace pipelined::cli
