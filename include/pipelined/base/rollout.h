// A feature toggle: on, off, or on for a part of the DAGs.
//
// Which DAGs are in is told by a hash of the feature's name and the DAG's id alone: the same on every machine and after
// every restart. A DAG has one place for a feature, and is in when the share is beyond that place; so a share that
// grows takes no DAG out, and two features do not pick the same DAGs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipelined/base/result.h"

namespace pipelined {

inline constexpr std::int32_t kWholeRollout = 10'000;  // hundredths of a percent

// From 0 to 9999: the first eight bytes of SHA-256 over "FEATURE:DAG", as a big-endian number, modulo 10,000. Written
// in docs/environments.md: it must never change.
std::int32_t RolloutPlace(std::string_view feature, std::string_view dag_id);

struct Rollout {
  std::string feature;  // no ":" in it
  std::int32_t share = kWholeRollout;

  bool Includes(std::string_view dag_id) const;
};

// "on", "off", "25%", "0.5%" to "99.99%". kInvalid says what would be valid.
Result<std::int32_t> ParseShare(std::string_view text);
std::string FormatShare(std::int32_t share);

}  // namespace pipelined
