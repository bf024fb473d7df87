#include "pipelined/base/rollout.h"

#include <fmt/format.h>

#include "pipelined/base/hash.h"

namespace pipelined {
namespace {

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

}  // namespace

std::int32_t RolloutPlace(std::string_view feature, std::string_view dag_id) {
  const auto digest = Sha256(fmt::format("{}:{}", feature, dag_id));
  std::uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | digest[static_cast<std::size_t>(i)];
  return static_cast<std::int32_t>(number % kWholeRollout);
}

bool Rollout::Includes(std::string_view dag_id) const {
  if (share <= 0) return false;
  return share >= kWholeRollout || RolloutPlace(feature, dag_id) < share;
}

Result<std::int32_t> ParseShare(std::string_view text) {
  if (text == "on") return kWholeRollout;
  if (text == "off") return 0;
  const Error invalid{
      ErrorCode::kInvalid, fmt::format("\"{}\" is neither on nor off nor a percentage such as 25% or 0.5%", text), {}};
  if (!text.ends_with('%')) return invalid;
  text.remove_suffix(1);
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  std::string fraction(dot == text.npos ? "0" : text.substr(dot + 1));
  if (!IsDigits(whole) || whole.size() > 3 || !IsDigits(fraction) || fraction.size() > 2) return invalid;
  fraction.resize(2, '0');
  const int share = std::stoi(std::string(whole)) * 100 + std::stoi(fraction);
  if (share > kWholeRollout) return invalid;
  return share;
}

std::string FormatShare(std::int32_t share) {
  if (share <= 0) return "off";
  if (share >= kWholeRollout) return "on";
  if (share % 100 == 0) return fmt::format("{}%", share / 100);
  if (share % 10 == 0) return fmt::format("{}.{}%", share / 100, share / 10 % 10);
  return fmt::format("{}.{:02}%", share / 100, share % 100);
}

}  // namespace pipelined
