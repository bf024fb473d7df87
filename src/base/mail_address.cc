#include "pipelined/base/mail_address.h"

#include <algorithm>

namespace pipelined {
namespace {

constexpr std::size_t kLongest = 254;  // RFC 5321, with the angle brackets 256
constexpr std::size_t kLongestLocalPart = 64;

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool IsOfLocalPart(char c) {
  return IsLetterOrDigit(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
}
bool IsOfHost(char c) {
  return IsLetterOrDigit(c) || c == '.' || c == '-';
}

}  // namespace

bool IsMailAddress(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == text.npos || at == 0 || at > kLongestLocalPart || text.size() > kLongest) return false;
  const std::string_view local = text.substr(0, at), host = text.substr(at + 1);
  return std::all_of(local.begin(), local.end(), IsOfLocalPart) && !host.empty() && host.front() != '.' &&
         host.back() != '.' && std::all_of(host.begin(), host.end(), IsOfHost);
}

}  // namespace pipelined
