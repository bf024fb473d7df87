#include "api/negotiate.h"

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

Response Settled(const Request& request, Response response = Text(200, "application/json", "{}"), bool gzip = true) {
  Settle(request, gzip, response);
  return response;
}
int StatusFor(const std::string& accept) {
  return Settled(With({{"accept", accept}})).status;
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
  EXPECT_EQ(Settled(With({{"accept", "text/html"}}), Text(200, "text/plain", "log")).status, 200)
      << "only JSON is at stake";
  EXPECT_EQ(Settled(With({{"accept", "text/html"}}), Detail(404, "no")).status, 404);
}

TEST(ETag, WhoHasTheAnswerGetsNone) {
  const Response first = Settled(With({}));
  const auto tag =
      std::find_if(first.headers.begin(), first.headers.end(), [](const auto& f) { return f.first == "ETag"; });
  ASSERT_NE(tag, first.headers.end());
  for (const std::string& known : {tag->second, "\"other\", " + tag->second, std::string("*"), tag->second.substr(2)}) {
    const Response again = Settled(With({{"if-none-match", known}}));
    EXPECT_EQ(again.status, 304) << known;
    EXPECT_EQ(again.body, "");
    EXPECT_THAT(again.headers, Contains(Pair("ETag", tag->second)));
  }
  EXPECT_EQ(Settled(With({{"if-none-match", "\"other\""}})).status, 200);
  EXPECT_EQ(Settled(With({{"if-none-match", tag->second}}), Text(200, "application/json", "{1}")).status, 200);
  EXPECT_EQ(Settled(With({{"if-none-match", "*"}}, "", "POST")).status, 200) << "only reads";
}

TEST(Gzip, LongTextsAreCompressedForWhoCanReadThat) {
  const std::string text(5000, 'x');
  const Response packed = Settled(With({{"accept-encoding", "br, gzip"}}), Text(200, "application/json", text));
  EXPECT_THAT(packed.headers, Contains(Pair("Content-Encoding", "gzip")));
  EXPECT_LT(packed.body.size(), 200U);
  EXPECT_EQ(Unpacked(packed.body), text);
  for (const char* accepted : {"br", "gzip;q=0", "identity", "gzip;q=0, *"})
    EXPECT_EQ(Settled(With({{"accept-encoding", accepted}}), Text(200, "text/plain", text)).body, text) << accepted;
  EXPECT_THAT(Settled(With({}), Text(200, "text/plain", text)).headers, Contains(Pair("Vary", "Accept-Encoding")));
  EXPECT_EQ(Settled(With({{"accept-encoding", "gzip"}})).body, "{}") << "too short";
  EXPECT_EQ(Settled(With({{"accept-encoding", "gzip"}}), Text(200, "image/png", text)).body, text);
  EXPECT_THAT(Settled(With({{"accept-encoding", "gzip"}}), Text(200, "text/plain", text), false).headers,
              Not(Contains(Key("Content-Encoding"))));
}

}  // namespace
}  // namespace pipelined::api
