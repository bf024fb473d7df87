// The names that templates of tasks know, for the scope and for the check at load time.
#pragma once

#include <span>
#include <string_view>

namespace pipelined {

std::span<const std::string_view> KnownNames();
std::span<const std::string_view> DagMembers();
std::span<const std::string_view> TaskMembers();
std::span<const std::string_view> RunMembers();
std::span<const std::string_view> InstanceMembers();

// What to use instead of a name that Airflow 2 or Jinja has; empty for others.
std::string_view RemovedNameHint(std::string_view name);

}  // namespace pipelined
