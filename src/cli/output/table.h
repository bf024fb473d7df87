// A table that fits the screen: columns as wide as they need to be, the widest ones shortened when there is no room.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pipelined::cli {

// Characters on the screen: bytes that do not continue a UTF-8 sequence.
std::size_t Width(std::string_view text);

// At most `width` characters, the last of them "…" when something is left out.
std::string Shortened(const std::string& text, std::size_t width);

// Words with blanks between them, in lines of at most `room` characters; a longer word has a line of its own.
std::vector<std::string> Lines(const std::vector<std::string>& words, std::size_t room);

// The widths that columns get which would need `wanted`, within `room` characters and two between each (0: any room).
// The widest give first, none below kNarrowest.
std::vector<std::size_t> ColumnWidths(std::vector<std::size_t> wanted, std::size_t room);
inline constexpr std::size_t kNarrowest = 6;

// The width of the terminal that standard output (or error) is; 0 when it is none.
std::size_t TerminalWidth(int fd);

}  // namespace pipelined::cli
