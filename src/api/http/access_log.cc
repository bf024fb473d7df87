#include "api/http/access_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipelined/base/secret_name.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kLongest = 300;  // bytes of what a client may choose

// In quotes; what could end them or the line is escaped.
std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  if (text.size() > kLongest) out += "…";
  return out + "\"";
}

// A target as it was sent, but for what stands in its query under the name of a secret: nothing reads it from there,
// yet clients put it there.
std::string WithoutSecrets(std::string_view target) {
  const std::size_t question = target.find('?');
  if (question == std::string_view::npos) return std::string(target);
  std::string shown(target.substr(0, question));
  for (std::size_t begin = question; begin < target.size();) {
    const std::size_t end = std::min(target.find('&', begin + 1), target.size());
    const std::string_view part = target.substr(begin, end - begin);  // with the ? or & before it
    const std::size_t equals = part.find('=');
    const bool secret = equals != std::string_view::npos && IsSecretName(part.substr(1, equals - 1));
    shown += part.substr(0, secret ? equals + 1 : part.size());
    if (secret) shown += kMasked;
    begin = end;
  }
  return shown;
}

// Those who come back from an identity provider carry a code, which is worth something until it is redeemed.
std::string WithoutCodes(const std::string& target) {
  const std::size_t query = target.find('?');
  return target.starts_with("/auth/") && query != std::string::npos ? target.substr(0, query) + "?***" : target;
}

}  // namespace

AccessLog AccessLogFromString(std::string_view word) {
  if (word == "none") return AccessLog::kNone;
  if (word == "errors") return AccessLog::kErrors;
  return word == "changes" ? AccessLog::kChanges : AccessLog::kAll;
}

bool IsLogged(AccessLog which, const std::string& method, int status) {
  switch (which) {
    case AccessLog::kNone:
      return false;
    case AccessLog::kErrors:
      return status >= 400;
    case AccessLog::kChanges:
      return status >= 400 || (method != "GET" && method != "HEAD" && method != "OPTIONS");
    case AccessLog::kAll:
      return true;
  }
  return true;
}

std::string AccessLine(const LoggedRequest& request) {
  return fmt::format("request method={} target={} status={} bytes={} ms={:.1f} peer={} user={} agent={} id={}",
                     Quoted(request.method), Quoted(WithoutCodes(WithoutSecrets(request.target))), request.status,
                     request.bytes, static_cast<double>(request.took.count()) / 1e3, request.peer, Quoted(request.user),
                     Quoted(request.agent), request.id);
}

}  // namespace pipelined::api
