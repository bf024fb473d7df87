// The third-party libraries that this program was built with, from CMake: no door is opened for a version number.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pipelined::apps {

std::vector<std::pair<std::string, std::string>> LibraryVersions();

}  // namespace pipelined::apps
