// Whether a value of this name is a secret, as Airflow decides it: "db_password", "API_KEY" …
#pragma once

#include <string_view>

namespace pipelined {

bool IsSecretName(std::string_view name);

// What stands for a secret where it may not be seen.
inline constexpr std::string_view kMasked = "***";

}  // namespace pipelined
