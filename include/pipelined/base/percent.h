// Percent-encoding: RFC 3986.
#pragma once

#include <string>
#include <string_view>

namespace pipelined {

// Everything but letters, digits and -._~ as %XX: what stands for itself wherever it is put into a URL.
std::string PercentEncode(std::string_view text);

}  // namespace pipelined
