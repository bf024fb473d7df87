// pipectl man: manual pages of the client, and of DAG files.
#include <fmt/format.h>

#include "cli/commands.h"
#include "pipelined/cli/man_page.h"
#include "pipelined/dagfile/schema.h"

namespace pipelined {

namespace cli {
namespace {

ManContext Context() {
  return {ManDate(),
          std::string("pipelined ") + PIPELINED_VERSION,
          {{"PIPELINED_URL", "The server's address"},
           {"PIPELINED_TOKEN", "The access token"},
           {"PIPELINED_PROFILE", "The log-in profile that is used"},
           {"PIPELINED_CA_CERT", "PEM file of the authority that vouches for the server"},
           {"PIPELINED_HOME", "Home folder of a local server"},
           {"XDG_CONFIG_HOME", "Log-in profiles are in pipelined/profiles.json below it; else below ~/.config"},
           {"NO_COLOR", "When it is set, nothing is coloured"}},
          {{"pipelined", 1}, {"pipelined.yaml", 5}, {"pipelined-dag", 5}}};
}

ManFile DagFilePage(const ManContext& context) {
  ManPage page("pipelined-dag", 5, context.date, context.source);
  page.Section("NAME").Paragraph("pipelined-dag - DAG files of pipelined");
  page.Section("DESCRIPTION")
      .Paragraph(
          "A DAG file says in YAML which tasks there are, what each one needs before it may start, and when a run is "
          "due. Each document of a file is one DAG. These are the keys that it may hold.");
  for (const KeyTable& table : DagFileKeys()) {
    page.Section(fmt::format("KEYS OF {}", table.what));
    for (const KeyMeaning& key : table.keys) page.Term(key.name, std::string(key.meaning) + ".");
  }
  page.Section("EXAMPLES")
      .Literal(
          "description: Load yesterday's sales and check them\n"
          "schedule: \"0 6 * * *\"\n"
          "tasks:\n"
          "  extract: {bash: ./extract.sh --day {{ ds }}}\n"
          "  check:\n"
          "    depends_on: [extract]\n"
          "    python: {file: check.py}");
  page.SeeAlso({{"pipectl-dags", 1}, {"pipelined", 1}});
  return {"pipelined-dag", 5, page.text()};
}

std::vector<ManFile> Pages(const CLI::App& app) {
  const ManContext context = Context();
  std::vector<ManFile> pages = ManPagesOf(app, context, true);
  pages.push_back(DagFilePage(context));
  return pages;
}

}  // namespace

void AddManCommand(CLI::App& app, Program& program) {
  const auto name = std::make_shared<std::string>("pipectl");
  const auto folder = std::make_shared<std::string>();
  CLI::App* man = AddCommand(app, "man", "Print a manual page, or write all of them",
                             "pipectl man pipectl-runs | man -l -\n  pipectl man --all /usr/local/share/man");
  man->add_option("PAGE", *name, "pipectl, pipectl-dags …, pipelined-dag")->capture_default_str();
  man->add_option("--all", *folder, "Write all pages below this folder, in man1 and man5");
  man->callback([&app, &program, name, folder] {
    const std::vector<ManFile> pages = Pages(app);
    const Status done = folder->empty() ? ShowManPage(pages, *name) : WriteManPages(pages, *folder);
    if (!done) program.Fail(done.error());
  });
}

}  // namespace cli
}  // namespace pipelined
