// UTF-8 by code points. Bytes that are no UTF-8 count as one character each, so that nothing is lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pipelined::tmpl {

// The length in bytes of the character that `text`, which is not empty, begins with.
std::size_t CharacterSize(std::string_view text);
std::uint32_t CodePoint(std::string_view character);  // of one valid character; of a stray byte, 0xfffd
void AppendUtf8(std::string* out, std::uint32_t code_point);

std::size_t Length(std::string_view text);
std::vector<std::string_view> Characters(std::string_view text);
std::size_t ByteOffset(std::string_view text, std::size_t character);  // text.size() past the end

// Where `what` begins in `text` at or after `from`, or npos. Linear, whatever the two are.
std::size_t FindText(std::string_view text, std::string_view what, std::size_t from = 0);

// Latin, Greek and Cyrillic letters.
std::string Upper(std::string_view text);
std::string Lower(std::string_view text);
std::string Capitalize(std::string_view text);
std::string Title(std::string_view text);       // Python's str.title(): every letter after what is none
std::string TitleWords(std::string_view text);  // Jinja's: after blanks, hyphens and opening brackets

}  // namespace pipelined::tmpl
