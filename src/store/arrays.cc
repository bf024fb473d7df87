#include "store/arrays.h"

#include <charconv>

namespace pipelined {
namespace {

// Length of the valid UTF-8 sequence at `at`, or 0.
std::size_t SequenceLength(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first != 0 && first < 0x80) return 1;
  const std::size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                             : first >= 0xE0 && first <= 0xEF ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4
                                                              : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(at + 1);
  // Overlong forms, surrogates and what lies above U+10FFFF.
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
      (first == 0xF4 && second > 0x8F))
    return 0;
  return length;
}

}  // namespace

std::string CleanText(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = SequenceLength(text, at);
    if (length == 0) {
      clean += "\xEF\xBF\xBD";
      ++at;
    } else {
      clean += text.substr(at, length);
      at += length;
    }
  }
  return clean;
}

ArrayText& ArrayText::Add(std::int64_t value) {
  Separate();
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value);
  text_.append(digits, end.ptr);
  return *this;
}

ArrayText& ArrayText::Add(std::string_view value) {
  Separate();
  text_ += '"';
  for (const char c : CleanText(value)) {
    if (c == '"' || c == '\\') text_ += '\\';
    text_ += c;
  }
  text_ += '"';
  return *this;
}

ArrayText& ArrayText::AddBool(bool value) {
  Separate();
  text_ += value ? 't' : 'f';
  return *this;
}

ArrayText& ArrayText::AddNull() {
  Separate();
  text_ += "NULL";
  return *this;
}

std::string TextArray(const std::vector<std::string>& values) {
  ArrayText array;
  for (const std::string& value : values) array.Add(std::string_view(value));
  return array.text();
}

std::vector<std::string> ParseTextArray(std::string_view text) {
  std::vector<std::string> values;
  if (text.size() <= 2) return values;
  std::string value;
  bool quoted = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      value += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == ',' || c == '}')) {
      values.push_back(std::move(value));
      value.clear();
    } else {
      value += c;
    }
  }
  return values;
}

}  // namespace pipelined
