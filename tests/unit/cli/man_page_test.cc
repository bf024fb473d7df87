#include "pipelined/cli/man_page.h"

#include <gmock/gmock.h>

#include <CLI/CLI.hpp>

namespace pipelined {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ManPage, TextIsNeverACommand) {
  ManPage page("x", 1, "2026-01-31", "pipelined 1");
  page.Paragraph(".SH is text\n'quoted' -o \\n").Term("a \"b\"", "dash \u2026");
  EXPECT_EQ(page.text(),
            ".TH \"X\" 1 \"2026-01-31\" \"pipelined 1\" \"User Commands\"\n"
            ".PP\n\\&.SH is text\n\\&\\(aqquoted\\(aq \\-o \\en\n"
            ".TP\n.B \"a \\(dqb\\(dq\"\ndash ...\n");
}

TEST(ManPagesOf, EveryCommandAndOptionStandsInThem) {
  CLI::App app{"does things", "prog"};
  CLI::App* things = app.add_subcommand("things", "Things");
  CLI::App* list = things->add_subcommand("list", "List them");
  list->footer("Example:\n  prog things list");
  bool flag = false;
  std::string text;
  list->add_flag("-l,--long", flag, "All of it");
  list->add_option("WHICH", text, "Only this");
  app.add_subcommand("version", "Print it");
  const auto pages = ManPagesOf(app, {"2026-01-31", "prog 1", {}, {}}, true);
  ASSERT_EQ(pages.size(), 2u);
  EXPECT_EQ(pages[0].name, "prog");
  EXPECT_EQ(pages[1].name, "prog-things");
  EXPECT_THAT(pages[0].text, HasSubstr("prog version"));
  EXPECT_THAT(pages[0].text, Not(HasSubstr("\\-\\-long")));
  for (const char* words :
       {"prog things list [options] [WHICH]", "\\-l, \\-\\-long", "All of it", "Only this", "\nprog things list\n"})
    EXPECT_THAT(pages[1].text, HasSubstr(words));
}

}  // namespace
}  // namespace pipelined
