// Whether a value of this name is a secret, as Airflow decides it: "db_password", "API_KEY" …
#pragma once

#include <string>
#include <string_view>

namespace pipelined {

bool IsSecretName(std::string_view name);

// `url` as it may be shown: values of secret names in its query are ***.
std::string ShowUrl(std::string_view url);

// What stands for a secret where it may not be seen.
inline constexpr std::string_view kMasked = "***";

}  // namespace pipelined
