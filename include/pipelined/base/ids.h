// Strong integer ids, so that a run's id cannot be given where an attempt's is wanted. 0 means "none".
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace pipelined {

template <class Tag>
struct Id {
  std::int64_t value = 0;
  constexpr explicit operator bool() const { return value != 0; }
  friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

using RunId = Id<struct RunTag>;          // dag_run.id
using AttemptId = Id<struct AttemptTag>;  // attempt.id: never used twice, whatever is deleted
using VersionId = Id<struct VersionTag>;  // dag_version.id
using CommandId = Id<struct CommandTag>;  // command.id: commands are applied in this order, once
using BackfillId = Id<struct BackfillTag>;  // backfill.id

}  // namespace pipelined

template <class Tag>
struct std::hash<pipelined::Id<Tag>> {
  std::size_t operator()(const pipelined::Id<Tag>& id) const noexcept { return std::hash<std::int64_t>{}(id.value); }
};
