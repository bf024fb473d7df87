// Names of task instances on the command line: "each[2]" is instance 2 of a mapped task.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <string>
#include <utility>

#include "cli/output/output.h"

namespace pipelined::cli {

// As people see it; what its map_index_template calls it in brackets behind.
inline std::string InstanceName(const Value& task) {
  const Value* index = task.Find("map_index");
  const std::string id = TextOf(task, "task_id");
  if (index == nullptr || !index->is_int() || index->integer() < 0) return id;
  const std::string name = TextOf(task, "rendered_map_index");
  const bool named = !name.empty() && name != std::to_string(index->integer());
  return fmt::format("{}[{}]{}", id, index->integer(), named ? " (" + name + ")" : "");
}

// "each[2]" -> {"each", 2}; -1 where no index is given.
inline std::pair<std::string, int> SplitInstanceName(const std::string& name) {
  const std::size_t open = name.rfind('[');
  if (open == std::string::npos || name.empty() || name.back() != ']') return {name, -1};
  int index = -1;
  const char* const last = name.data() + name.size() - 1;
  const auto [end, error] = std::from_chars(name.data() + open + 1, last, index);
  if (error != std::errc() || end != last || index < 0) return {name, -1};
  return {name.substr(0, open), index};
}

}  // namespace pipelined::cli
