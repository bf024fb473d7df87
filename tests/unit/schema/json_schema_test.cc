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

TEST(JsonSchema, PlacesAreAlsoGivenAsJsonPointers) {
  const auto found = ValidateSchema(*ParseJson(R"({"properties": {"a/b": {"items": {"properties": {"~": false}}}}})"),
                                    *ParseJson(R"({"a/b": [{}, {"~": 1}]})"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pointer, "/a~1b/1/~0");
  EXPECT_EQ(found[0].path, "a/b[1].~");
}

// What draft 7 says of each keyword: a schema, what fits it, what does not.
struct Rule {
  std::string_view schema;
  std::vector<std::string_view> fits, fails;
};

const std::vector<Rule>& Rules() {
  static const std::vector<Rule> rules{
      {"true", {"1", "null"}, {}},
      {"false", {}, {"1", "null"}},
      {R"({"type": "integer"})", {"1", "1.0", "-9223372036854775808"}, {"1.5", "\"1\"", "true", "null"}},
      {R"({"type": "number"})", {"1", "1.5"}, {"\"1\"", "true"}},
      {R"({"type": ["string", "null"]})", {"\"\"", "null"}, {"0", "[]", "{}"}},
      {R"({"enum": [1, "a", null, [1], {"a": 1, "b": 2}]})",
       {"1", "1.0", "\"a\"", "null", "[1.0]", R"({"b": 2, "a": 1})"},
       {"true", "\"1\"", "[]", "[1, 1]", R"({"a": 1})"}},
      {R"({"enum": [0, 1]})", {"0", "-0.0", "1"}, {"false", "true"}},
      {R"({"const": false})", {"false"}, {"0", "null", "[]"}},
      {R"({"multipleOf": 2})", {"4", "-4", "0", "\"x\""}, {"3", "1.5"}},
      {R"({"multipleOf": 0.01})", {"0.07", "1.1", "19.99"}, {"0.005"}},
      {R"({"multipleOf": 0.0001})", {"0.0075"}, {"0.00751"}},
      {R"({"minimum": -2, "maximum": 3})", {"-2", "3", "3.0", "\"x\""}, {"-2.01", "3.01"}},
      {R"({"exclusiveMinimum": 1.1, "exclusiveMaximum": 3})", {"1.2", "2.99"}, {"1.1", "3", "3.0"}},
      {R"({"maximum": 9007199254740992})", {"9007199254740992"}, {"9007199254740993"}},
      {R"({"minLength": 2, "maxLength": 3})", {"\"äö\"", "\"💩💩\"", "7"}, {"\"💩\"", "\"abcd\""}},
      {R"({"pattern": "^a*$"})", {"\"aaa\"", "\"\"", "1"}, {"\"abc\""}},
      {R"({"pattern": "a+"})", {"\"xxaayy\""}, {"\"x\""}},
      {R"({"items": {"type": "integer"}})", {"[]", "[1, 2]", "{}"}, {"[1, \"x\"]"}},
      {R"({"items": [{"type": "integer"}, {"type": "string"}]})", {"[1, \"a\", null]", "[]", "[1]"}, {"[\"a\", 1]"}},
      {R"({"items": [{}], "additionalItems": {"type": "integer"}})", {"[null, 2, 3]"}, {"[null, \"x\"]"}},
      {R"({"items": [{}, {}], "additionalItems": false})", {"[1, 2]", "[]"}, {"[1, 2, 3]"}},
      {R"({"items": {}, "additionalItems": false})", {"[1, 2, 3]"}, {}},
      {R"({"additionalItems": false})", {"[1, 2, 3]"}, {}},
      {R"({"minItems": 1, "maxItems": 2})", {"[1]", "[1, 2]", "\"\""}, {"[]", "[1, 2, 3]"}},
      {R"({"uniqueItems": true})",
       {"[1, 2]", "[1, true]", "[0, false]", "[[1], [2]]", R"([{"a": 1}, {"a": 2}])", "[1, \"1\"]"},
       {"[1, 1]", "[1, 1.0]", "[[1], [1.0]]", R"([{"a": 1, "b": 2}, {"b": 2, "a": 1}])"}},
      {R"({"uniqueItems": false})", {"[1, 1]"}, {}},
      {R"({"contains": {"minimum": 5}})", {"[3, 5]", "\"x\"", "{}"}, {"[1, 2]", "[]"}},
      {R"({"minProperties": 1, "maxProperties": 2})", {R"({"a": 1})", "[]"}, {"{}", R"({"a": 1, "b": 2, "c": 3})"}},
      {R"({"required": ["a"]})", {R"({"a": null})", "[]", "1"}, {"{}", R"({"b": 1})"}},
      {R"({"properties": {"a": {"type": "integer"}, "b": false}})",
       {R"({"a": 1})", "{}", "[]", R"({"c": 1})"},
       {R"({"a": "x"})", R"({"b": 1})"}},
      {R"({"patternProperties": {"f.*o": {"type": "integer"}}})",
       {R"({"foo": 1, "bar": "x"})", "[\"foo\"]"},
       {R"({"foo": "x"})", R"({"xfoooy": null})"}},
      {R"({"properties": {"a": {}}, "patternProperties": {"^v": {}}, "additionalProperties": false})",
       {R"({"a": 1, "vx": 2})", "[1]"},
       {R"({"a": 1, "b": 2})"}},
      {R"({"additionalProperties": {"type": "boolean"}, "properties": {"a": {}}})",
       {R"({"a": 1, "b": true})"},
       {R"({"b": 1})"}},
      {R"({"dependencies": {"a": ["b", "c"]}})",
       {R"({"a": 1, "b": 2, "c": 3})", "{}", "[\"a\"]"},
       {R"({"a": 1, "b": 2})"}},
      {R"({"dependencies": {"a": {"required": ["b"]}, "x": false}})",
       {R"({"a": 1, "b": 2})"},
       {R"({"a": 1})", R"({"x": 1})"}},
      {R"({"propertyNames": {"maxLength": 3, "pattern": "^[a-z]"}})",
       {R"({"abc": 1})", "{}", "[1]"},
       {R"({"abcd": 1})", R"({"1": 1})"}},
      {R"({"allOf": [{"type": "integer"}, {"minimum": 3}]})", {"3"}, {"2", "\"x\"", "3.5"}},
      {R"({"anyOf": [{"type": "integer"}, {"pattern": "^x", "type": "string"}]})",
       {"1", "\"xy\""},
       {"\"y\"", "1.5", "null"}},
      {R"({"oneOf": [{"type": "integer"}, {"minimum": 2}]})", {"1", "2.5"}, {"3", "1.5"}},
      {R"({"not": {"type": ["integer", "boolean"]}})", {"\"x\""}, {"1", "true"}},
      {R"({"not": {}})", {}, {"1"}},
      {R"({"if": {"exclusiveMaximum": 0}, "then": {"minimum": -10}, "else": {"multipleOf": 2}})",
       {"-1", "4"},
       {"-100", "3"}},
      {R"({"if": {"const": 1}})", {"1", "2"}, {}},
      {R"({"then": {"const": 1}, "else": {"const": 2}})", {"3"}, {}},
      {R"({"definitions": {"size": {"enum": ["s", "l"]}}, "items": {"$ref": "#/definitions/size"}})",
       {"[\"s\"]"},
       {"[\"m\"]"}},
      {R"({"$ref": "#/definitions/a~1b%25", "maxItems": 1, "definitions": {"a/b%": {"type": "array"}}})",
       {"[1, 2]"},
       {"1"}},
      {R"({"properties": {"next": {"$ref": "#"}}, "additionalProperties": false})",
       {R"({"next": {"next": {}}})"},
       {R"({"next": {"last": 1}})"}},
      {R"({"format": "date"})",
       {"\"2026-02-28\"", "5"},
       {"\"2026-02-30\"", "\"28.2.2026\"", "\"2026-02-28T00:00:00\""}},
      {R"({"format": "time"})", {"\"12:30:00Z\""}, {"\"25:00:00Z\"", "\"noon\""}},
      {R"({"format": "email"})", {"\"ann@example.org\""}, {"\"ann\"", "\"a b@c\"", "\"a@b\\n\""}},
      {R"({"format": "ipv4"})", {"\"10.0.0.1\""}, {"\"10.0.0.256\"", "\"10.0.0\""}},
      {R"({"format": "ipv6"})", {"\"::1\""}, {"\"1:2\"", "\"10.0.0.1\""}},
      {R"({"format": "hostname"})", {"\"a-b.example\""}, {"\"-a\"", "\"a_b\"", "\"\""}},
      {R"({"format": "uri"})", {"\"https://a/b?c#d\"", "\"mailto:a@b\""}, {"\"/a\"", "\"https://a b\""}},
      {R"({"format": "uuid"})", {"\"2eb8aa08-aa98-11ea-b4aa-73b441d16380\""}, {"\"2eb8aa08\""}},
      {R"({"format": "regex"})", {"\"a+\""}, {"\"a(\""}},
      {R"({"format": "json-pointer"})", {"\"/a/~0\"", "\"\""}, {"\"a\"", "\"/~2\""}},
      {R"({"format": "multiline", "title": 5, "examples": ["a"], "$comment": "x"})", {"\"x\"", "1"}, {}},
  };
  return rules;
}

TEST(JsonSchema, EveryKeywordOfDraft7Holds) {
  for (const Rule& rule : Rules()) {
    for (const std::string_view value : rule.fits)
      EXPECT_THAT(Check(rule.schema, value), IsEmpty()) << rule.schema << " " << value;
    for (const std::string_view value : rule.fails) {
      const auto found = Check(rule.schema, value);
      EXPECT_FALSE(found.empty()) << rule.schema << " " << value;
      for (const std::string& one : found) EXPECT_EQ(one.find("the schema itself"), std::string::npos) << one;
    }
  }
}

TEST(JsonSchema, WhatASchemaMayNotBeIsSaid) {
  for (const std::string_view schema :
       {R"({"type": "text"})", R"({"type": []})", R"({"enum": 1})", R"({"minimum": "1"})", R"({"multipleOf": 0})",
        R"({"maxLength": -1})", R"({"maxLength": 1.5})", R"({"pattern": "("})", R"({"required": "a"})",
        R"({"anyOf": []})", R"({"properties": []})", R"({"properties": {"a": 1}})", R"({"items": {"type": 1}})",
        R"({"not": 1})", R"({"$ref": 1})", R"({"dependencies": {"a": 1}})", R"({"patternProperties": {"(": {}}})",
        R"({"uniqueItems": 1})", R"({"format": 1})"}) {
    EXPECT_NE(SchemaFault(*ParseJson(schema)), "") << schema;
  }
  for (const std::string_view schema :
       {R"({"$ref": "#/definitions/none"})", R"({"$ref": "other.json"})", R"({"$ref": "#/x/0", "x": [{"type": 1}]})"})
    EXPECT_THAT(Check(schema, "1"), ElementsAre(StartsWith(": the schema itself is not valid"))) << schema;
}

TEST(JsonSchema, AReferenceToNothingIsSaidBeforeAValueGetsThere) {
  const auto fault = [](std::string_view schema) { return SchemaFault(*ParseJson(schema)); };
  EXPECT_EQ(fault(R"({"properties": {"a": {"$ref": "#/definitions/none"}}})"),
            R"(there is no "#/definitions/none" in it)");
  EXPECT_EQ(fault(R"({"anyOf": [{"type": "string"}, {"items": {"$ref": "other.json"}}]})"),
            R"(there is no "other.json" in it)");
  EXPECT_EQ(fault(R"({"definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/nowhere"}}})"),
            R"(there is no "#/nowhere" in it)");
  EXPECT_EQ(fault(R"({"items": {"$ref": "#/x/0"}, "x": [{"properties": {"y": {"$ref": "#/z"}}}]})"),
            R"(there is no "#/z" in it)");
  EXPECT_THAT(Check(R"({"definitions": {"a": {"$ref": "#/none"}}, "minimum": 3})", "1"),
              ElementsAre(StartsWith(": the schema itself is not valid")));
  EXPECT_THAT(fault(R"({"items": {"$ref": "#/x/0"}, "x": [{"type": 1}]})"), StartsWith("type must be of"));
  EXPECT_EQ(fault(R"({"items": {"$ref": "#/items"}})"), R"("#/items" refers to itself without end)");
  EXPECT_EQ(fault(R"({"properties": {"next": {"$ref": "#"}, "at": {"$ref": "#/definitions/a~1b"}},
                      "definitions": {"a/b": true}})"),
            "");
  EXPECT_EQ(fault(R"({"enum": [{"$ref": "#/none"}], "default": {"$ref": "#/none"}})"), "");  // values, no schemas
}

TEST(JsonSchema, WhatWouldNotEndEnds) {
  EXPECT_THAT(Check(R"({"$ref": "#"})", "1"), ElementsAre(StartsWith(": the schema itself is not valid")));
  EXPECT_THAT(Check(R"({"allOf": [{"$ref": "#"}, {"$ref": "#"}]})", "1"),
              ElementsAre(StartsWith(": the schema itself is not valid")));
  std::string definitions = R"("d0": {"type": "integer"})";
  for (int i = 1; i < 40; ++i) {
    const std::string below = "{\"$ref\": \"#/definitions/d" + std::to_string(i - 1) + "\"}";
    definitions +=
        ", \"d" + std::to_string(i) + "\": {\"anyOf\": [{\"allOf\": [" + below + ", false]}, " + below + "]}";
  }
  EXPECT_THAT(Check("{\"$ref\": \"#/definitions/d39\", \"definitions\": {" + definitions + "}}", "\"x\""),
              ElementsAre(StartsWith(": the schema itself is not valid")));
}

TEST(JsonSchema, AlternativesSayWhyEachDoesNotFit) {
  EXPECT_THAT(
      Check(R"({"anyOf": [{"type": "integer"}, {"properties": {"a": {"minimum": 1}}, "type": "object"}]})",
            R"({"a": 0})"),
      ElementsAre(": {\"a\":0} fits no alternative: {\"a\":0} is not of type integer, or a: must be ≥ 1, not 0"));
  EXPECT_THAT(Check(R"({"oneOf": [{}, {"type": "integer"}]})", "1"),
              ElementsAre(": 1 fits 2 of 2 alternatives, and must fit one only"));
}

TEST(JsonSchema, ABrokenSchemaSaysSo) {
  EXPECT_THAT(Check(R"({"type": 5})", "1"), ElementsAre(StartsWith(": the schema itself is not valid")));
  EXPECT_THAT(Check(R"("x")", "1"), ElementsAre(StartsWith(": the schema itself is not valid")));
}

}  // namespace
}  // namespace pipelined
