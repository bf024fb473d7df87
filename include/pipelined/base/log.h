// Log lines of the daemons, to stderr. The only door to spdlog. Thread-safe.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace pipelined::log {

enum class Level { kDebug, kInfo, kWarning, kError, kOff };

// Call once, before the first line. `role` stands in every line ("scheduler", "api-server").
void Init(std::string_view role, Level level);
void SetLevel(Level level);
void Write(Level level, std::string_view message);

template <class... Args>
void Debug(fmt::format_string<Args...> format, Args&&... args) {
  Write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void Info(fmt::format_string<Args...> format, Args&&... args) {
  Write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void Warning(fmt::format_string<Args...> format, Args&&... args) {
  Write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void Error(fmt::format_string<Args...> format, Args&&... args) {
  Write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace pipelined::log
