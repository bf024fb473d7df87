// Where a page ended, for the one after it: the values by which its last row was ordered, as a text that clients hand
// back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipelined/base/result.h"

namespace pipelined {

// `keys`: a JSON array of the order's name, and of texts and nulls.
std::string EncodeCursor(const std::string& keys);
// The values. kInvalid when it is no cursor of the order `name` with `count` of them. Whether they are of the right
// types, the database says.
Result<std::vector<std::optional<std::string>>> DecodeCursor(const std::string& cursor, const std::string& name,
                                                             std::size_t count);

}  // namespace pipelined
