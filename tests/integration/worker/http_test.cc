// The action `http`, against a server that does what it likes.
#include "integration/worker/worker_fixture.h"

namespace pipelined {
namespace {

using pipelined::testing::TinyHttpServer;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Http : public WorkerTest {
 protected:
  AttemptEnd Ask(const std::string& path, const std::string& more = "") {
    return RunAction(R"({"http": {"url": ")" + server_.Url(path) + "\"" + more + "}}");
  }
};

TEST_F(Http, ARequestSucceeds) {
  server_.Answer("/item", TinyHttpServer::Response(201, R"({"id": 7})"));
  const AttemptEnd end = Ask("/item", R"(, "json": {"a": 1}, "output": {"id": "/id"})");
  EXPECT_EQ(end.outcome, AttemptOutcome::kSucceeded) << end.message;
  EXPECT_EQ(end.outputs, *ParseJson(R"({"status": 201, "id": 7})"));
  ASSERT_EQ(server_.asked(), 1u);
  EXPECT_THAT(server_.Asked()[0], StartsWith("POST /item HTTP/1.1\r\n"));
  EXPECT_THAT(server_.Asked()[0], HasSubstr("\r\n\r\n{\"a\":1}"));
}

TEST_F(Http, ItsLogTellsEverythingButSecrets) {
  Ask("/item?token=t0ken",
      R"(, "headers": {"Authorization": "s3cret", "X-Api-Key": "k3y", "X-Plain": "seen"}, "auth": {"username": "u", "password": "pa55"})");
  const std::string log = Log(1000);
  EXPECT_THAT(log, HasSubstr("GET " + server_.Url("/item?token=***")));
  EXPECT_THAT(log, HasSubstr("X-Plain: seen"));
  EXPECT_THAT(log, HasSubstr("status 200"));
  EXPECT_THAT(log, HasSubstr("\nok\n"));
  for (const char* secret : {"t0ken", "s3cret", "k3y", "pa55"}) EXPECT_THAT(log, Not(HasSubstr(secret)));
  EXPECT_THAT(server_.Asked()[0], HasSubstr("X-Api-Key: k3y"));
}

TEST_F(Http, AFailureSaysWhy) {
  server_.Answer("/no", TinyHttpServer::Response(404, "not here"));
  const AttemptEnd missing = Ask("/no");
  EXPECT_EQ(missing.outcome, AttemptOutcome::kFailed);
  EXPECT_EQ(missing.message, "HTTP status 404");
  EXPECT_TRUE(missing.is_final);
  const AttemptEnd refused = RunAction(R"({"http": {"url": "http://127.0.0.1:1/"}})");
  EXPECT_EQ(refused.outcome, AttemptOutcome::kFailed);
  EXPECT_THAT(refused.message, HasSubstr("connect"));
  EXPECT_FALSE(refused.is_final);
  EXPECT_EQ(RunAction(R"({"http": {"url": "file:///etc/passwd"}})").outcome, AttemptOutcome::kLaunchFailed);
}

TEST_F(Http, HostileAnswersAreFailures) {
  server_.Answer("/large", TinyHttpServer::Response(200, std::string(2000, 'x')));
  server_.Answer("/noise", std::string("\x00\xff noise\r\n\r\n", 11));
  server_.Answer("/chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  server_.Answer("/loop", TinyHttpServer::Response(302, "", "Location: /loop\r\n"));
  server_.Answer("/file", TinyHttpServer::Response(302, "", "Location: file:///etc/passwd\r\n"));
  EXPECT_THAT(Ask("/large", R"(, "max_response": 1000)").message, HasSubstr("more than 1000 bytes"));
  for (const char* path : {"/noise", "/chunk"}) EXPECT_EQ(Ask(path).outcome, AttemptOutcome::kFailed) << path;
  EXPECT_THAT(Ask("/loop", R"(, "follow_redirects": true)").message, HasSubstr("sent on"));
  EXPECT_EQ(Ask("/file", R"(, "follow_redirects": true)").outcome, AttemptOutcome::kFailed);
  EXPECT_EQ(Ask("/loop").message, "HTTP status 302");
}

std::string LongJson(std::size_t bytes) {
  std::string json = R"({"id": 7, "list": [1)";
  while (json.size() < bytes) json += R"(, {"a": 1, "b": [2]})";
  return json + "]}";
}

TEST_F(Http, ALongAnswerIsReadLikeAShortOne) {
  const std::string body = LongJson(2 << 20);
  server_.Answer("/long", TinyHttpServer::Response(200, body));
  const AttemptEnd end = Ask("/long", R"(, "output": {"id": "/id"}, "expect": {"json": {"/list/0": 1}})");
  EXPECT_EQ(end.outcome, AttemptOutcome::kSucceeded) << end.message;
  EXPECT_EQ(end.outputs, *ParseJson(R"({"status": 200, "id": 7})"));
  EXPECT_THAT(Log(1000), HasSubstr("[pipelined: " + std::to_string(body.size() - 4096) + " bytes more]"));
  EXPECT_EQ(Ask("/long", R"(, "output": {"id": "/nothing"})").outcome, AttemptOutcome::kBadOutput);
  EXPECT_EQ(Ask("/long", R"(, "output": {"all": ""})").outcome, AttemptOutcome::kBadOutput);
  EXPECT_THAT(Ask("/long", R"(, "expect": {"json": {"/id": 8}})").message, HasSubstr("not 8"));
}

TEST_F(Http, WhileLongAnswersAreReadOthersAreNotKeptWaiting) {
  server_.Answer("/long", TinyHttpServer::Response(200, LongJson(8'000'000)));
  std::vector<AttemptStart> starts;
  for (std::int64_t id = 1; id <= 12; ++id)
    starts.push_back(Attempt(id, R"({"http": {"url": ")" + server_.Url("/long") + R"(", "output": {"id": "/id"}}})"));
  executor().Start(std::move(starts));
  ASSERT_TRUE(Eventually([&] { return server_.asked() == 12; }));
  // One after the other: each that had to wait until a long one was read would be one of a dozen.
  std::int64_t small = 0;
  while (small < 1000 && ends_.size() < 12u + static_cast<std::size_t>(small)) Run(Get(100 + small++, "/small"));
  EXPECT_GT(small, 30);
  for (std::int64_t id = 1; id <= 12; ++id) EXPECT_EQ(Await(id).outcome, AttemptOutcome::kSucceeded);
}

TEST_F(Http, WhatALogInIsMeantForDoesNotFollowToAnotherServer) {
  TinyHttpServer other;
  server_.Answer("/away", TinyHttpServer::Response(307, "", "Location: " + other.Url("/taken?token=t0ken") + "\r\n"));
  server_.Answer("/here", TinyHttpServer::Response(303, "", "Location: /there\r\n"));
  server_.Answer("/loop", TinyHttpServer::Response(302, "", "Location: /loop\r\n"));
  const std::string follow = R"(, "follow_redirects": true, "json": {"a": 1})";
  const std::vector<std::string> bound{R"(, "auth": {"token": "s3cret"})", R"(, "headers": {"X-Api-Key": "k3y"})",
                                       R"(, "connection": {"conn_type": "http", "host": ")" + server_.Url("") +
                                           R"(", "extra": "{\"X-Own\": \"0wn\"}"})"};
  for (const std::string& with : bound) {
    const AttemptEnd end = Ask("/away", follow + with);
    EXPECT_EQ(end.outcome, AttemptOutcome::kFailed);
    EXPECT_TRUE(end.is_final);
    EXPECT_THAT(end.message, HasSubstr("another server"));
    EXPECT_THAT(end.message, Not(HasSubstr("t0ken")));
  }
  EXPECT_EQ(other.asked(), 0u);
  for (const std::string& with : bound) EXPECT_EQ(Ask("/here", follow + with).outcome, AttemptOutcome::kSucceeded);
  EXPECT_THAT(server_.Asked().back(), StartsWith("GET /there HTTP/1.1\r\n"));
  EXPECT_THAT(server_.Asked().back(), HasSubstr("X-Own: 0wn"));
  EXPECT_THAT(server_.Asked().back(), Not(HasSubstr("{\"a\":1}")));
  EXPECT_THAT(Log(next_ - 1), HasSubstr("X-Own: ***"));
  EXPECT_THAT(Ask("/loop", follow + bound[0]).message, HasSubstr("sent on"));
  EXPECT_EQ(Ask("/away", follow).outcome, AttemptOutcome::kSucceeded);  // nothing that says who asks
  EXPECT_EQ(other.asked(), 1u);
}

TEST_F(Http, StopGivesTheRequestUp) {
  Start(Get(1, "/hold"));
  ASSERT_TRUE(Eventually([&] { return server_.asked() == 1; }));
  executor().Stop(AttemptId{1});
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kStopped);
  EXPECT_TRUE(Eventually([&] { return server_.given_up() == 1; }));
}

TEST_F(Http, BothTimeoutsEndIt) {
  const AttemptEnd own = Ask("/hold", R"(, "timeout": 50000)");
  EXPECT_EQ(own.outcome, AttemptOutcome::kTimedOut);
  EXPECT_EQ(own.message, "its timeout passed: no end after 50ms");
  AttemptStart start = Get(1, "/hold");
  start.timeout = Millis(40);
  const AttemptEnd outer = Run(std::move(start));
  EXPECT_EQ(outer.outcome, AttemptOutcome::kTimedOut);
  EXPECT_EQ(outer.message, "execution_timeout passed: no end after 40ms");
}

TEST_F(Http, OutputsHaveALimit) {
  server_.Answer("/large", TinyHttpServer::Response(200, "\"" + std::string(2 << 20, 'x') + "\""));
  EXPECT_EQ(Ask("/large", R"(, "output": {"all": ""})").outcome, AttemptOutcome::kBadOutput);
}

TEST_F(Http, AnAnswerOfAProbeThatIsTooMuchDoesNotHurtTheWorker) {
  std::string deep = "1";
  for (int i = 0; i < 127; ++i) deep = "[" + deep + "]";
  server_.Answer("/large", TinyHttpServer::Response(200, "\"" + std::string(2 << 20, 'x') + "\""));
  server_.Answer("/deep", TinyHttpServer::Response(200, deep));
  const auto ask = [&](std::int64_t id, const std::string& path) {
    executor().Probe(id, *ParseJson(R"({"http": {"url": ")" + server_.Url(path) + R"(", "output": {"all": ""}}})"), {});
    std::optional<ProbeResult> answer;
    EXPECT_TRUE(Eventually([&] {
      for (ProbeResult& result : executor().Probed()) answer = result;
      return answer.has_value();
    }));
    return answer.value_or(ProbeResult{});
  };
  EXPECT_THAT(ask(1, "/large").error, HasSubstr("more than 1048576 bytes"));
  EXPECT_THAT(ask(2, "/deep").error, HasSubstr("too deeply"));
  EXPECT_EQ(Ask("/deep", R"(, "output": {"all": ""})").outcome, AttemptOutcome::kBadOutput);
  EXPECT_EQ(Workers().size(), 1u);
  EXPECT_EQ(CountFiles("w-"), 2u);  // the first one, and its socket
}

TEST_F(Http, ProbesAreAnswered) {
  executor().Probe(1, *ParseJson(R"({"port": {"host": "127.0.0.1", "port": )" + std::to_string(server_.port()) + "}}"),
                   {});
  executor().Probe(2, *ParseJson(R"({"port": {"host": "127.0.0.1", "port": 1}})"), {});
  executor().Probe(3, *ParseJson(R"({"http": {"url": ")" + server_.Url("/") + "\"}}"), {});
  executor().Probe(4, *ParseJson(R"({"http": {"url": "http://127.0.0.1:1/"}})"), {});
  executor().Probe(5, *ParseJson(R"({"nothing": {}})"), {});
  std::map<std::int64_t, ProbeResult> results;
  ASSERT_TRUE(Eventually([&] {
    for (ProbeResult& result : executor().Probed()) results[result.id] = result;
    return results.size() == 5;
  }));
  EXPECT_EQ(results[1].value, Value(true));
  EXPECT_EQ(results[2].value, Value(false));
  EXPECT_EQ(*results[3].value.Find("ok"), Value(true));
  EXPECT_FALSE(results[4].answered);
  EXPECT_FALSE(results[5].answered);
}

}  // namespace
}  // namespace pipelined
