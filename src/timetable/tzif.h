// The bytes of a compiled time zone (RFC 8536): the 64-bit block and the footer; of a version 1 file its only block.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/result.h"

namespace pipelined {

struct TzifChange {
  std::int64_t at;      // seconds since 1970, ascending
  std::int32_t offset;  // seconds east, from `at` on
};

struct Tzif {
  std::int32_t first_offset = 0;  // before the first change
  std::vector<TzifChange> changes;
  std::string footer;  // POSIX TZ text; may be empty
};

// kInvalid for anything that is no TZif; never reads past `bytes`.
Result<Tzif> ReadTzif(std::string_view bytes);

}  // namespace pipelined
