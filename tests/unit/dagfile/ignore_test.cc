#include "dagfile/ignore.h"

#include <gtest/gtest.h>

namespace pipelined::dagfile {
namespace {

bool Ignored(std::string_view rules, std::string_view path, bool is_folder = false) {
  return IgnoreRules::Parse("", rules, nullptr)->Ignores(path, is_folder);
}

TEST(Glob, MatchesAsGitDoes) {
  struct Case {
    const char* pattern;
    const char* path;
    bool matches;
  };
  for (const Case& c : {Case{"*.yaml", "a.yaml", true},
                        Case{"*.yaml", "a/b.yaml", false},
                        Case{"a?c", "abc", true},
                        Case{"a?c", "a/c", false},
                        Case{"[a-c]x", "bx", true},
                        Case{"[!a-c]x", "bx", false},
                        Case{"[]x]y", "]y", true},
                        Case{"a[", "a[", true},
                        Case{"**/x", "x", true},
                        Case{"**/x", "a/b/x", true},
                        Case{"**/x", "ax", false},
                        Case{"a/**", "a/b/c", true},
                        Case{"a/**", "a", false},
                        Case{"a/**/b", "a/b", true},
                        Case{"a/**/b", "a/x/y/b", true},
                        Case{"a/**/b", "a/xb", false},
                        Case{"\\*", "*", true},
                        Case{"\\*", "a", false},
                        Case{"", "", true},
                        Case{"*", "", true},
                        Case{"a**b", "axxb", true}}) {
    EXPECT_EQ(GlobMatch(c.pattern, c.path), c.matches) << c.pattern << " " << c.path;
  }
}

TEST(Glob, NoPatternIsSlow) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(GlobMatch(pattern + "b", std::string(4000, 'a')));
}

TEST(Ignore, APatternWithoutSlashMatchesAtAnyDepth) {
  EXPECT_TRUE(Ignored("*.tmp.yaml", "a/b/x.tmp.yaml"));
  EXPECT_TRUE(Ignored("old", "a/old", true));
  EXPECT_FALSE(Ignored("old", "a/older", true));
}

TEST(Ignore, ASlashAnchorsToTheFolder) {
  EXPECT_TRUE(Ignored("/x.yaml", "x.yaml"));
  EXPECT_FALSE(Ignored("/x.yaml", "a/x.yaml"));
  EXPECT_TRUE(Ignored("a/*.yaml", "a/x.yaml"));
  EXPECT_FALSE(Ignored("a/*.yaml", "b/a/x.yaml"));
}

TEST(Ignore, ATrailingSlashMeansFoldersOnly) {
  EXPECT_TRUE(Ignored("build/", "build", true));
  EXPECT_FALSE(Ignored("build/", "build", false));
}

TEST(Ignore, TheLastRuleDecides) {
  EXPECT_FALSE(Ignored("# all but one\n*.yaml\n!keep.yaml\n", "keep.yaml"));
  EXPECT_TRUE(Ignored("!keep.yaml\n*.yaml   \r\n", "keep.yaml"));
  EXPECT_TRUE(Ignored("\\!odd.yaml", "!odd.yaml"));
}

TEST(Ignore, NearerFoldersOverrideThoseAbove) {
  const auto above = IgnoreRules::Parse("", "*.yaml", nullptr);
  const auto near = IgnoreRules::Parse("team", "!/x.yaml", above);
  EXPECT_FALSE(near->Ignores("team/x.yaml", false));
  EXPECT_TRUE(near->Ignores("team/sub/x.yaml", false));
}

}  // namespace
}  // namespace pipelined::dagfile
