// How results are shown: table, plain, json, yaml. Colour only on a terminal.
#pragma once

#include <string>
#include <vector>

#include "cli/session/session.h"
#include "pipelined/base/time.h"

namespace pipelined::cli {

struct Column {
  std::string title;
  std::string key;  // of the row; "dag_run_id", or "a.b" for an entry within
};

// kTable fits a terminal's width, kWide shortens nothing.
enum class Layout { kTable, kWide, kPlain, kJson, kYaml };

// json and yaml: the REST objects as they are, and not a view of them.
constexpr bool IsWhole(Layout layout) {
  return layout == Layout::kJson || layout == Layout::kYaml;
}
constexpr bool IsTable(Layout layout) {
  return layout == Layout::kTable || layout == Layout::kWide;
}

Result<Layout> OutputFormat(const GlobalOptions& options);

// A listing. json and yaml print the rows unchanged.
void PrintRows(Layout format, const Value::List& rows, const std::vector<Column>& columns);
// One object: key and value per line in table and plain.
void PrintObject(Layout format, const Value& object);

std::string ToYaml(const Value& value);
// A cell: text as it is, dates to the second, null as nothing, the rest as JSON.
std::string CellText(const Value* value);
// As a table shows it: what a value holds must not steer the terminal.
std::string Tame(std::string text);

bool StdoutIsTerminal();
bool StderrIsTerminal();
// The state in its colour, when colours are wanted.
std::string ColouredState(const std::string& state, bool colour);

void PrintError(const Error& error);

}  // namespace pipelined::cli
