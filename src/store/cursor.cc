#include "store/cursor.h"

#include <charconv>

#include "pipelined/base/hash.h"
#include "pipelined/schema/json.h"

namespace pipelined {
namespace {

Error NoCursor() {
  return Error{ErrorCode::kInvalid, "Invalid cursor token", "use next_cursor of a page in the same order"};
}

std::optional<std::string> FromHex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned char byte = 0;
    const char* const end = text.data() + i + 2;
    if (std::from_chars(text.data() + i, end, byte, 16).ptr != end) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return text.size() % 2 == 0 ? std::optional(bytes) : std::nullopt;
}

}  // namespace

std::string EncodeCursor(const std::string& keys) {
  return Hex(reinterpret_cast<const std::uint8_t*>(keys.data()), keys.size());
}

Result<std::vector<std::optional<std::string>>> DecodeCursor(const std::string& cursor, const std::string& name,
                                                             std::size_t count) {
  const std::optional<std::string> text = FromHex(cursor);
  if (!text) return NoCursor();
  const Result<Value> keys = ParseJson(*text);
  if (!keys.ok() || !keys->is_list() || keys->list().size() != count + 1) return NoCursor();
  const Value::List& list = keys->list();
  if (list.front() != Value(name)) return NoCursor();
  std::vector<std::optional<std::string>> values;
  for (std::size_t i = 1; i < list.size(); ++i) {
    const Value& key = list[i];
    if (!key.is_string() && !key.is_null()) return NoCursor();
    values.push_back(key.is_string() ? std::optional(key.string()) : std::nullopt);
  }
  return values;
}

}  // namespace pipelined
