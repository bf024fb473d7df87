#include "notify/channel_secrets.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "pipelined/base/base64.h"

namespace pipelined::notify {
namespace {

constexpr std::size_t kLongSegment = 16, kSegmentWithDigit = 8;

// "services" and "webhooks" are words that answers may say; what is longer, or has a digit, was made up by a machine.
bool IsTelling(std::string_view segment) {
  const bool digit = std::any_of(segment.begin(), segment.end(), [](unsigned char c) { return c >= '0' && c <= '9'; });
  return segment.size() >= (digit ? kSegmentWithDigit : kLongSegment);
}

// PHP escapes slashes in JSON.
std::string WithEscapedSlashes(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == '/') out += '\\';
    out += c;
  }
  return out;
}

void AddPath(SecretMask& mask, const std::string& path) {
  if (path.find_first_not_of('/') == path.npos) return;
  mask.Add(path);
  mask.Add(WithEscapedSlashes(path));
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (IsTelling(std::string_view(path).substr(at, end - at))) mask.Add(path.substr(at, end - at));
    at = end + 1;
  }
}

void AddQuery(SecretMask& mask, const std::string& query) {
  mask.Add(query);
  for (std::size_t at = 0; at < query.size();) {
    const std::size_t end = std::min(query.find_first_of("&;", at), query.size());
    const std::string one = query.substr(at, end - at);
    mask.Add(one.substr(one.find('=') + 1));
    at = end + 1;
  }
}

}  // namespace

SecretMask SecretsOf(const ChannelSettings& channel) {
  SecretMask mask;
  for (const std::string* secret : {&channel.secret, &channel.token, &channel.password}) mask.Add(*secret);
  if (!channel.password.empty()) {  // AUTH LOGIN and AUTH PLAIN
    mask.Add(Base64(channel.password));
    mask.Add(Base64(std::string(1, '\0') + channel.user + std::string(1, '\0') + channel.password));
  }
  const std::size_t scheme = channel.url.find("://");
  const std::size_t path = scheme == channel.url.npos ? scheme : channel.url.find_first_of("/?#", scheme + 3);
  if (path == channel.url.npos) return mask;
  const std::string behind = channel.url.substr(path);
  const std::size_t query = std::min(behind.find_first_of("?#"), behind.size());
  if (query < behind.size()) mask.Add(behind);
  AddPath(mask, behind.substr(0, query));
  if (query < behind.size()) AddQuery(mask, behind.substr(query + 1));
  return mask;
}

}  // namespace pipelined::notify
