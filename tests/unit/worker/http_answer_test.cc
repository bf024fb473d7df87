// What an answer means for the task.
#include "worker/http_answer.h"

#include <gmock/gmock.h>

#include "pipelined/schema/json.h"

namespace pipelined::worker {
namespace {

using ::testing::HasSubstr;

JobEnd Answer(const std::string& spec, long status, const std::string& body = "") {
  return Judge(*ParseJson(spec), status, body);
}

TEST(HttpAnswer, ASuccessIsAnyOfTheTwoHundreds) {
  EXPECT_EQ(Answer("{}", 204).outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(Answer("{}", 204).outputs.Find("status")->integer(), 204);
  EXPECT_EQ(Answer("{}", 302).outcome, AttemptOutcome::kFailed);
}

TEST(HttpAnswer, ExpectedStatusesAreWhatTheFileSays) {
  const std::string spec = R"({"expect": {"status": [[404, 404], [500, 599]]}})";
  EXPECT_EQ(Answer(spec, 404).outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(Answer(spec, 200).message, "HTTP status 200, not 404 or 500 to 599");
}

TEST(HttpAnswer, WideNumbersAreComparedAsNumbersAndGivenAsTexts) {
  const auto spec = ParseJson(R"({"expect": {"json": {"/n": 18446744073709551615}}, "output": {"n": "/n"}})");
  const JobEnd end = Judge(*spec, 200, R"({"n": 18446744073709551615})");
  EXPECT_EQ(end.outcome, AttemptOutcome::kSucceeded) << end.message;
  EXPECT_EQ(*end.outputs.Find("n"), Value("18446744073709551615"));
}

TEST(HttpAnswer, AnotherTryIsMadeWhereItMayHelp) {
  for (const long status : {408, 425, 429, 500, 503}) EXPECT_FALSE(Answer("{}", status).is_final) << status;
  for (const long status : {301, 400, 401, 404, 422}) EXPECT_TRUE(Answer("{}", status).is_final) << status;
  const std::string own = R"({"retry_status": [[404, 404]]})";
  EXPECT_FALSE(Answer(own, 404).is_final);
  EXPECT_TRUE(Answer(own, 503).is_final);
}

TEST(HttpAnswer, ItsContentIsCompared) {
  const std::string spec = R"({"expect": {"json": {"/state": "done", "/n": 1}}})";
  EXPECT_EQ(Answer(spec, 200, R"({"state": "done", "n": 1.0})").outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(Answer(spec, 200, R"({"state": "open", "n": 1})").message,
            R"(the answer has "open" at /state, not "done")");
  EXPECT_EQ(Answer(spec, 200, R"({"n": 1})").message, "the answer has nothing at /state");
  EXPECT_EQ(Answer(spec, 200, "<html>").message, "the answer is no JSON");
  EXPECT_FALSE(Answer(spec, 200, "<html>").is_final);
  EXPECT_EQ(Answer(R"({"expect": {"body_contains": "ok"}})", 200, "all ok").outcome, AttemptOutcome::kSucceeded);
  EXPECT_THAT(Answer(R"({"expect": {"body_contains": "ok"}})", 200, "no").message, HasSubstr("does not contain"));
}

TEST(HttpAnswer, OutputsAreTakenByPointer) {
  const JobEnd end = Answer(R"({"output": {"id": "/data/0/id", "all": ""}})", 201, R"({"data": [{"id": 7}]})");
  EXPECT_EQ(end.outputs, *ParseJson(R"({"status": 201, "id": 7, "all": {"data": [{"id": 7}]}})"));
  EXPECT_EQ(Answer(R"({"output": {"id": "/x"}})", 200, "{}").outcome, AttemptOutcome::kBadOutput);
  EXPECT_EQ(Answer(R"({"output": {"id": "/x"}})", 200, "no").outcome, AttemptOutcome::kBadOutput);
}

TEST(HttpAnswer, AProbeIsToldInAnyCase) {
  EXPECT_EQ(Answer("{}", 200).probed, *ParseJson(R"({"status": 200, "ok": true, "outputs": {"status": 200}})"));
  EXPECT_EQ(Answer("{}", 404).probed, *ParseJson(R"({"status": 404, "ok": false, "why": "HTTP status 404"})"));
}

}  // namespace
}  // namespace pipelined::worker
