#include "cli/shell/deletion.h"

#include <fmt/format.h>

#include "cli/shell/consent.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

struct Deletion {
  std::vector<std::string> names;
  bool dry_run = false, yes = false;
};

Status Delete(const Session& session, const Deletable& deletable, const Deletion& given, bool quiet) {
  const std::string path = "/api/v2/" + deletable.plural + "/";
  for (const std::string& name : given.names) {  // all are looked for first: either all go, or none
    if (const auto there = session.Get(path + PercentEncode(name)); !there) return there.error();
    if (given.dry_run) fmt::print("would delete {}\n", name);
  }
  if (given.dry_run) return Ok();
  const std::string question = fmt::format("delete {} {}?", deletable.plural, fmt::join(given.names, ", "));
  if (const Status agreed = Confirm(given.yes, question); !agreed) return agreed;
  for (const std::string& name : given.names) {
    if (const auto gone = session.Delete(path + PercentEncode(name)); !gone) return gone.error();
    if (!quiet) fmt::print("{} deleted\n", name);
  }
  return Ok();
}

}  // namespace

void AddDelete(CLI::App& noun, Program& program, const Deletable& deletable) {
  const auto given = std::make_shared<Deletion>();
  CLI::App* command = AddCommand(noun, "delete", fmt::format("Delete {}", deletable.plural), deletable.examples);
  command->add_option(deletable.what, given->names, "Their names")->required();
  command->add_flag("--dry-run", given->dry_run, "Only say what would be deleted");
  AddYesOption(*command, given->yes);
  command->callback([&program, given, deletable] {
    program.WithSession(
        [&](const Session& session) { return Delete(session, deletable, *given, program.global.quiet); });
  });
}

}  // namespace pipelined::cli
