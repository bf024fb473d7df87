// What an ID token must say (OpenID Connect Core, 3.1.3.7). Pure; the signature is checked elsewhere (jose.h).
#pragma once

#include <string>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"
#include "pipelined/base/value.h"

namespace pipelined::oidc {

struct Expected {
  std::string issuer, client_id, nonce;
  Instant now{};
  Micros skew{0};
};

// The claims. kNotAllowed names the one that is not right; values are not repeated.
Result<Value> CheckClaims(const std::string& payload, const Expected& expected);

}  // namespace pipelined::oidc
