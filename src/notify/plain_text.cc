#include "notify/plain_text.h"

#include <algorithm>

namespace pipelined::notify {
namespace {

// Bytes of the character at the begin of `text`, 0 when it is none.
std::size_t CharacterAt(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 && first <= 0xF4  ? 4
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xC2 && first < 0xE0 ? 2
                                                             : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond Unicode.
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) || (first == 0xF0 && byte(1) < 0x90) ||
      (first == 0xF4 && byte(1) > 0x8F))
    return 0;
  return length;
}

}  // namespace

std::string ValidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = CharacterAt(text);
    if (length == 0)
      out += "\xEF\xBF\xBD";
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::string FirstLine(std::string_view text, std::size_t most) {
  std::string line = ValidUtf8(text.substr(0, text.find_first_of("\r\n")));
  std::erase_if(line, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; });
  if (line.size() <= most) return line;
  while (most > 0 && (static_cast<unsigned char>(line[most]) & 0xC0) == 0x80) --most;
  line.resize(most);
  return line;
}

std::string WithoutMarkup(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

std::string WithoutUrl(std::string text, const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t path = scheme == url.npos ? 0 : url.find_first_of("/?#", scheme + 3);
  if (path == url.npos || path + 1 >= url.size()) return text;
  const std::string hidden = url.substr(path);
  for (std::size_t at = text.find(hidden); at != text.npos; at = text.find(hidden, at + 4))
    text.replace(at, hidden.size(), "/***");
  return text;
}

}  // namespace pipelined::notify
