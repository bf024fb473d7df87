#include "cli/shell/bulk_import.h"

#include <fmt/format.h>

#include <memory>
#include <set>

namespace pipelined::cli {
namespace {

// What would happen to each, by the names that are there now.
Status ShowPlan(const Session& session, const Import& import) {
  const auto rows = session.GetAll("/api/v2/" + import.plural, import.plural);
  if (!rows) return rows.error();
  std::set<std::string> known;
  for (const Value& row : *rows) known.insert(TextOf(row, import.name_field));
  bool conflicts = false;
  for (const Value& entity : import.entities) {
    const std::string name = TextOf(entity, import.name_field);
    const bool exists = known.count(name) > 0;
    conflicts = conflicts || exists;
    const char* what = !exists                                ? "create"
                       : import.when_it_exists == "overwrite" ? "overwrite"
                       : import.when_it_exists == "skip"      ? "skip"
                                                              : "refuse";
    fmt::print("would {} {}\n", what, name);
  }
  if (conflicts && import.when_it_exists == "fail") fmt::print("some exist already: nothing would be imported\n");
  return Ok();
}

}  // namespace

Status RunImport(const Session& session, const Import& import) {
  if (import.dry_run) return ShowPlan(session, import);
  const Value action =
      Value::Map{{"action", "create"}, {"action_on_existence", import.when_it_exists}, {"entities", import.entities}};
  const auto answer = session.Patch("/api/v2/" + import.plural, Value(Value::Map{{"actions", Value::List{action}}}));
  if (!answer) return answer.error();
  const Value* create = answer->Find("create");
  const Value* errors = create == nullptr ? nullptr : create->Find("errors");
  if (errors != nullptr && errors->is_list() && !errors->list().empty())
    return Error{ErrorCode::kConflict, TextOf(errors->list()[0], "error"), "say what to do with those that exist"};
  const Value* done = create == nullptr ? nullptr : create->Find("success");
  const std::size_t imported = done != nullptr && done->is_list() ? done->list().size() : 0;
  if (!import.quiet) fmt::print("{} of {} {} imported\n", imported, import.entities.size(), import.plural);
  return Ok();
}

void AddImport(CLI::App& noun, Program& program, const Import& import, const char* about, const char* example,
               ReadEntities read) {
  const auto asked = std::make_shared<Import>(import);
  const auto file = std::make_shared<std::string>();
  CLI::App* command = AddCommand(noun, "import", about, example);
  command->add_option("FILE", *file, "JSON file; -: standard input")->required();
  command->add_option("-a,--action-on-existing-key", asked->when_it_exists, "overwrite, fail or skip")
      ->check(CLI::IsMember({"overwrite", "fail", "skip"}))
      ->capture_default_str();
  command->add_flag("--dry-run", asked->dry_run, "Only say what would be done");
  command->callback([&program, asked, file, read] {
    program.WithSession([&](const Session& session) -> Status {
      Result<Value::List> entities = read(*file);
      if (!entities.ok()) return entities.error();
      asked->entities = *std::move(entities);
      asked->quiet = program.global.quiet;
      return RunImport(session, *asked);
    });
  });
}

}  // namespace pipelined::cli
