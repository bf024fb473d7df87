// Digests against published vectors.
#include <gtest/gtest.h>

#include "pipelined/base/hash.h"

namespace pipelined {
namespace {

std::string Hmac(std::string_view key, std::string_view data) {
  const auto code = HmacSha256(key, data);
  return Hex(code.data(), code.size());
}

// RFC 4231, test cases 1, 2 and 6.
TEST(HmacSha256, GivesWhatTheRfcSays) {
  EXPECT_EQ(Hmac(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(Hmac("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(Hmac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace pipelined
