// The document against the code: each parameter that it tells of is read, and is of the type that it says.
#include "api/openapi/parameters.h"

#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

class ParametersTest : public ApiTest {
 protected:
  ParametersTest() {
    catalog_.AddDag("x");
    catalog_.AddRun("x", "x", RunState::kSuccess);
    catalog_.AddTask("x", "x", "x", TaskState::kSuccess);
  }
  static std::string Example(std::string_view pattern) {
    std::string path;
    for (std::size_t at = 0; at < pattern.size();) {
      if (pattern[at] != '{') {
        path += pattern[at++];
        continue;
      }
      const std::string_view name = pattern.substr(at + 1, pattern.find('}', at) - at - 1);
      path += name == "map_index" ? "-1" : name.ends_with("_number") || name.ends_with("_id") ? "1" : "x";
      if (name == "dag_id" || name == "dag_run_id" || name == "task_id") path.back() = 'x';
      at = pattern.find('}', at) + 1;
    }
    return path;
  }
};

// Whether a text such as "nope" cannot be a value of it, and 422 says so.
bool IsTyped(const api::Field& field) {
  const std::string_view type = std::string_view(field.type).substr(field.type.starts_with("[") ? 1 : 0);
  if (type.find('|') != std::string_view::npos) return false;
  for (const std::string_view typed : {"integer", "number", "positive", "boolean", "when"})
    if (type.starts_with(typed)) return true;
  return false;
}

TEST_F(ParametersTest, EachThatHasATypeIsReadAsThat) {
  for (const Route& route : Routes()) {
    for (const api::Field& parameter : QueryParameters(route.operation_id)) {
      if (!IsTyped(parameter)) continue;
      const Response response = Send(std::string(route.method), Example(route.pattern) + "?" + parameter.name + "=nope",
                                     route.operation_id == "patch_dags" ? R"({"is_paused": true})" : "{}");
      EXPECT_EQ(response.status, 422) << route.operation_id << " " << parameter.name;
      EXPECT_NE(response.body.find('"' + parameter.name + '"'), std::string::npos)
          << route.operation_id << " " << response.body;
    }
  }
}

TEST_F(ParametersTest, TheDocumentTellsOfThem) {
  const Value body = BodyOf(Get("/openapi.json"));
  const Value* get = body.Find("paths")->Find("/api/v2/dagTags")->Find("get");
  const auto parameter = [&](std::size_t at) { return ToJson(get->Find("parameters")->list().at(at)); };
  EXPECT_EQ(parameter(0),
            R"({"name":"limit","in":"query","required":false,"schema":{"type":"integer","minimum":0,"default":50}})");
  EXPECT_THAT(parameter(2), ::testing::HasSubstr(R"("items":{"anyOf":[{"type":"string","const":"name"})"));
}

}  // namespace
}  // namespace pipelined::api
