#include "pipelined/model/diagnostic.h"

#include <gmock/gmock.h>

namespace pipelined {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Diagnostic Misspelt() {
  Diagnostic d;
  d.code = "DAG021";
  d.message = "depends_on names a task that does not exist: \"extarct\"";
  d.file = "dags/sales.yaml";
  d.line = 14;
  d.column = 18;
  d.length = 7;
  d.source_line = "    depends_on: [extarct]";
  d.hint = "did you mean \"extract\" (line 9)?";
  return d;
}

TEST(Format, PrintsPlaceCaretAndHelp) {
  EXPECT_EQ(Format(Misspelt()),
            "dags/sales.yaml:14:18: error DAG021: depends_on names a task that does not exist: \"extarct\"\n"
            "   14 |     depends_on: [extarct]\n"
            "      |                  ^~~~~~~\n"
            "   help: did you mean \"extract\" (line 9)?\n");
}

TEST(Format, AMistakeOfTheWholeFileHasNoExcerpt) {
  Diagnostic d;
  d.severity = Severity::kWarning;
  d.code = "DAG001";
  d.message = "it is odd";
  d.file = "a.yaml";
  EXPECT_EQ(Format(d), "a.yaml: warning DAG001: it is odd\n");
}

TEST(Format, TheCaretStandsUnderTheCharacterAfterWideBytes) {
  Diagnostic d = Misspelt();
  d.source_line = "ümläut: [x]";
  d.column = 10;
  d.length = 1;
  EXPECT_THAT(Format(d), HasSubstr("\n      |          ^\n"));
}

TEST(Format, ControlCharactersNeverReachTheTerminal) {
  Diagnostic d = Misspelt();
  d.source_line = "a: \x1b[31mred";
  d.message = "bad \x1b]0;title";
  EXPECT_THAT(Format(d), Not(HasSubstr("\x1b")));
}

TEST(Format, AVeryLongLineIsShownAroundThePlace) {
  Diagnostic d = Misspelt();
  d.source_line = std::string(5000, 'x') + "HERE" + std::string(5000, 'y');
  d.column = 5001;
  d.length = 4;
  EXPECT_THAT(Format(d), HasSubstr("xxHEREyy"));
  EXPECT_LT(Format(d).size(), 600u);
}

TEST(HasErrors, WarningsAreNone) {
  Diagnostic warning;
  warning.severity = Severity::kWarning;
  EXPECT_FALSE(HasErrors({warning}));
  EXPECT_TRUE(HasErrors({warning, Misspelt()}));
}

}  // namespace
}  // namespace pipelined
