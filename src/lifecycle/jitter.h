// What keeps things from happening all at once, and the same each time: Airflow's way of making it from a hash.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipelined/base/time.h"

namespace pipelined {

// Python's str() of an aware datetime, which Airflow hashes.
std::string HashedDate(std::optional<Instant> date);

// SHA-1 of "dag#task#date#number" as one big number, modulo `base` (1 … 2^55).
std::uint64_t Jitter(std::string_view dag_id, std::string_view task_id, std::optional<Instant> date,
                     std::int64_t number, std::uint64_t base);

}  // namespace pipelined
