#include "pipelined/schema/json_schema.h"

#include <gmock/gmock.h>

#include "pipelined/schema/json.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::vector<std::string> Check(std::string_view schema, std::string_view instance) {
  std::vector<std::string> found;
  for (const SchemaViolation& v : ValidateSchema(*ParseJson(schema), *ParseJson(instance)))
    found.push_back(v.path + ": " + v.message);
  return found;
}

TEST(JsonSchema, AValidValueHasNoViolations) {
  EXPECT_THAT(Check(R"({"type": "string", "enum": ["eu", "us"]})", R"("eu")"), IsEmpty());
  EXPECT_THAT(Check("{}", "[1]"), IsEmpty());
  EXPECT_THAT(Check(R"({"type": ["null", "integer"], "minimum": 1})", "null"), IsEmpty());
}

TEST(JsonSchema, ViolationsAreSaidInPlainWords) {
  EXPECT_THAT(Check(R"({"enum": ["eu", "us"]})", R"("mars")"), ElementsAre(": \"mars\" is not one of \"eu\", \"us\""));
  EXPECT_THAT(Check(R"({"type": "integer", "minimum": 1})", "0"), ElementsAre(": must be ≥ 1, not 0"));
  EXPECT_THAT(Check(R"({"type": ["string", "null"]})", "5"), ElementsAre(": 5 is not of type string or null"));
  EXPECT_THAT(Check(R"({"type": "integer"})", R"("5")"), ElementsAre(": \"5\" is not of type integer"));
  EXPECT_THAT(Check(R"({"type": "string", "minLength": 2})", R"("é")"),
              ElementsAre(": must have at least 2 characters, has 1"));
  EXPECT_THAT(Check(R"({"type": "string", "pattern": "^a+$"})", R"("b")"),
              ElementsAre(": \"b\" does not match the pattern \"^a+$\""));
  EXPECT_THAT(Check(R"({"const": 3})", "4"), ElementsAre(": 4 is not 3"));
}

TEST(JsonSchema, AllViolationsOfAnObjectAreFoundWithTheirPaths) {
  EXPECT_THAT(Check(R"({"type": "object", "required": ["rows", "name"], "additionalProperties": false,
                        "properties": {"rows": {"type": "array", "items": {"type": "integer", "maximum": 9}}, "name": {"type": "string"}}})",
                    R"({"rows": [1, 10, "x"], "nmae": 1})"),
              ElementsAre("name: is required", "rows[1]: must be ≤ 9, not 10", "rows[2]: \"x\" is not of type integer",
                          "nmae: is not known here"));
}

TEST(JsonSchema, WhatHasNoPlainWordsIsStillRefused) {
  EXPECT_EQ(Check(R"({"anyOf": [{"type": "integer"}, {"type": "null"}]})", R"("x")").size(), 1u);
  EXPECT_EQ(Check(R"({"not": {"type": "string"}})", R"("x")").size(), 1u);
}

TEST(JsonSchema, APatternThatWouldHangOthersIsJudgedInLinearTime) {
  const std::string text = "\"" + std::string(900'000, 'a') + "!\"";
  EXPECT_EQ(Check(R"({"pattern": "^(a+)+$"})", text).size(), 1u);
  EXPECT_EQ(Check(R"({"format": "date"})", text).size(), 1u);
}

TEST(JsonSchema, FormatsHoldForTextsAlone) {
  EXPECT_THAT(Check(R"({"type": ["string", "null"], "format": "date"})", "null"), IsEmpty());
  EXPECT_THAT(Check(R"({"format": "date"})", R"("2026-02-28")"), IsEmpty());
  EXPECT_THAT(Check(R"({"format": "date"})", R"("2026-02-29")"), ElementsAre(": \"2026-02-29\" is not a date"));
  EXPECT_THAT(Check(R"({"format": "date-time"})", R"("2026-02-28T06:00:00Z")"), IsEmpty());
}

TEST(JsonSchema, PatternsAreJudgedInMembersAndItems) {
  EXPECT_THAT(Check(R"({"properties": {"a": {"items": {"pattern": "^x"}}}})", R"({"a": ["xy", "y"]})"),
              ElementsAre("a[1]: \"y\" does not match the pattern \"^x\""));
}

TEST(JsonSchema, APatternThatDependsOnOthersIsRefused) {
  EXPECT_THAT(Check(R"({"anyOf": [{"pattern": "^x"}, {"type": "null"}]})", R"("x")"),
              ElementsAre(": the schema itself is not valid: pattern is not supported below anyOf"));
}

TEST(JsonSchema, ABrokenSchemaSaysSo) {
  EXPECT_THAT(Check(R"({"type": 5})", "1"), ElementsAre(StartsWith(": the schema itself is not valid")));
  EXPECT_THAT(Check(R"("x")", "1"), ElementsAre(StartsWith(": the schema itself is not valid")));
}

}  // namespace
}  // namespace pipelined
