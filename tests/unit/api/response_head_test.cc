#include "api/transport/response_head.h"

#include <gmock/gmock.h>

namespace pipelined::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Instant kNow = Instant(Seconds(784111777));

TEST(ResponseHead, SaysStatusDateTypeAndLength) {
  EXPECT_EQ(ResponseHead(Text(200, "text/plain", "hello"), {true, kNow}),
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
            "Content-Length: 5\r\nConnection: keep-alive\r\n\r\n");
}

TEST(ResponseHead, WithoutContentThereIsNoLength) {
  EXPECT_THAT(ResponseHead(NoContent(), {false, kNow}), Not(HasSubstr("Content-")));
  EXPECT_THAT(ResponseHead(Text(304, "text/plain", ""), {false, kNow}), Not(HasSubstr("Content-")));
}

TEST(ResponseHead, AValueCannotSplitTheAnswer) {
  Response response = NoContent();
  response.headers.emplace_back("X-Id", "a\r\nSet-Cookie: b");
  EXPECT_THAT(ResponseHead(response, {false, kNow}), HasSubstr("X-Id: a  Set-Cookie: b\r\n"));
}

}  // namespace
}  // namespace pipelined::api
