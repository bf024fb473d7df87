#include "api/http/target.h"

#include <fmt/format.h>

#include <cstdint>

namespace pipelined::api {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error Bad(std::string message) {
  return {ErrorCode::kInvalid, std::move(message), ""};
}

// How many continuation bytes follow `lead`; -1: no lead byte. Overlong forms and surrogates are caught by the second
// byte's range.
int Continuations(unsigned char lead) {
  if (lead < 0x80) return 0;
  if (lead >= 0xC2 && lead <= 0xDF) return 1;
  if (lead >= 0xE0 && lead <= 0xEF) return 2;
  if (lead >= 0xF0 && lead <= 0xF4) return 3;
  return -1;
}

bool SecondByteFits(unsigned char lead, unsigned char second) {
  switch (lead) {
    case 0xE0:
      return second >= 0xA0;
    case 0xED:
      return second <= 0x9F;
    case 0xF0:
      return second >= 0x90;
    case 0xF4:
      return second <= 0x8F;
    default:
      return true;
  }
}

bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int more = Continuations(lead);
    if (more < 0 || i + static_cast<std::size_t>(more) >= text.size()) return false;
    for (int k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[++i]);
      if ((next & 0xC0) != 0x80 || (k == 1 && !SecondByteFits(lead, next))) return false;
    }
  }
  return true;
}

Status CheckSegment(std::string_view segment) {
  if (segment == "." || segment == "..") return Bad("the path may not hold \".\" or \"..\"");
  for (const char c : segment) {
    if (c == '/' || c == '\\') return Bad("the path may not hold an encoded slash or a backslash");
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return Bad("the path may not hold control characters");
  }
  if (!IsUtf8(segment)) return Bad("the path is not UTF-8");
  return Ok();
}

Status ParsePath(std::string_view path, Target& target) {
  if (path.empty() || path.front() != '/') return Bad("the path must begin with a slash");
  path.remove_prefix(1);
  if (path.empty()) return Ok();
  while (true) {
    const std::size_t end = path.find('/');
    Result<std::string> segment = PercentDecode(path.substr(0, end), false);
    if (!segment.ok()) return segment.error();
    if (const Status checked = CheckSegment(*segment); !checked.ok()) return checked;
    target.segments.push_back(*std::move(segment));
    if (end == std::string_view::npos) return Ok();
    path.remove_prefix(end + 1);
  }
}

Status ParseQuery(std::string_view query, Target& target) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    Result<std::string> name = PercentDecode(pair.substr(0, equals), true);
    if (!name.ok()) return name.error();
    Result<std::string> value =
        PercentDecode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!value.ok()) return value.error();
    if (!IsUtf8(*name) || !IsUtf8(*value)) return Bad("the query is not UTF-8");
    if (name->find('\0') != std::string::npos || value->find('\0') != std::string::npos)
      return Bad("the query may not hold NUL");
    target.query.emplace_back(*std::move(name), *std::move(value));
  }
  return Ok();
}

}  // namespace

Result<std::string> PercentDecode(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = high >= 0 ? HexDigit(text[i + 2]) : -1;
      if (low < 0) return Bad(fmt::format("\"{}\" is no percent escape", text.substr(i, 3)));
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

Result<Target> ParseTarget(std::string_view raw) {
  Target target;
  const std::size_t question = raw.find('?');
  target.path = raw.substr(0, question);
  if (const Status path = ParsePath(target.path, target); !path.ok()) return path.error();
  if (question != std::string_view::npos) {
    std::string_view query = raw.substr(question + 1);
    query = query.substr(0, query.find('#'));
    if (const Status parsed = ParseQuery(query, target); !parsed.ok()) return parsed.error();
  }
  return target;
}

}  // namespace pipelined::api
