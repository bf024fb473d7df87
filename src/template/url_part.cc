#include "pipelined/base/percent.h"
#include "template/url_part.h"

#include <algorithm>

#include "template/fault.h"

namespace pipelined::tmpl {
namespace {

bool IsAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Of a URL: no blanks, no control characters, nothing beyond ASCII.
bool IsPlain(char c) {
  return c > ' ' && c < 0x7f;
}

bool IsHostLetter(char c) {
  return IsAlnum(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
}

bool InHost(std::string_view before) {
  const std::size_t scheme = before.find("://");
  return scheme != std::string_view::npos && before.find_first_of("/?#", scheme + 3) == std::string_view::npos;
}

}  // namespace

std::string UrlPart(std::string_view before, std::string_view value) {
  if (value.find('\0') != std::string_view::npos) Raise(TemplateFault::kUnsafe, "the value holds a NUL");
  if (before.empty()) {
    if (!std::all_of(value.begin(), value.end(), IsPlain))
      Raise(TemplateFault::kUnsafe, "the value has characters that no URL begins with");
    return std::string(value);
  }
  if (InHost(before)) {
    if (!std::all_of(value.begin(), value.end(), IsHostLetter))
      Raise(TemplateFault::kUnsafe, "the value cannot be a part of a host name",
            "letters, digits, dots and hyphens can");
    return std::string(value);
  }
  // Servers climb up at them, encoded or not.
  const bool in_path = before.find_first_of("?#") == std::string_view::npos;
  if (in_path && (value == "." || value == ".."))
    Raise(TemplateFault::kUnsafe, "the value would change the way of the URL");
  return PercentEncode(value);
}

}  // namespace pipelined::tmpl
