// The server over real sockets: its start and end, its limits, and what hostile clients get.
#include "pipelined/api/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <thread>

#include "pipelined/schema/json.h"
#include "unit/api/fake_catalog.h"

namespace pipelined::api {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Sends bytes as they are and reads until the server closes or answers.
std::string Exchange(std::uint16_t port, const std::string& bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return "no connection";
  }
  const timeval patience{3, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void)!write(fd, bytes.data(), bytes.size());
  std::string answer;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(fd, buffer, sizeof buffer)) > 0;) answer.append(buffer, static_cast<std::size_t>(n));
  close(fd);
  return answer;
}

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    catalog_.AddDag("sales");
    ApiOptions options;
    options.port = 0;
    options.local_token = "local";
    options.limits.max_body = 1000;
    Result<std::unique_ptr<ApiServer>> server = ApiServer::Start(catalog_, options);
    EXPECT_TRUE(server.ok()) << server.error().message;
    server_ = *std::move(server);
  }

  std::string Send(const std::string& method, const std::string& target, const std::string& headers = "",
                   const std::string& body = "") {
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers;
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return Exchange(server_->port(), text + "\r\n" + body);
  }
  std::string SendAsAdmin(const std::string& method, const std::string& target, const std::string& body = "") {
    return Send(method, target, "Authorization: Bearer local\r\n", body);
  }

  testing::FakeCatalog catalog_;
  std::unique_ptr<ApiServer> server_;
};

TEST_F(ServerTest, HealthNeedsNoToken) {
  const std::string answer = Send("GET", "/api/v2/monitor/health");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\"metadatabase\":{\"status\":\"healthy\"}"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Request-Id: "));
}

TEST_F(ServerTest, AllElseNeedsOne) {
  const std::string answer = Send("GET", "/api/v2/dags");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(answer, HasSubstr("WWW-Authenticate: Bearer\r\n"));
  EXPECT_THAT(Send("GET", "/api/v2/dags", "Authorization: Bearer wrong\r\n"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(Send("GET", "/api/v2/dags", "Authorization: Basic YTpi\r\n"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(SendAsAdmin("GET", "/api/v2/dags"), HasSubstr("\"dag_id\":\"sales\""));
}

TEST_F(ServerTest, ATriggeredRunIsAnswered) {
  const std::string answer =
      SendAsAdmin("POST", "/api/v2/dags/sales/dagRuns", R"({"logical_date":null,"dag_run_id":"r1"})");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("\"dag_run_id\":\"r1\""));
  EXPECT_EQ(catalog_.triggers.size(), 1U);
}

TEST_F(ServerTest, ABodyBeyondTheLimitIsRefused) {
  EXPECT_THAT(Send("POST", "/auth/token", "", std::string(1001, ' ')), StartsWith("HTTP/1.1 413 "));
}

TEST_F(ServerTest, TraceDoesNotEcho) {
  const std::string answer = Send("TRACE", "/api/v2/monitor/health", "Cookie: secret\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer, ::testing::Not(HasSubstr("secret")));
}

TEST_F(ServerTest, HiddenSlashesAndBadEscapesAreRefused) {
  for (const char* target :
       {"/api/v2/dags/..%2f..%2fetc", "/api/v2/dags/%2e%2e/x", "/api/v2/dags/a%00", "/api/v2/dags/a%5Cb"}) {
    EXPECT_THAT(SendAsAdmin("GET", target), StartsWith("HTTP/1.1 400 ")) << target;
  }
}

TEST_F(ServerTest, HeadAnswersWithoutABody) {
  const std::string answer = Send("HEAD", "/api/v2/version");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, ::testing::Not(HasSubstr("{")));
}

TEST_F(ServerTest, AnAnswerThatIsKnownIsNotSentAgain) {
  const std::string first = Send("GET", "/api/v2/version");
  const std::size_t at = first.find("ETag: ") + 6;
  const std::string tag = first.substr(at, first.find('\r', at) - at);
  const std::string again = Send("GET", "/api/v2/version", "If-None-Match: " + tag + "\r\n");
  EXPECT_THAT(again, StartsWith("HTTP/1.1 304 "));
  EXPECT_THAT(again, ::testing::EndsWith("\r\n\r\n"));
}

TEST_F(ServerTest, LongAnswersAreCompressedOnDemand) {
  const std::string plain = Send("GET", "/openapi.json");
  const std::string packed = Send("GET", "/openapi.json", "Accept-Encoding: gzip\r\n");
  EXPECT_THAT(packed, HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_LT(packed.size(), plain.size() / 2);
}

TEST_F(ServerTest, BodiesThatAreNoJsonAndClientsThatReadNoneAreTold) {
  EXPECT_THAT(Send("POST", "/auth/token", "Content-Type: text/plain\r\n", "x"), StartsWith("HTTP/1.1 415 "));
  EXPECT_THAT(Send("GET", "/api/v2/version", "Accept: text/html\r\n"), StartsWith("HTTP/1.1 406 "));
}

TEST_F(ServerTest, OptionsAndTheIdOfARequest) {
  const std::string answer = Send("OPTIONS", "/api/v2/dags", "X-Request-Id: mine-1\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD, PATCH, OPTIONS\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Request-Id: mine-1\r\n"));
}

TEST_F(ServerTest, OptionsOfAllNeedsNoPath) {
  const std::string answer = Send("OPTIONS", "*");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"));
}

TEST_F(ServerTest, WhereAndWhoComeBeforeTheFormOfABody) {
  const std::string text = "Content-Type: text/plain\r\n";
  EXPECT_THAT(Send("POST", "/nowhere", text, "x"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Send("PUT", "/auth/token", text, "x"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Send("POST", "/api/v2/dags/sales/dagRuns", text, "x"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(Send("POST", "/api/v2/dags/sales/dagRuns", text + "Authorization: Bearer local\r\n", "x"),
              StartsWith("HTTP/1.1 415 "));
  EXPECT_THAT(Send("GET", "/api/v2/version", text, "x"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, ProgressHasOneWeakTagForPlainAndCompressed) {
  catalog_.AddRun("sales", "r1", RunState::kRunning);
  for (int i = 0; i < 30; ++i) catalog_.AddTask("sales", "r1", "task" + std::to_string(i), TaskState::kRunning);
  const std::string target = "/api/ext/v1/dags/sales/dagRuns/r1/progress";
  const std::string as = "Authorization: Bearer local\r\n";
  const auto tag_of = [](const std::string& answer) {
    const std::size_t at = answer.find("ETag: ") + 6;
    EXPECT_EQ(answer.find("ETag: ", at), answer.npos) << "one";
    return answer.substr(at, answer.find('\r', at) - at);
  };
  const std::string plain = Send("GET", target, as), packed = Send("GET", target, as + "Accept-Encoding: gzip\r\n");
  EXPECT_THAT(packed, HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_THAT(tag_of(plain), StartsWith("W/\""));
  EXPECT_EQ(tag_of(packed), tag_of(plain));
  EXPECT_THAT(Send("GET", target, as + "If-None-Match: " + tag_of(plain) + "\r\n"), StartsWith("HTTP/1.1 304 "));
}

TEST_F(ServerTest, WhatTheTransportRefusesHasAnIdAndIsCounted) {
  ApiOptions options;
  options.port = 0;
  options.limits.header_timeout = Millis(100);
  const auto server = ApiServer::Start(catalog_, options);
  ASSERT_TRUE(server.ok());
  const std::string late = Exchange((*server)->port(), "GET /slow HTT");
  EXPECT_THAT(late, StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(late, HasSubstr("X-Request-Id: "));
  const std::string metrics =
      Exchange((*server)->port(), "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(metrics, HasSubstr("pipelined_api_requests_total{status=\"408\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("pipelined_api_connections_ended_total{why=\"timed_out\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("\npipelined_api_connections "));
}

TEST_F(ServerTest, WhoIsCalledByAForeignNameAnswersNothingElse) {
  const auto ask = [&](const std::string& host) {
    const std::string answer = Exchange(
        server_->port(), "GET /api/v2/monitor/health HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    return answer.substr(0, answer.find("\r\n"));
  };
  for (const char* own : {"localhost", "127.0.0.1:8080", "[::1]"}) EXPECT_EQ(ask(own), "HTTP/1.1 200 OK") << own;
  for (const char* foreign : {"evil.example", "evil.example:8080", "10.0.0.1"})
    EXPECT_EQ(ask(foreign), "HTTP/1.1 421 Misdirected Request") << foreign;
  EXPECT_THAT(Exchange(server_->port(), "GET /api/v2/monitor/health HTTP/1.0\r\n\r\n"), HasSubstr(" 200 OK"))
      << "who names none is no browser";
}

TEST_F(ServerTest, SettingsThatContradictEachOtherAreRefused) {
  const auto refused = [&](auto change) {
    ApiOptions options;
    options.port = 0;
    change(options);
    const auto server = ApiServer::Start(catalog_, options);
    return !server.ok() && server.error().code == ErrorCode::kInvalid;
  };
  EXPECT_FALSE(refused([](ApiOptions&) {}));
  EXPECT_TRUE(refused([](ApiOptions& o) { o.limits.max_url = o.limits.max_header; }));
  EXPECT_TRUE(refused([](ApiOptions& o) { o.limits.max_body = o.limits.max_bodies + 1; }));
  EXPECT_TRUE(refused([](ApiOptions& o) { o.cors_origins = "https://a.example.com/"; }));
}

TEST_F(ServerTest, APortInUseIsNamed) {
  ApiOptions options;
  options.port = server_->port();
  const auto second = ApiServer::Start(catalog_, options);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(server_->port())));
}

TEST_F(ServerTest, BeyondTheLoopbackItMustBeAllowed) {
  ApiOptions options;
  options.host = "0.0.0.0";
  options.port = 0;
  const auto refused = ApiServer::Start(catalog_, options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
  options.allow_insecure = true;
  EXPECT_TRUE(ApiServer::Start(catalog_, options).ok());
}

TEST_F(ServerTest, ManyClientsAtOnceAreAllAnswered) {
  std::vector<std::thread> clients;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&] {
      for (int k = 0; k < 10; ++k)
        answered += SendAsAdmin("GET", "/api/v2/dags/sales").starts_with("HTTP/1.1 200") ? 1 : 0;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 160);
}

TEST_F(ServerTest, AfterStopNothingIsAnswered) {
  const std::uint16_t port = server_->port();
  server_->Stop();
  server_->Stop();
  EXPECT_EQ(Exchange(port, "GET / HTTP/1.1\r\n\r\n"), "no connection");
}

}  // namespace
}  // namespace pipelined::api
