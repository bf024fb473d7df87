#include "pipelined/schema/json.h"

#include <gmock/gmock.h>

namespace pipelined {
namespace {

using ::testing::HasSubstr;

TEST(Json, ReadsBackWhatItWrites) {
  for (const char* text :
       {"null", "true", "[]", "{}", R"({"b":1,"a":[1.5,"x\n\"",null,{"c":-9223372036854775808}]})", R"("é")"}) {
    EXPECT_EQ(ToJson(*ParseJson(text)), text);
  }
}

TEST(Json, OfDuplicateKeysTheLastOneCounts) {
  EXPECT_EQ(ToJson(*ParseJson(R"({"a":1,"a":2})")), R"({"a":2})");
}

TEST(Json, WholeNumbersBeyond64BitsAreRoundedOrTextsOrRefused) {
  for (const std::string wide : {"9223372036854775808", "18446744073709551616", "-9223372036854775809"}) {
    EXPECT_TRUE(ParseJson(wide)->is_double()) << wide;
    EXPECT_EQ(*ParseJson("[" + wide + "]", WideIntegers::kText), Value(Value::List{wide}));
    EXPECT_THAT(ParseJson(wide, WideIntegers::kRefuse).error().message, HasSubstr("more than 64 bits"));
  }
  for (const std::string narrow : {"9223372036854775807", "-9223372036854775808", "1e30", "1.5"})
    EXPECT_TRUE(ParseJson(narrow, WideIntegers::kRefuse)->is_number()) << narrow;
}

TEST(Json, RefusesWhatIsNotStrictlyJson) {
  for (const char* text : {"", "{", "[1,]", "{'a':1}", "nul", "1 2", "\"\xff\"", "// x\n1", "NaN"})
    EXPECT_FALSE(ParseJson(text).ok()) << text;
  EXPECT_THAT(ParseJson("[1,\n }").error().message, HasSubstr("line 2"));
}

TEST(Json, ARefusalDoesNotRepeatWhatWasRead) {
  for (const char* text :
       {R"({"password": "s3cret)", R"({"password": s3cret})", R"({"a": 1} s3cret)", "s3cret; expected x"}) {
    const Result<Value> value = ParseJson(text);
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_THAT(value.error().message, ::testing::Not(HasSubstr("3cret"))) << text;
    EXPECT_THAT(value.error().message, HasSubstr("line 1, column")) << text;
  }
}

TEST(Json, WritesWhatIsPlainAndWhatIsNotAlike) {
  std::string all;
  for (char c = 1; c < 0x7f; ++c) all += c;
  const Value value(Value::Map{{all, Value::List{all, "plain", std::int64_t{-7}, 0.5, nullptr, true, Value::Map{}}}});
  EXPECT_EQ(ToJson(value), ToAsciiJson(value));  // which the library writes
  EXPECT_EQ(*ParseJson(ToJson(value)), value);
}

TEST(Json, RefusesDeepNesting) {
  EXPECT_TRUE(ParseJson(std::string(128, '[') + std::string(128, ']')).ok());
  EXPECT_FALSE(ParseJson(std::string(100'000, '[')).ok());
}

TEST(Json, ReplacesInvalidUtf8WhenItWrites) {
  EXPECT_EQ(ToJson(Value("\xff")), "\"\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace pipelined
