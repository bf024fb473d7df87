// What a browser keeps while it is away at the identity provider. Servers remember nothing of it; whoever did not make
// it here, or has had it for too long, is told so before anybody else is asked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipelined/base/time.h"
#include "pipelined/secrets/key_ring.h"

namespace pipelined::api {

constexpr Seconds kLongestAway = std::chrono::minutes(10);

struct Away {
  std::string secret;  // all of the cookie: what oidc::BindingsOf() is made from
  std::string next;    // a path to go on to, as it was given; empty: none
};

// The value of the cookie: random, of `now`, and with the mark of `seal`.
std::string NewAway(const secrets::KeyRing& seal, Instant now, std::string_view next);

// Nothing: another one's mark or none, or too old.
std::optional<Away> ReadAway(const secrets::KeyRing& seal, std::string_view cookie, Instant now);

}  // namespace pipelined::api
