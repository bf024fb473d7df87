#include "apps/library_versions.h"

#include "apps/build_info.h"

namespace pipelined::apps {

std::vector<std::pair<std::string, std::string>> LibraryVersions() {
  return {
      {"compiler", PIPELINED_COMPILER},  {"fmt", PIPELINED_FMT},
      {"spdlog", PIPELINED_SPDLOG},      {"yaml-cpp", PIPELINED_YAML_CPP},
      {"cpprestsdk", PIPELINED_CPPREST}, {"libpqxx", PIPELINED_PQXX},
      {"libpq", PIPELINED_LIBPQ},        {"libsodium", PIPELINED_SODIUM},
      {"OpenSSL", PIPELINED_OPENSSL},    {"nlohmann_json", PIPELINED_NLOHMANN},
      {"CLI11", PIPELINED_CLI11},        {"libical", PIPELINED_ICAL},
      {"libcurl", PIPELINED_CURL},
  };
}

}  // namespace pipelined::apps
