#include "worker/json_pointer.h"

#include <charconv>
#include <string>

namespace pipelined::worker {
namespace {

// ~1 is /, ~0 is ~.
std::string Unescape(std::string_view token) {
  std::string text;
  for (std::size_t at = 0; at < token.size(); ++at) {
    const bool escape = token[at] == '~' && at + 1 < token.size() && (token[at + 1] == '0' || token[at + 1] == '1');
    text += !escape ? token[at] : token[++at] == '0' ? '~' : '/';
  }
  return text;
}

const Value* Step(const Value& value, std::string_view token) {
  if (value.is_map()) return value.Find(Unescape(token));
  if (!value.is_list() || token.empty() || (token.size() > 1 && token[0] == '0')) return nullptr;
  std::size_t index = 0;
  const auto parsed = std::from_chars(token.data(), token.data() + token.size(), index);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == token.data() + token.size();
  return whole && index < value.list().size() ? &value.list()[index] : nullptr;
}

}  // namespace

const Value* FindByPointer(const Value& document, std::string_view pointer) {
  const Value* at = &document;
  if (!pointer.empty() && pointer[0] != '/') return nullptr;
  while (at != nullptr && !pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = pointer.find('/');
    at = Step(*at, pointer.substr(0, end));
    pointer = end == std::string_view::npos ? std::string_view() : pointer.substr(end);
  }
  return at;
}

}  // namespace pipelined::worker
