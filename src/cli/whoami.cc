// pipectl whoami: who one is to the server, and what one may do, where.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "cli/commands.h"
#include "cli/output/table.h"

namespace pipelined::cli {
namespace {

constexpr std::size_t kUsualWidth = 100;  // where there is no terminal to ask

// "everywhere", "of sales, stock"
std::string WhereOf(const Value& permission) {
  const Value* dag_ids = permission.Find("dag_ids");
  if (dag_ids == nullptr || !dag_ids->is_list()) return "everywhere";
  std::string where = "of";
  for (const Value& dag_id : dag_ids->list()) where += (where == "of" ? " " : ", ") + CellText(&dag_id);
  return where;
}

using Words = std::vector<std::string>;

// What may be done in the same places stands together, in the order of the answer.
std::vector<std::pair<std::string, Words>> ByPlace(const Value& me) {
  std::vector<std::pair<std::string, Words>> places;
  const Value* permissions = me.Find("permissions");
  for (const Value& permission :
       permissions != nullptr && permissions->is_list() ? permissions->list() : Value::List{}) {
    const std::string where = WhereOf(permission);
    auto place = std::find_if(places.begin(), places.end(), [&](const auto& known) { return known.first == where; });
    if (place == places.end()) place = places.emplace(places.end(), where, Words());
    place->second.push_back(TextOf(permission, "permission"));
  }
  return places;
}

void PrintMe(const Value& me) {
  constexpr std::string_view kIndent = "  ";
  const std::size_t terminal = TerminalWidth(STDOUT_FILENO);
  const std::size_t room = (terminal == 0 ? kUsualWidth : terminal) - kIndent.size();
  const Value* limited = me.Find("limited");
  fmt::print("name     {}\n", Tame(TextOf(me, "name")));
  if (const std::string token = CellText(me.Find("token_id")); !token.empty()) fmt::print("token    {}\n", token);
  if (limited != nullptr && limited->is_bool() && limited->boolean())
    fmt::print("limited  this token stands for less than all that {} may do\n", Tame(TextOf(me, "name")));
  const auto places = ByPlace(me);
  if (places.empty()) fmt::print("\nno permissions\n");
  for (const auto& [where, permissions] : places) {
    fmt::print("\npermissions {}:\n", Tame(where));
    for (const std::string& line : Lines(permissions, room)) fmt::print("{}{}\n", kIndent, Tame(line));
  }
}

}  // namespace

void AddWhoami(CLI::App& app, Program& program) {
  CLI::App* whoami = AddCommand(app, "whoami", "Say who you are to the server, and what you may do", "pipectl whoami");
  AddOutputOption(*whoami, program);
  whoami->callback([&program] {
    program.WithSession([&](const Session& session) -> Status {
      const auto format = OutputFormat(program.global);
      if (!format) return format.error();
      const auto me = session.Get("/api/ext/v1/me");
      if (!me) return me.error();
      if (IsTable(*format)) {
        PrintMe(*me);
      } else {
        PrintObject(*format, *me);
      }
      return Ok();
    });
  });
}

}  // namespace pipelined::cli
