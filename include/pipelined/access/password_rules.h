// What may be a password: long enough, not what everybody tries first, not the name of its owner.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pipelined::access {

inline constexpr std::size_t kLongestPassword = 256;  // bytes; hashing is slow enough without more

// What is wrong with it, as a sentence that does not repeat it; nothing: it will do. Length in characters (UTF-8).
std::optional<std::string> PasswordFault(std::string_view password, std::string_view owner, std::size_t shortest);

}  // namespace pipelined::access
