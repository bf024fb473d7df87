#include "pipelined/base/secret_mask.h"

#include <gmock/gmock.h>

namespace pipelined {
namespace {

TEST(SecretMask, KnowsHowProgramsWriteIt) {
  SecretMask mask;
  mask.Add("p\u00e4s$ w\"rd 😀");
  for (const char* text : {R"(p\u00e4s$ w\"rd \ud83d\ude00)", "p%C3%A4s%24+w%22rd+%F0%9F%98%80",
                           "p%c3%a4s%24%20w%22rd%20%f0%9f%98%80", "päs\\$ w\\\"rd 😀", "päs$ w\\\"rd 😀"}) {
    EXPECT_EQ(mask.Apply(text), "***") << text;
  }
  mask.Add("first line's\nsecond line");
  EXPECT_EQ(mask.Apply("first line'\\''s"), "***");
}

TEST(Masked, TakesTheLongestAtEachPlace) {
  EXPECT_EQ(Masked("a secrets, secret; sec", {"secrets", "secret"}), "a ***, ***; sec");
  EXPECT_EQ(Masked("nothing", {"secret"}), "nothing");
  EXPECT_EQ(Masked("", {}), "");
}

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Masked(const std::string& secret, const std::string& text) {
  SecretMask mask;
  mask.Add(secret);
  return mask.Apply(text);
}

TEST(SecretMask, ASecretIsHiddenInEveryFormThatProgramsWrite) {
  EXPECT_EQ(Masked("s3cret", "it is s3cret, s3crets3cret"), "it is ***, ******");
  EXPECT_EQ(Masked("pa\"ss", R"({"password": "pa\"ss"})"), R"({"password": "***"})");
  EXPECT_EQ(Masked("p@ss w", "postgres://ann:p%40ss%20w@db"), "postgres://ann:***@db");
  EXPECT_EQ(Masked("it's it", "+ login 'it'\\''s it'"), "+ login '***'");
}

TEST(SecretMask, WhatIsTooShortIsNotHidden) {
  EXPECT_EQ(Masked("abcd", "abcd"), "abcd");
  EXPECT_EQ(Masked("", "text"), "text");
}

TEST(SecretMask, EachLineOfALongSecretIsHidden) {
  const std::string key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nab\n-----END KEY-----\n";
  EXPECT_EQ(Masked(key, "first: MIIEvQIBADANBg ab"), "first: *** ab");
  EXPECT_EQ(Masked(key, key), "***");
}

TEST(SecretMask, WhatAShellTrimsIsHiddenToo) {
  for (const char* kept : {"s3cr3t7\n", " s3cr3t7", "s3cr3t7 ", "\t s3cr3t7\r\n"}) {
    EXPECT_EQ(Masked(kept, "<s3cr3t7>"), "<***>") << kept;
    EXPECT_EQ(Masked(kept, kept), "***") << kept;
  }
  EXPECT_EQ(Masked(" p@s\"word\n", R"(p%40s%22word,p@s\"word)"), "***,***");
}

TEST(SecretMask, WhatIsTooShortWithoutItsBlanksIsNotHidden) {
  EXPECT_EQ(Masked("abcd\n\n", "abcd"), "abcd");
  EXPECT_EQ(Masked(" a\"b ", R"(a\"b)"), R"(a\"b)");
  EXPECT_EQ(Masked("     ", "a b"), "a b");
}

TEST(SecretMask, TheLongestComesFirst) {
  SecretMask mask;
  EXPECT_TRUE(mask.empty());
  EXPECT_THAT(mask.Forms(), IsEmpty());
  mask.Add("secret");
  mask.Add("secret and more");
  EXPECT_THAT(mask.Forms(), ElementsAre("secret%20and%20more", "secret and more", "secret+and+more", "secret"));
  EXPECT_EQ(mask.Apply("secret and more"), "***");
}

}  // namespace
}  // namespace pipelined
