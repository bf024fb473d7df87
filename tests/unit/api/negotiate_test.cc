#include "api/http/negotiate.h"

#include <gmock/gmock.h>
#include <zlib.h>

namespace pipelined::api {
namespace {

using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

Request With(Pairs headers, std::string body = "", std::string method = "GET") {
  Request request;
  request.method = std::move(method);
  request.headers = std::move(headers);
  request.body = std::move(body);
  return request;
}

int MediaStatus(Pairs headers, std::string body = "{}") {
  const auto refusal = RefuseMedia(With(std::move(headers), std::move(body), "POST"));
  return refusal ? refusal->status : 0;
}

Response Negotiated(const Request& request, Response response = Text(200, "application/json", "{}"), bool gzip = true) {
  Negotiate(request, gzip, response);
  return response;
}
int StatusFor(const std::string& accept) {
  const auto refusal = RefuseAccept(With({{"accept", accept}}));
  return refusal ? refusal->status : 200;
}

std::string Unpacked(const std::string& packed) {
  std::string plain(100'000, '\0');
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  plain.resize(stream.total_out);
  inflateEnd(&stream);
  return plain;
}

TEST(Media, ABodyIsJsonOrRefused) {
  EXPECT_EQ(MediaStatus({{"content-type", "application/json"}}), 0);
  EXPECT_EQ(MediaStatus({{"content-type", "Application/JSON; charset=UTF-8"}}), 0);
  EXPECT_EQ(MediaStatus({{"content-type", "application/merge-patch+json"}}), 0);
  EXPECT_EQ(MediaStatus({}), 0);
  EXPECT_EQ(MediaStatus({{"content-type", "text/plain"}}), 415);
  EXPECT_EQ(MediaStatus({{"content-type", "text/plain"}}, ""), 0) << "no body, no type";
  EXPECT_EQ(MediaStatus({{"content-type", "application/x-www-form-urlencoded"}}), 415);
  EXPECT_EQ(MediaStatus({{"content-type", "application/json; charset=latin1"}}), 415);
  EXPECT_EQ(MediaStatus({{"content-encoding", "gzip"}}), 415);
  EXPECT_EQ(MediaStatus({{"content-encoding", "identity"}}), 0);
}

TEST(Media, AClientThatReadsNoJsonIsTold) {
  for (const char* accept :
       {"application/json", "*/*", "application/*", "text/html, */*;q=0.1", "APPLICATION/JSON;q=0.5", ""})
    EXPECT_EQ(StatusFor(accept), 200) << accept;
  for (const char* accept :
       {"text/html", "application/xml", "application/json;q=0", "application/json;q=0.00, */*", "json"})
    EXPECT_EQ(StatusFor(accept), 406) << accept;
  EXPECT_FALSE(RefuseAccept(With({{"accept", "text/html"}, {"accept", "*/*"}}))) << "lines are joined";
}

TEST(ETag, WhoHasTheAnswerGetsNone) {
  const Response first = Negotiated(With({}));
  const auto tag =
      std::find_if(first.headers.begin(), first.headers.end(), [](const auto& f) { return f.first == "ETag"; });
  ASSERT_NE(tag, first.headers.end());
  for (const std::string& known : {tag->second, "\"other\", " + tag->second, std::string("*"), tag->second.substr(2)}) {
    const Response again = Negotiated(With({{"if-none-match", known}}));
    EXPECT_EQ(again.status, 304) << known;
    EXPECT_EQ(again.body, "");
    EXPECT_THAT(again.headers, Contains(Pair("ETag", tag->second)));
  }
  EXPECT_EQ(Negotiated(With({{"if-none-match", "\"other\""}})).status, 200);
  EXPECT_EQ(Negotiated(With({{"if-none-match", tag->second}}), Text(200, "application/json", "{1}")).status, 200);
  EXPECT_EQ(Negotiated(With({{"if-none-match", "*"}}, "", "POST")).status, 200) << "only reads";
}

TEST(ETag, TheOneOfTheHandlerIsUsedAndWeakened) {
  Response own = Text(200, "application/json", "{}");
  own.headers.emplace_back("ETag", "\"mine\"");
  const auto count = [](const Response& response) {
    return std::count_if(response.headers.begin(), response.headers.end(),
                         [](const auto& field) { return field.first == "ETag"; });
  };
  const Response first = Negotiated(With({}), own);
  EXPECT_THAT(first.headers, Contains(Pair("ETag", "W/\"mine\"")));
  EXPECT_EQ(count(first), 1);
  EXPECT_EQ(Negotiated(With({{"if-none-match", "\"mine\""}}), own).status, 304);
  EXPECT_EQ(Negotiated(With({{"if-none-match", "\"a\""}, {"if-none-match", "\"mine\""}}), own).status, 304);
  own.status = 304;
  EXPECT_THAT(Negotiated(With({}), own).headers, Contains(Pair("ETag", "W/\"mine\"")));
}

TEST(Caching, WhatAHandlerSaysStays) {
  const Response kept = Negotiated(With({}), NoStore(Text(200, "text/plain", "log")));
  EXPECT_EQ(*Find(kept.headers, "Cache-Control"), "no-store");
  EXPECT_EQ(*Find(Negotiated(With({})).headers, "Cache-Control"), "private, no-cache");
}

TEST(Gzip, LongTextsAreCompressedForWhoCanReadThat) {
  const std::string text(5000, 'x');
  const Response packed = Negotiated(With({{"accept-encoding", "br, gzip"}}), Text(200, "application/json", text));
  EXPECT_THAT(packed.headers, Contains(Pair("Content-Encoding", "gzip")));
  EXPECT_LT(packed.body.size(), 200U);
  EXPECT_EQ(Unpacked(packed.body), text);
  for (const char* accepted : {"br", "gzip;q=0", "identity", "gzip;q=0, *"})
    EXPECT_EQ(Negotiated(With({{"accept-encoding", accepted}}), Text(200, "text/plain", text)).body, text) << accepted;
  EXPECT_THAT(Negotiated(With({}), Text(200, "text/plain", text)).headers, Contains(Pair("Vary", "Accept-Encoding")));
  EXPECT_THAT(Negotiated(With({{"if-none-match", "*"}}), Text(200, "text/plain", text)).headers,
              Contains(Pair("Vary", "Accept-Encoding")))
      << "304 too";
  EXPECT_LT(Negotiated(With({{"accept-encoding", "br"}, {"accept-encoding", "gzip"}}), Text(200, "text/plain", text))
                .body.size(),
            200U);
  EXPECT_EQ(Negotiated(With({{"accept-encoding", "gzip"}})).body, "{}") << "too short";
  EXPECT_EQ(Negotiated(With({{"accept-encoding", "gzip"}}), Text(200, "image/png", text)).body, text);
  EXPECT_THAT(Negotiated(With({{"accept-encoding", "gzip"}}), Text(200, "text/plain", text), false).headers,
              Not(Contains(Key("Content-Encoding"))));
}

}  // namespace
}  // namespace pipelined::api
