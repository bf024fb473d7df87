#include "pipelined/base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace pipelined::log {
namespace {

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

}  // namespace

void Init(std::string_view role, Level level) {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();  // colour only on a terminal
  auto logger = std::make_shared<spdlog::logger>(std::string(role), std::move(sink));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ [%n] %v", spdlog::pattern_time_type::utc);
  logger->set_level(ToSpdlog(level));
  spdlog::set_default_logger(std::move(logger));
}

void SetLevel(Level level) {
  spdlog::default_logger_raw()->set_level(ToSpdlog(level));
}

void Write(Level level, std::string_view message) {
  spdlog::default_logger_raw()->log(ToSpdlog(level), message);
}

}  // namespace pipelined::log
