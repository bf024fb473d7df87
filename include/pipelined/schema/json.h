// JSON text to Value and back. The only door to nlohmann's library.
#pragma once

#include <string>
#include <string_view>

#include "pipelined/base/result.h"
#include "pipelined/base/value.h"

namespace pipelined {

// Whole numbers beyond 64 bits, which a Value cannot hold: the nearest number, their digits as a text, or kInvalid.
enum class WideIntegers : unsigned char { kRound, kText, kRefuse };

// Strict JSON, UTF-8, at most 128 levels deep. Of duplicate keys the last one counts. kInvalid says line and column.
Result<Value> ParseJson(std::string_view text, WideIntegers wide = WideIntegers::kRound);

// One line, no blanks after `,` and `:`; map order is kept. Invalid UTF-8 is replaced.
std::string ToJson(const Value& value);
std::string ToAsciiJson(const Value& value);  // the same with everything beyond ASCII as \uXXXX
std::string ToPrettyJson(const Value& value);

// As it is put into a text: a string as it is, null as nothing, everything else as JSON.
std::string ToText(const Value& value);

}  // namespace pipelined
