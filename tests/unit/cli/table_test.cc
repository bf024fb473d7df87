#include "cli/output/table.h"

#include <gmock/gmock.h>

namespace pipelined::cli {
namespace {

using testing::ElementsAre;

TEST(Shortened, CountsCharactersAndNotBytes) {
  EXPECT_EQ(Shortened("Grüße", 5), "Grüße");
  EXPECT_EQ(Shortened("Grüße", 4), "Grü…");
  EXPECT_EQ(Shortened("Grüße", 1), "…");
  EXPECT_EQ(Shortened("Grüße", 0), "");
}

TEST(ColumnWidths, AreAsWantedWhereThereIsRoom) {
  EXPECT_THAT(ColumnWidths({10, 20}, 32), ElementsAre(10, 20));
  EXPECT_THAT(ColumnWidths({10, 2000}, 0), ElementsAre(10, 2000));
  EXPECT_THAT(ColumnWidths({}, 10), ElementsAre());
}

TEST(ColumnWidths, TheWidestGiveFirst) {
  EXPECT_THAT(ColumnWidths({10, 60, 20}, 60), ElementsAre(10, 26, 20));
  EXPECT_THAT(ColumnWidths({10, 60, 60}, 60), ElementsAre(10, 23, 23));
}

TEST(ColumnWidths, NoneBecomesTooNarrowToSayAnything) {
  EXPECT_THAT(ColumnWidths({50, 50, 3}, 5), ElementsAre(kNarrowest, kNarrowest, 3));
}

TEST(LinesTest, WordsFillLinesAndAreNeverCut) {
  EXPECT_THAT(Lines({"one", "two", "three"}, 7), ElementsAre("one two", "three"));
  EXPECT_THAT(Lines({"a-long-word", "b"}, 5), ElementsAre("a-long-word", "b"));
  EXPECT_THAT(Lines({}, 5), testing::IsEmpty());
}

}  // namespace
}  // namespace pipelined::cli
