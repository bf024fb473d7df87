#include "api/access/away.h"

#include <fmt/format.h>

#include <charconv>

#include "api/http/target.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"
#include "pipelined/secrets/token.h"

namespace pipelined::api {
namespace {

constexpr std::string_view kPurpose = "a sign-in under way";

// What stands before the next "."; the rest is left in `text`.
std::string_view TakePart(std::string_view& text) {
  const std::size_t dot = std::min(text.find('.'), text.size());
  const std::string_view part = text.substr(0, dot);
  text.remove_prefix(std::min(dot + 1, text.size()));
  return part;
}

bool InTime(std::string_view since, Instant now) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(since.data(), since.data() + since.size(), seconds);
  if (error != std::errc() || end != since.data() + since.size()) return false;
  const auto age = std::chrono::floor<Seconds>(now).time_since_epoch() - Seconds(seconds);
  return age >= Seconds(0) && age <= kLongestAway;
}

}  // namespace

// "MARK.SECONDS.RANDOM.NEXT"
std::string NewAway(const secrets::KeyRing& seal, Instant now, std::string_view next) {
  const auto seconds = std::chrono::floor<Seconds>(now).time_since_epoch().count();
  const std::string content = fmt::format("{}.{}.{}", seconds, secrets::NewToken(), PercentEncode(next));
  return seal.Mark(kPurpose, content) + "." + content;
}

std::optional<Away> ReadAway(const secrets::KeyRing& seal, std::string_view cookie, Instant now) {
  std::string_view rest = cookie;
  const std::string_view mark = TakePart(rest);
  if (!seal.IsMark(mark, kPurpose, rest)) return std::nullopt;
  if (!InTime(TakePart(rest), now)) return std::nullopt;
  TakePart(rest);  // what is random
  const Result<std::string> next = PercentDecode(rest, false);
  return Away{std::string(cookie), next.ok() ? *next : ""};
}

}  // namespace pipelined::api
