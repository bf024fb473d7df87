// Array literals: what carries a batch to unnest(). libpqxx 6 binds no vectors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/time.h"

namespace pipelined {

// Valid UTF-8 without NUL, which PostgreSQL's text does not hold: anything else becomes U+FFFD. What tasks print ends
// up here.
std::string CleanText(std::string_view text);

// Builds "{1,NULL,3}"; strings are quoted and cleaned.
class ArrayText {
 public:
  ArrayText& Add(std::int64_t value);
  ArrayText& Add(std::string_view value);
  ArrayText& AddBool(bool value);
  ArrayText& AddNull();
  ArrayText& Add(std::optional<Instant> value) {
    return value ? Add(static_cast<std::int64_t>(value->time_since_epoch().count())) : AddNull();
  }
  // The literal. Nothing may be added afterwards.
  const std::string& text() {
    if (!closed_) text_ += '}';
    closed_ = true;
    return text_;
  }
  bool empty() const { return text_.size() <= 1; }

 private:
  void Separate() {
    if (text_.size() > 1) text_ += ',';
  }
  std::string text_ = "{";
  bool closed_ = false;
};

std::string TextArray(const std::vector<std::string>& values);
// "{a,\"b c\"}" as PostgreSQL prints one-dimensional text arrays.
std::vector<std::string> ParseTextArray(std::string_view text);

inline std::int64_t ToMicros(Instant instant) {
  return instant.time_since_epoch().count();
}
inline Instant FromMicros(std::int64_t micros) {
  return Instant(Micros(micros));
}

}  // namespace pipelined
