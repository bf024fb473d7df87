// Password hashes: argon2id, 2 passes over 64 MiB. Slow on purpose, and one at a time in a process, so that a flood of
// log-ins costs time and never memory. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "pipelined/base/result.h"

namespace pipelined::secrets {

// A hash in argon2's own text form ("$argon2id$v=19$m=65536,t=2,p=1$…"), salt included. kUnavailable without memory.
Result<std::string> HashPassword(std::string_view password);

// False for a wrong password and for a text that is no hash.
bool VerifyPassword(std::string_view password, const std::string& hash);

// As long as VerifyPassword, and always false: for names that do not exist, so that the answer's time does not tell.
bool VerifyNobody(std::string_view password);

}  // namespace pipelined::secrets
