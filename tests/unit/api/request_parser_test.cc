#include "api/transport/request_parser.h"

#include <gmock/gmock.h>

#include <string>

namespace pipelined::api {
namespace {

using State = RequestParser::State;
using ::testing::ElementsAre;
using ::testing::Pair;

Limits Small() {
  Limits limits;
  limits.max_url = 50;
  limits.max_header = 400;
  limits.max_body = 20;
  return limits;
}

// One request as it came out.
struct Parsed {
  State state;
  RawRequest request;
  bool keep_alive;
  std::string rest;
};

Parsed Parse(std::string bytes, std::size_t piece = std::string::npos) {
  const Limits limits = Small();
  RequestParser parser(limits);
  std::string arrived;
  while (!bytes.empty()) {
    arrived += bytes.substr(0, piece);
    bytes.erase(0, piece);
    arrived.erase(0, parser.Take(arrived));
  }
  return {parser.state(), parser.request(), parser.keep_alive(), arrived};
}

std::string Get(const std::string& fields, const std::string& target = "/x") {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}
std::string Post(const std::string& fields, const std::string& body = "") {
  return "POST /x HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
}

int Refusal(const std::string& bytes) {
  const Parsed at_once = Parse(bytes), in_pieces = Parse(bytes, 1);
  EXPECT_EQ(at_once.state, in_pieces.state) << bytes;
  EXPECT_EQ(at_once.state == State::kRefused, at_once.request.refused != 0);
  return at_once.request.refused;
}

TEST(RequestParser, ARequestIsTheSameInOnePieceAndInMany) {
  const std::string bytes = "POST /a?b=c HTTP/1.1\r\nHost: h\r\nX-One:  two \r\nContent-Length: 5\r\n\r\nhelloGET";
  for (const std::size_t piece : {1, 2, 3, 7, 1000}) {
    const Parsed parsed = Parse(bytes, piece);
    EXPECT_EQ(parsed.state, State::kDone);
    EXPECT_EQ(parsed.request.method, "POST");
    EXPECT_EQ(parsed.request.target, "/a?b=c");
    EXPECT_EQ(parsed.request.body, "hello");
    EXPECT_THAT(parsed.request.headers,
                ElementsAre(Pair("host", "h"), Pair("x-one", "two"), Pair("content-length", "5")));
    EXPECT_TRUE(parsed.keep_alive);
    EXPECT_EQ(parsed.rest, "GET") << "of the next request";
  }
}

TEST(RequestParser, TheStateSaysHowFarItIs) {
  EXPECT_EQ(Parse("").state, State::kNothing);
  EXPECT_EQ(Parse("\r\n\r\n").state, State::kNothing) << "empty lines before a request are forgiven";
  EXPECT_EQ(Parse("\r\n\r\n" + Get("")).state, State::kDone);
  EXPECT_EQ(Parse("G").state, State::kHeader);
  EXPECT_EQ(Parse(Post("Content-Length: 5\r\n", "hell")).state, State::kBody);
}

TEST(RequestParser, ChunksAreJoined) {
  const Parsed parsed = Parse(Post("Transfer-Encoding: chunked\r\n", "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\n\r\nX"), 1);
  EXPECT_EQ(parsed.state, State::kDone);
  EXPECT_EQ(parsed.request.body, "abcde");
  EXPECT_EQ(parsed.rest, "X");
}

TEST(RequestParser, ATrailerAddsNoFields) {
  const Parsed parsed = Parse(Post("Transfer-Encoding: chunked\r\n", "0\r\nAuthorization: Bearer x\r\n\r\n"));
  EXPECT_EQ(parsed.state, State::kDone);
  EXPECT_EQ(parsed.request.headers.size(), 2U);
}

TEST(RequestParser, WhatTwoServersCouldReadDifferentlyIsRefused) {
  EXPECT_EQ(Refusal(Post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(Refusal(Post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(Refusal(Post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")), 400);
  EXPECT_EQ(Refusal(Post("Content-Length: 5, 5\r\n", "hello")), 400);
  EXPECT_EQ(Refusal(Post("Transfer-Encoding: gzip, chunked\r\n")), 400);
  EXPECT_EQ(Refusal(Post("Transfer-Encoding: identity\r\n")), 400);
  EXPECT_EQ(Refusal(Post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(Refusal(Post("Transfer-Encoding : chunked\r\n")), 400);
  EXPECT_EQ(Refusal("POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(Refusal(Get("Host: other\r\n")), 400);
  EXPECT_EQ(Refusal("GET / HTTP/1.1\r\n\r\n"), 400) << "no Host";
  EXPECT_EQ(Refusal("GET / HTTP/1.1\nHost: h\n\n"), 400) << "bare line feeds";
  EXPECT_EQ(Refusal(Post("X: a\r\n Content-Length: 5\r\n")), 400) << "a folded line";
  EXPECT_EQ(Refusal(Post("Content-Length:\r\n\t5\r\n", "hello")), 400);
  EXPECT_EQ(Refusal("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), 400);
  for (const char* host : {"a b", "a/b", "u@h", "h#x", "h?x", "h\\x", "<h>", "\"h\"", "h\xff"})
    EXPECT_EQ(Refusal("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 400) << host;
  for (const char* host : {"h:80", "[::1]:8080", "a-b.example.com", "127.0.0.1", ""})
    EXPECT_EQ(Refusal("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 0) << host;
}

TEST(RequestParser, BadLengthsAndChunksAreRefused) {
  for (const char* length : {"abc", "-1", "+5", "5x", "", "0x5", "99999999999999999999999"})
    EXPECT_EQ(Refusal(Post("Content-Length: " + std::string(length) + "\r\n")), 400) << length;
  for (const char* chunk :
       {"zz\r\n", "-1\r\n", "5\nhello", "\r\n", "5\r\nhelloXX", ";\r\n", "+5\r\n", "0x5\r\n", "5 \r\n"})
    EXPECT_EQ(Refusal(Post("Transfer-Encoding: chunked\r\n", chunk)), 400) << chunk;
}

TEST(RequestParser, GarbageIsRefused) {
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\r\n\r\n"), std::string("GET\r\n\r\n"), std::string("GET /\r\n\r\n"),
        std::string("GET / HTTP/9.9\r\nHost: h\r\n\r\n"), std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        Get(std::string("X: a\0b\r\n", 8)), Get(std::string("X\0: a\r\n", 7)), Get("X Y: a\r\n"), Get(": a\r\n"),
        Get("", std::string("/a\0b", 4)), Get("", "/a b")})
    EXPECT_EQ(Refusal(bytes), 400) << bytes;
}

TEST(RequestParser, EachLimitHasItsStatus) {
  EXPECT_EQ(Refusal(Get("", "/" + std::string(49, 'a'))), 0);
  EXPECT_EQ(Refusal(Get("", "/" + std::string(50, 'a'))), 414);
  EXPECT_EQ(Refusal("GET /" + std::string(60, 'a')), 414) << "before its end has come";
  EXPECT_EQ(Refusal(Get("X: " + std::string(400, 'a') + "\r\n")), 431);
  EXPECT_EQ(Refusal("GET / HTTP/1.1\r\nX: " + std::string(400, 'a')), 431);
  EXPECT_EQ(Refusal(Post("Content-Length: 20\r\n", std::string(20, 'a'))), 0);
  EXPECT_EQ(Refusal(Post("Content-Length: 21\r\n")), 413);
  EXPECT_EQ(Refusal(Post("Transfer-Encoding: chunked\r\n", "15\r\n")), 413);
  EXPECT_EQ(Refusal(Post("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\n")), 413);
  EXPECT_EQ(Refusal(Post("Transfer-Encoding: chunked\r\n", "14\r\naaaaaaaaaaaaaaaaaaaa\r\n1\r\n")), 413);
  EXPECT_EQ(Refusal(Post("Transfer-Encoding: chunked\r\n", "1;" + std::string(400, 'a'))), 400);
  EXPECT_EQ(Refusal(Post("Transfer-Encoding: chunked\r\n", "0\r\nX: " + std::string(400, 'a'))), 431);
}

TEST(RequestParser, ChunksThatAreMostlyFrameAreTooLarge) {
  std::string body;
  for (int i = 0; i < 10; ++i) body += "1;" + std::string(60, 'x') + "\r\na\r\n";
  EXPECT_EQ(Refusal(Post("Transfer-Encoding: chunked\r\n", body)), 413);
}

TEST(RequestParser, ABodyThatIsAnnouncedNeedsALength) {
  EXPECT_EQ(Refusal(Post("Content-Type: application/json\r\n")), 411);
  EXPECT_EQ(Refusal(Post("Content-Type: application/json\r\nContent-Length: 0\r\n")), 0);
  EXPECT_EQ(Refusal(Post("")), 0);
}

TEST(RequestParser, OnlyOneExpectationIsKnown) {
  EXPECT_EQ(Refusal(Post("Expect: a-miracle\r\nContent-Length: 1\r\n")), 417);
  const Limits limits = Small();
  RequestParser parser(limits);
  parser.Take(Post("Expect: 100-continue\r\nContent-Length: 1\r\n"));
  EXPECT_TRUE(parser.TakeExpectation());
  EXPECT_FALSE(parser.TakeExpectation());
}

TEST(RequestParser, KeepAliveFollowsTheVersion) {
  EXPECT_TRUE(Parse(Get("")).keep_alive);
  EXPECT_FALSE(Parse(Get("Connection: close\r\n")).keep_alive);
  EXPECT_FALSE(Parse("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(Parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
}

TEST(RequestParser, AnAbsoluteTargetIsItsPath) {
  EXPECT_EQ(Parse(Get("", "http://H/a?b")).request.target, "/a?b");
  EXPECT_EQ(Parse(Get("", "http://h")).request.target, "/");
  EXPECT_EQ(Parse(Get("", "http://h?b")).request.target, "/?b");
  EXPECT_EQ(Parse(Get("", "*")).request.target, "*");
  for (const char* other : {"http://other/a", "http://h:1/a", "http://u@h/a", "http:///a", "https://h.evil"})
    EXPECT_EQ(Refusal(Get("", other)), 400) << other;
}

}  // namespace
}  // namespace pipelined::api
