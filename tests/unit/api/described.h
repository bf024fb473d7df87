// Whether answers are as the description of the API says: their status, their media type, and every field.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "api/openapi/openapi.h"
#include "api/openapi/operations.h"
#include "api/routes.h"
#include "api/openapi/schemas.h"
#include "pipelined/schema/json.h"
#include "pipelined/schema/json_schema.h"

namespace pipelined::api {

// The schema with what its references stand for in their place. Of alternatives no format is checked: ValidateSchema()
// takes none there.
inline Value Inlined(const Value& schema, const Value& schemas, bool alternative = false) {
  if (schema.is_list()) {
    Value::List list;
    for (const Value& item : schema.list()) list.push_back(Inlined(item, schemas, alternative));
    return list;
  }
  if (!schema.is_map()) return schema;
  if (const Value* reference = schema.Find("$ref")) {
    const std::string name = reference->string().substr(reference->string().rfind('/') + 1);
    const Value* object = schemas.Find(name);
    EXPECT_NE(object, nullptr) << "no schema is called " << name;
    return object == nullptr ? Value() : Inlined(*object, schemas, alternative);
  }
  Value::Map map;
  for (const auto& [key, value] : schema.map()) {
    if (alternative && key == "format" && value.is_string()) continue;
    map.emplace_back(key, Inlined(value, schemas, alternative || key == "anyOf"));
  }
  return map;
}

inline const Value& SchemaOf(std::string_view type) {
  static const Value kSchemas = AllSchemas();
  static std::map<std::string, Value, std::less<>> known;
  auto found = known.find(type);
  if (found == known.end()) found = known.emplace(type, Inlined(SchemaOfType(type), kSchemas)).first;
  return found->second;
}

inline void ExpectDescribed(const Request& request, const Response& response) {
  const Match match = FindRoute(request.method == "HEAD" ? "GET" : request.method, request.segments);
  if (match.route == nullptr || request.method == "HEAD") return;
  const std::string what = request.method + " " + request.path + " -> " + std::to_string(response.status);
  const Documented* answer = nullptr;
  static std::map<const Route*, std::vector<Documented>> known;
  const auto& answers = known.try_emplace(match.route, AnswersOf(*match.route)).first->second;
  for (const Documented& documented : answers) {
    if (documented.status == response.status) answer = &documented;
  }
  if (response.status == 500) return;  // a bug that a test has made
  ASSERT_NE(answer, nullptr) << what << " is not in the description: " << response.body;
  if (response.body.empty()) return;
  const std::string media = response.content_type.substr(0, response.content_type.find(';'));
  if (media != "application/json") {
    EXPECT_NE(std::find(answer->media.begin(), answer->media.end(), media), answer->media.end())
        << what << " " << media;
    return;
  }
  ASSERT_FALSE(answer->type.empty()) << what << " should have no body: " << response.body;
  const Result<Value> body = ParseJson(response.body);
  ASSERT_TRUE(body.ok()) << what;
  const std::string_view type = response.status == 422 ? std::string_view("HTTPValidationError") : answer->type;
  for (const SchemaViolation& violation : ValidateSchema(SchemaOf(type), *body))
    ADD_FAILURE() << what << ": " << type << "." << violation.path << ": " << violation.message << "\n"
                  << response.body.substr(0, 2000);
}

}  // namespace pipelined::api
