// Numbers into text without printf(), whose code and tables would be paged in anew by every supervisor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pipelined::executor {

// Decimal digits of `value` (not negative) into `text`, at least 20 bytes; returns their number. No NUL.
inline std::size_t Digits(std::int64_t value, char* text) {
  char reversed[20];
  std::size_t size = 0;
  do {
    reversed[size++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  for (std::size_t i = 0; i < size; ++i) text[i] = reversed[size - 1 - i];
  return size;
}

// A name with a number in it: "out/17.json".
struct NumberedName {
  NumberedName(const char* before, std::int64_t number, const char* after) {
    std::size_t size = std::strlen(before);
    std::memcpy(text, before, size);
    size += Digits(number, text + size);
    std::memcpy(text + size, after, std::strlen(after) + 1);
  }
  char text[48];
};

}  // namespace pipelined::executor
