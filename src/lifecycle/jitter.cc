#include "lifecycle/jitter.h"

#include <fmt/format.h>

#include "pipelined/base/hash.h"

namespace pipelined {

std::string HashedDate(std::optional<Instant> date) {
  if (!date) return "None";
  std::string text = FormatIso(*date);
  text[10] = ' ';
  return text;
}

std::uint64_t Jitter(std::string_view dag_id, std::string_view task_id, std::optional<Instant> date,
                     std::int64_t number, std::uint64_t base) {
  const auto digest = Sha1(fmt::format("{}#{}#{}#{}", dag_id, task_id, HashedDate(date), number));
  std::uint64_t rest = 0;
  for (const std::uint8_t byte : digest) rest = (rest * 256 + byte) % base;
  return rest;
}

}  // namespace pipelined
