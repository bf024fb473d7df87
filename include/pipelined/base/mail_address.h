// Mail addresses as they can stand in headers and in SMTP commands without quoting: ASCII, a local part, one host.
#pragma once

#include <string_view>

namespace pipelined {

// "data-team@example.com". What would need quotes, SMTPUTF8 or another line is none.
bool IsMailAddress(std::string_view text);

}  // namespace pipelined
