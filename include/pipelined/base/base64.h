// Bytes as text, RFC 4648. Not for secrets: how long it takes may depend on the bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pipelined {

std::string Base64(std::span<const std::uint8_t> bytes);
std::string Base64Url(std::span<const std::uint8_t> bytes);  // for URLs, without padding
std::string Base64(std::string_view text);

}  // namespace pipelined
