// The description of the API as a whole: nothing is missing from it, and nothing in it leads nowhere.
#include "api/openapi/openapi.h"

#include <set>

#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

using OpenApi = ApiTest;

void CollectReferences(const Value& value, std::set<std::string>& names) {
  if (value.is_list()) {
    for (const Value& item : value.list()) CollectReferences(item, names);
  }
  if (!value.is_map()) return;
  for (const auto& [key, item] : value.map()) {
    if (key == "$ref" && item.is_string()) names.insert(item.string());
    CollectReferences(item, names);
  }
}

TEST_F(OpenApi, TellsOfEveryRoute) {
  for (const Route& route : Routes())
    EXPECT_NE(FindOperation(route.operation_id), nullptr) << "operations.cc has no row for " << route.operation_id;
}

TEST_F(OpenApi, EveryReferenceLeadsSomewhere) {
  const Value document = OpenApiDocument("1");
  std::set<std::string> references;
  CollectReferences(document, references);
  EXPECT_GT(references.size(), 100U);
  for (const std::string& reference : references) {
    const Value* at = &document;
    for (std::size_t begin = 2; at != nullptr && begin < reference.size();) {
      const std::size_t end = std::min(reference.find('/', begin), reference.size());
      at = at->Find(reference.substr(begin, end - begin));
      begin = end + 1;
    }
    EXPECT_NE(at, nullptr) << reference;
  }
}

TEST_F(OpenApi, NoObjectIsTwice) {
  std::set<std::string> names;
  const Value schemas = AllSchemas();
  for (const auto& [name, schema] : schemas.map()) EXPECT_TRUE(names.insert(name).second) << name;
}

TEST_F(OpenApi, AnotherFieldInAnAnswerIsSeen) {
  Value pool = *ParseJson(R"({"key": "k"})");
  EXPECT_FALSE(ValidateSchema(SchemaOf("VariableResponse"), pool).empty());
  const Value token = *ParseJson(R"({"access_token": "t"})");
  EXPECT_TRUE(ValidateSchema(SchemaOf("AccessToken"), token).empty());
  const Value more = *ParseJson(R"({"access_token": "t", "more": 1})");
  EXPECT_FALSE(ValidateSchema(SchemaOf("AccessToken"), more).empty());
}

TEST_F(OpenApi, IsNotSentTwice) {
  const Response first = Get("/openapi.json");
  EXPECT_EQ(first.headers.at(0).first, "ETag");
  EXPECT_EQ(first.body, Get("/openapi.json").body);
}

TEST_F(OpenApi, ThePageLoadsNothing) {
  const Response page = Get("/docs");
  for (const std::string_view tag : {"<script", "<link", "<img", "src=", "http://", "https://", "onclick"})
    EXPECT_EQ(page.body.find(tag), std::string::npos) << tag;
  EXPECT_NE(page.body.find("id=\"trigger_dag_run\""), std::string::npos);
  const std::string* policy = Find(page.headers, "Content-Security-Policy");
  ASSERT_NE(policy, nullptr);
  EXPECT_THAT(*policy, ::testing::StartsWith("default-src 'none'; style-src 'sha256-"));
}

// What the document says must hold at its edges, too.
TEST_F(OpenApi, EdgesOfParametersAndBodies) {
  EXPECT_EQ(Get("/api/v2/dags?limit=99999999999999999999999").status, 200);
  EXPECT_EQ(Get("/api/v2/dags?limit=-99999999999999999999999").status, 422);
  EXPECT_EQ(Get("/api/v2/backfills/99999999999999999999999").status, 404);
  EXPECT_EQ(Get("/api/v2/eventLogs?before=253402300799000").status, 200);
  EXPECT_EQ(Get("/api/v2/eventLogs?before=253402300799001").status, 422);
  EXPECT_EQ(Get("/api/v2/eventLogs?before=-62135596800001").status, 422);
  EXPECT_EQ(Send("POST", "/api/v2/pools", R"({"name": "p", "slots": null})").status, 422);
  const auto bulk = [&](const std::string& more) {
    return Send("PATCH", "/api/v2/pools", R"({"actions": [{"action": "delete", "entities": [])" + more + "}]}").status;
  };
  EXPECT_EQ(bulk(R"(, "action_on_non_existence": "skip")"), 200);
  EXPECT_EQ(bulk(R"(, "action_on_non_existence": null)"), 422);
  EXPECT_EQ(bulk(R"(, "update_mask": ["slots"])"), 422);
}

TEST_F(OpenApi, WhatCannotBeANumberIsNotTakenForOne) {
  EXPECT_EQ(Get("/api/v2/backfills/dry_run").status, 405);
  EXPECT_EQ(Get("/api/v2/backfills/nothing").status, 422);
  EXPECT_EQ(Send("PATCH", "/api/v2/dags/d/dagRuns/r/taskInstances/t/tries", "{}").status, 405);
}

TEST(Notation, IsJsonSchema) {
  const auto schema = [](std::string_view type) { return ToJson(SchemaOfType(type)); };
  EXPECT_EQ(schema("text(1..250)?"), R"({"type":["string","null"],"minLength":1,"maxLength":250})");
  EXPECT_EQ(schema("[integer(0..)](2..2)"),
            R"({"type":"array","items":{"type":"integer","minimum":0},"minItems":2,"maxItems":2})");
  EXPECT_EQ(schema("'a'|instant?"),
            R"({"anyOf":[{"type":"string","const":"a"},{"type":"string","format":"date-time"},{"type":"null"}]})");
  EXPECT_EQ(schema("{Pool?}"), R"({"type":"object","additionalProperties":{"anyOf":)"
                               R"([{"$ref":"#/components/schemas/Pool"},{"type":"null"}]}})");
}

TEST(Notation, AbbreviatesFields) {
  std::vector<std::string> names;
  for (const api::Field& field : FieldsOf("@at:instant ~name @total <AccessToken"))
    names.push_back(field.name + (field.required ? "" : "?"));
  EXPECT_THAT(names,
              ::testing::ElementsAre("at_gte?", "at_gt?", "at_lte?", "at_lt?", "name_pattern?", "name_prefix_pattern?",
                                     "total_entries", "total_entries_limit?", "access_token"));
}

}  // namespace
}  // namespace pipelined::api
