// "did you mean": the candidate nearest to a misspelt word.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pipelined {

// The candidate with the least edit distance (a swap of neighbours counts one), or nothing when none is near enough.
std::optional<std::string> NearMatch(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace pipelined
