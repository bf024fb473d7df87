#include "template/utf8.h"

#include <cstring>

namespace pipelined::tmpl {
namespace {

bool Continues(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::uint32_t ToUpper(std::uint32_t c) {
  if (c >= 'a' && c <= 'z') return c - 32;
  if ((c >= 0xe0 && c <= 0xfe && c != 0xf7) || (c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2)) return c - 32;
  if (c == 0x3c2) return 0x3a3;
  if (c >= 0x430 && c <= 0x44f) return c - 32;
  if (c >= 0x450 && c <= 0x45f) return c - 80;
  if (c == 0xff) return 0x178;
  if ((c >= 0x100 && c <= 0x137 && c != 0x131) || (c >= 0x14a && c <= 0x177)) return c & ~1u;
  if (((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) && c % 2 == 0) return c - 1;
  return c;
}

std::uint32_t ToLower(std::uint32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9 && c != 0x3a2)) return c + 32;
  if (c >= 0x410 && c <= 0x42f) return c + 32;
  if (c >= 0x400 && c <= 0x40f) return c + 80;
  if (c == 0x178) return 0xff;
  if ((c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14a && c <= 0x177)) return c | 1u;
  if (((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) && c % 2 == 1) return c + 1;
  return c;
}

bool Letter(std::uint32_t c) {
  return ToUpper(c) != c || ToLower(c) != c || c == 0xdf;
}

// `change(code point, the one before)` for each character; stray bytes stay as they are.
template <class Change>
std::string Map(std::string_view text, Change change) {
  std::string out;
  out.reserve(text.size());
  std::uint32_t before = 0;
  while (!text.empty()) {
    const std::string_view character = text.substr(0, CharacterSize(text));
    const std::uint32_t code = CodePoint(character);
    const std::uint32_t changed = change(code, before);
    if (changed == code) {
      out += character;
    } else {
      AppendUtf8(&out, changed);
    }
    before = code;
    text.remove_prefix(character.size());
  }
  return out;
}

}  // namespace

std::size_t CharacterSize(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t size = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
  if (size > text.size()) return 1;
  for (std::size_t i = 1; i < size; ++i) {
    if (!Continues(text[i])) return 1;
  }
  return size;
}

std::uint32_t CodePoint(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return lead < 0x80 ? lead : 0xfffd;
  std::uint32_t code = lead & (0xffu >> (character.size() + 1));
  for (const char c : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 0x3fu);
  return code;
}

void AppendUtf8(std::string* out, std::uint32_t c) {
  const auto put = [out](std::uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xc0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
  }
  put(0x80 | (c & 0x3f));
}

std::size_t Length(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(CharacterSize(text));
  return count;
}

std::vector<std::string_view> Characters(std::string_view text) {
  std::vector<std::string_view> characters;
  while (!text.empty()) {
    characters.push_back(text.substr(0, CharacterSize(text)));
    text.remove_prefix(characters.back().size());
  }
  return characters;
}

std::size_t ByteOffset(std::string_view text, std::size_t character) {
  std::size_t at = 0;
  for (; character > 0 && at < text.size(); --character) at += CharacterSize(text.substr(at));
  return at;
}

std::size_t FindText(std::string_view text, std::string_view what, std::size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (what.empty()) return from;
  const void* found = ::memmem(text.data() + from, text.size() - from, what.data(), what.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::string Upper(std::string_view text) {
  return Map(text, [](std::uint32_t c, std::uint32_t) { return ToUpper(c); });
}
std::string Lower(std::string_view text) {
  return Map(text, [](std::uint32_t c, std::uint32_t) { return ToLower(c); });
}
std::string Capitalize(std::string_view text) {
  return Map(text, [](std::uint32_t c, std::uint32_t before) { return before == 0 ? ToUpper(c) : ToLower(c); });
}
std::string Title(std::string_view text) {
  return Map(text, [](std::uint32_t c, std::uint32_t before) { return Letter(before) ? ToLower(c) : ToUpper(c); });
}

std::string TitleWords(std::string_view text) {
  return Map(text, [](std::uint32_t c, std::uint32_t before) {
    constexpr std::string_view kBefore = " \t\n\r\f\v-({[<";
    const bool begins = before == 0 || (before < 0x80 && kBefore.find(static_cast<char>(before)) != kBefore.npos);
    return begins ? ToUpper(c) : ToLower(c);
  });
}

}  // namespace pipelined::tmpl
