#include "pipelined/model/sensor.h"

#include <array>

namespace pipelined {

std::string_view ToString(SensorKind kind) {
  static constexpr std::array<std::string_view, 9> kWords{"time", "delta", "file", "glob", "task",
                                                          "dag",  "port",  "http", "sql"};
  return kWords[static_cast<std::size_t>(kind)];
}

}  // namespace pipelined
