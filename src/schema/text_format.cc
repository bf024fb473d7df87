#include "schema/text_format.h"

#include <arpa/inet.h>
#include <re2/re2.h>

#include "pipelined/base/time.h"

namespace pipelined::schema {
namespace {

bool IsAddress(int family, const std::string& text) {
  unsigned char address[16];
  return text.find('\0') == std::string::npos && inet_pton(family, text.c_str(), address) == 1;
}

bool Matches(const std::string& text, const re2::RE2& expression) {
  return re2::RE2::FullMatch(text, expression);
}

}  // namespace

bool HasFormat(const std::string& format, const std::string& text) {
  if (format == "date") return text.size() == 10 && ParseLocal(text).ok();
  if (format == "date-time") return ParseInstant(text).ok();
  if (format == "time") return ParseInstant("2000-01-01T" + text).ok();
  if (format == "ipv4") return IsAddress(AF_INET, text);
  if (format == "ipv6") return IsAddress(AF_INET6, text);
  if (format == "regex") return re2::RE2(text, re2::RE2::Quiet).ok();
  static const re2::RE2 kEmail(R"([^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+)");
  if (format == "email") return Matches(text, kEmail);
  static const re2::RE2 kUuid("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");
  if (format == "uuid") return Matches(text, kUuid);
  static const re2::RE2 kHost(
      "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
      R"((\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*)");
  if (format == "hostname") return text.size() <= 253 && Matches(text, kHost);
  static const re2::RE2 kUri(R"([A-Za-z][A-Za-z0-9+.-]*:[^\s<>"\\^`{|}\x00-\x1f\x7f]*)");
  if (format == "uri") return Matches(text, kUri);
  static const re2::RE2 kPointer("(/([^~/]|~[01])*)*");
  if (format == "json-pointer") return Matches(text, kPointer);
  return true;  // as JSON Schema wants it for formats that one does not know
}

}  // namespace pipelined::schema
