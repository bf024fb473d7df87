#include "oidc/id_token.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "pipelined/schema/json.h"

namespace pipelined::oidc {
namespace {

constexpr std::size_t kLongestSubject = 255;
constexpr double kLastSecond = 253'402'300'799;  // of the year 9999

Error Refuse(std::string_view why) {
  return {ErrorCode::kNotAllowed, "the ID token is refused: " + std::string(why), ""};
}

std::optional<std::string> Text(const Value& claims, std::string_view name) {
  const Value* claim = claims.Find(name);
  return claim != nullptr && claim->is_string() ? std::optional(claim->string()) : std::nullopt;
}

// Seconds since 1970, perhaps with a fraction.
std::optional<Instant> Time(const Value& claims, std::string_view name) {
  const Value* claim = claims.Find(name);
  if (claim == nullptr || !claim->is_number()) return std::nullopt;
  const double seconds = claim->number();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > kLastSecond) return std::nullopt;
  return Instant(Micros(static_cast<std::int64_t>(seconds * 1e6)));
}

// One text or a list of them.
std::vector<std::string> Audience(const Value& claims) {
  const Value* claim = claims.Find("aud");
  std::vector<std::string> names;
  if (claim != nullptr && claim->is_string()) names.push_back(claim->string());
  if (claim != nullptr && claim->is_list()) {
    for (const Value& one : claim->list()) {
      if (one.is_string()) names.push_back(one.string());
    }
  }
  return names;
}

Status CheckAudience(const Value& claims, const Expected& expected) {
  const std::vector<std::string> audience = Audience(claims);
  if (std::find(audience.begin(), audience.end(), expected.client_id) == audience.end())
    return Refuse("it is made for others (aud)");
  const Value* party = claims.Find("azp");
  if (party == nullptr && audience.size() > 1)
    return Refuse("it is for several and does not say for whom it was made (azp)");
  if (party != nullptr && Text(claims, "azp") != expected.client_id) return Refuse("it was made for another one (azp)");
  return Ok();
}

Status CheckTimes(const Value& claims, const Expected& expected) {
  const std::optional<Instant> expires = Time(claims, "exp"), issued = Time(claims, "iat");
  if (!expires) return Refuse("it does not say when it expires (exp)");
  if (*expires + expected.skew <= expected.now) return Refuse("it has expired (exp)");
  if (!issued) return Refuse("it does not say when it was made (iat)");
  if (*issued - expected.skew > expected.now) return Refuse("it was made in the future (iat); compare the clocks");
  if (claims.Find("nbf") == nullptr) return Ok();
  const std::optional<Instant> from = Time(claims, "nbf");
  if (!from || *from - expected.skew > expected.now) return Refuse("it is not valid yet (nbf)");
  return Ok();
}

}  // namespace

Result<Value> CheckClaims(const std::string& payload, const Expected& expected) {
  Result<Value> claims = ParseJson(payload);
  if (!claims.ok() || !claims->is_map()) return Refuse("it holds no claims");
  if (Text(*claims, "iss") != expected.issuer) return Refuse("it was made by another provider (iss)");
  if (const Status audience = CheckAudience(*claims, expected); !audience.ok()) return audience.error();
  if (const Status times = CheckTimes(*claims, expected); !times.ok()) return times.error();
  // Both are of the same length and secret only until this very check: an ordinary comparison will do.
  if (Text(*claims, "nonce") != expected.nonce) return Refuse("it belongs to another sign-in (nonce)");
  const std::optional<std::string> subject = Text(*claims, "sub");
  if (!subject || subject->empty() || subject->size() > kLongestSubject)
    return Refuse("it does not say for whom it is (sub)");
  return claims;
}

}  // namespace pipelined::oidc
