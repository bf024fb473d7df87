// What users and service accounts may be called. Plain letters alone, so that no two names look the same, and nothing
// that a path, a log line or a terminal could take for something else.
#pragma once

#include <string_view>

namespace pipelined::access {

inline constexpr std::string_view kNameRule = "up to 100 letters, digits and _ . @ + -";

// "ann", "ci@example.com". Whoever asks for a name says kNameRule when it is none.
bool IsAccountName(std::string_view name);

}  // namespace pipelined::access
