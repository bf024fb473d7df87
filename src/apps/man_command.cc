#include "apps/man_command.h"

#include <fmt/format.h>

#include "apps/build_info.h"
#include "apps/exit_code.h"
#include "pipelined/cli/man_page.h"
#include "pipelined/config/settings.h"

namespace pipelined::apps {
namespace {

ManContext Context() {
  return {ManDate(),
          std::string("pipelined ") + PIPELINED_VERSION,
          {{"PIPELINED_HOME", "Home folder; else ~/.pipelined, for root /var/lib/pipelined"},
           {"PIPELINED_ENV", "The environment whose settings apply: development, testing, production"},
           {"PIPELINED__SECTION__KEY", "A setting: PIPELINED__API__PORT is api.port"}},
          {{"pipectl", 1}, {"pipelined.yaml", 5}, {"pipelined-dag", 5}}};
}

ManFile SettingsPage(const ManContext& context) {
  ManPage page("pipelined.yaml", 5, context.date, context.source);
  page.Section("NAME").Paragraph("pipelined.yaml - settings of pipelined");
  page.Section("DESCRIPTION")
      .Paragraph(
          "The file is optional and lies in the home folder. Order, last wins: the default, the file of the "
          "environment, this file, variables PIPELINED__SECTION__KEY, the command line. A value may hold ${env:NAME} "
          "and ${file:PATH}, and may be {command: PROGRAM}, whose output is then the value. An unknown setting is an "
          "error. See what is in effect with: pipelined config show");
  page.Section("SETTINGS");
  for (const SettingMeaning& setting : SettingMeanings()) {
    const std::string given = setting.default_value.empty() ? "empty" : setting.default_value;
    page.Term(setting.name, fmt::format("{} Default: {}.", setting.meaning, given));
  }
  page.Section("EXAMPLES").Literal("api:\n  host: 0.0.0.0\n  tls_cert: tls.crt\n  tls_key: tls.key");
  page.SeeAlso({{"pipelined", 1}, {"pipelined-dag", 5}});
  return {"pipelined.yaml", 5, page.text()};
}

}  // namespace

int Man(const CLI::App& program, const std::string& name, const std::string& folder) {
  const ManContext context = Context();
  std::vector<ManFile> pages = ManPagesOf(program, context, false);
  pages.push_back(SettingsPage(context));
  const Status done = folder.empty() ? ShowManPage(pages, name) : WriteManPages(pages, folder);
  return done ? int{kDone} : Report(done.error());
}

}  // namespace pipelined::apps
