#include "pipelined/base/mail_address.h"

#include <algorithm>

namespace pipelined {
namespace {

constexpr std::size_t kLongest = 254;  // RFC 5321, with the angle brackets 256

}  // namespace

bool IsMailAddress(std::string_view text) {
  const std::size_t at = text.find('@');
  return at != text.npos && at > 0 && at + 1 < text.size() && text.size() <= kLongest &&
         text.find('@', at + 1) == text.npos && std::none_of(text.begin(), text.end(), [](unsigned char c) {
           return c <= ' ' || c >= 127 || c == '<' || c == '>' || c == ',' || c == ';' || c == '"' || c == '\\';
         });
}

}  // namespace pipelined
