// The document against the code: each parameter that it tells of is read, and is of the type that it says.
#include "api/parameters.h"

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

TEST_F(ParametersTest, EachThatHasATypeIsReadAsThat) {
  for (const Route& route : Routes()) {
    for (const Parameter& parameter : QueryParameters(route.operation_id)) {
      if (parameter.type == "string" && !parameter.date) continue;
      const std::string name(parameter.name);
      const Response response = Send(std::string(route.method), Example(route.pattern) + "?" + name + "=nope",
                                     route.operation_id == "patch_dags" ? R"({"is_paused": true})" : "{}");
      EXPECT_EQ(response.status, 422) << route.operation_id << " " << name;
      EXPECT_NE(response.body.find('"' + name + '"'), std::string::npos) << route.operation_id << " " << response.body;
    }
  }
}

TEST_F(ParametersTest, TheDocumentTellsOfThem) {
  const Response document = Get("/openapi.json");
  const Value body = BodyOf(document);
  const Value* get = body.Find("paths")->Find("/api/v2/dagTags")->Find("get");
  EXPECT_EQ(ToJson(get->Find("parameters")->list().at(0)),
            R"({"name":"limit","in":"query","required":false,"schema":{"type":"integer"}})");
}

}  // namespace
}  // namespace pipelined::api
