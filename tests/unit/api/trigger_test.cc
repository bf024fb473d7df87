#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

using ::testing::HasSubstr;

class TriggerTest : public ApiTest {
 protected:
  TriggerTest() {
    catalog_.AddDag("manual_only", [](DagRow& row) {
      row.params = *ParseJson(R"({"region": {"value": "eu", "schema": {"type": "string", "enum": ["eu", "us"]}},
                                  "limit": {"value": 5, "schema": {"type": "integer", "minimum": 1}}})");
    });
  }
  Response Trigger(const std::string& body, const std::string& dag = "manual_only") {
    return Send("POST", "/api/v2/dags/" + dag + "/dagRuns", body);
  }
};

TEST_F(TriggerTest, WithoutADateItRunsNow) {
  const Response response = Trigger(R"({"logical_date": null})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Field(response, "dag_run_id"), "\"manual__2026-02-01T12:00:00+00:00\"");
  EXPECT_EQ(Field(response, "logical_date"), "null");
  EXPECT_EQ(Field(response, "data_interval_start"), "null");
  EXPECT_EQ(Field(response, "run_after"), "\"2026-02-01T12:00:00Z\"");
  EXPECT_EQ(Field(response, "state"), "\"queued\"");
  EXPECT_EQ(Field(response, "run_type"), "\"manual\"");
  EXPECT_EQ(Field(response, "triggered_by"), "\"rest_api\"");
  EXPECT_EQ(Field(response, "triggering_user_name"), "\"admin\"");
  EXPECT_EQ(Field(response, "conf"), "{}");
}

TEST_F(TriggerTest, TheAnswerEchoesTheOffsetAndALaterGetGivesUtc) {
  const Response response = Trigger(
      R"({"dag_run_id": "r2", "logical_date": "2026-01-06T00:00:00+02:00", "conf": {"region": "us", "limit": 9}, "note": "hello"})");
  EXPECT_EQ(Field(response, "logical_date"), "\"2026-01-06T00:00:00+02:00\"");
  EXPECT_EQ(Field(response, "data_interval_end"), "\"2026-01-06T00:00:00+02:00\"");
  EXPECT_EQ(Field(response, "note"), "\"hello\"");
  EXPECT_EQ(Field(Get("/api/v2/dags/manual_only/dagRuns/r2"), "logical_date"), "\"2026-01-05T22:00:00Z\"");
}

TEST_F(TriggerTest, ANumberIsAUnixTime) {
  EXPECT_EQ(Field(Trigger(R"({"logical_date": 5})"), "logical_date"), "\"1970-01-01T00:00:05Z\"");
}

struct RefusedCase {
  const char* body;
  int status;
  const char* says;
};

class RefusedTrigger : public TriggerTest, public ::testing::WithParamInterface<RefusedCase> {};

TEST_P(RefusedTrigger, SaysWhy) {
  const Response response = Trigger(GetParam().body);
  EXPECT_EQ(response.status, GetParam().status) << response.body;
  EXPECT_THAT(response.body, HasSubstr(GetParam().says));
  EXPECT_TRUE(catalog_.triggers.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Trigger, RefusedTrigger,
    ::testing::Values(
        RefusedCase{"{}", 422, R"("type":"missing","loc":["body","logical_date"])"},
        RefusedCase{"{", 422, R"("type":"json_invalid","loc":["body",1])"},
        RefusedCase{"[]", 422, R"("type":"model_attributes_type","loc":["body"])"},
        RefusedCase{R"({"logical_date": null, "nope": 1})", 422, R"("type":"extra_forbidden","loc":["body","nope"])"},
        RefusedCase{R"({"logical_date": "2026-01-06T00:00:00"})", 422, R"("loc":["body","logical_date"])"},
        RefusedCase{R"({"logical_date": true})", 422, R"("loc":["body","logical_date"])"},
        RefusedCase{R"({"logical_date": null, "dag_run_id": 7})", 422, R"("type":"string_type")"},
        RefusedCase{R"({"logical_date": null, "conf": []})", 422, R"("type":"dict_type")"},
        RefusedCase{R"({"logical_date": null, "conf": {"x": ["a\u0000b"]}})", 422, "NUL"},
        RefusedCase{R"({"logical_date": null, "data_interval_start": "2026-01-01T00:00:00Z"})", 422,
                    R"("type":"value_error","loc":["body"])"},
        RefusedCase{R"({"logical_date": null, "dag_run_id": "scheduled__x"})", 400, "scheduled__"},
        RefusedCase{R"({"logical_date": null, "dag_run_id": "a/b"})", 400, "a/b"},
        RefusedCase{R"({"logical_date": null, "dag_run_id": ".."})", 400, ".."},
        RefusedCase{R"({"logical_date": null, "conf": {"limit": 0}})", 400, "params.limit: "},
        RefusedCase{R"({"logical_date": null, "conf": {"region": "mars"}})", 400, "params.region: "}));

TEST_F(TriggerTest, AnUnknownDagIs404) {
  EXPECT_EQ(Trigger(R"({"logical_date": null})", "nope").status, 404);
}

TEST_F(TriggerTest, ADuplicateIs409WithAnObject) {
  Trigger(R"({"logical_date": "2026-01-05T00:00:00Z", "dag_run_id": "r1"})");
  const Response same_id = Trigger(R"({"logical_date": null, "dag_run_id": "r1"})");
  EXPECT_EQ(same_id.status, 409);
  EXPECT_EQ(Field(same_id, "detail.reason"), "\"Unique constraint violation\"");
  EXPECT_EQ(Trigger(R"({"logical_date": "2026-01-05T01:00:00+01:00", "dag_run_id": "r0"})").status, 409);
}

TEST_F(TriggerTest, AParamWithoutDefaultMustBeGiven) {
  catalog_.AddDag("strict", [](DagRow& row) { row.params = *ParseJson(R"({"day": {"schema": {"type": "string"}}})"); });
  EXPECT_THAT(Trigger(R"({"logical_date": null})", "strict").body, HasSubstr("params.day: has no default"));
  EXPECT_EQ(Trigger(R"({"logical_date": null, "conf": {"day": "mon"}})", "strict").status, 200);
  catalog_.dags.back().params = *ParseJson(R"({"day": {"value": null, "schema": {"type": "string"}}})");
  EXPECT_THAT(Trigger(R"({"logical_date": null})", "strict").body, HasSubstr("params.day: has no default"));
}

}  // namespace
}  // namespace pipelined::api
