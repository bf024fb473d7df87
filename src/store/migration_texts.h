// The migrations, as they stand in src/store/migrations; put into the binary by CMake.
#pragma once

#include <string>
#include <vector>

namespace pipelined {

struct MigrationText {
  int number;        // from 1, ascending
  std::string name;  // "0001_initial"
  std::string up, down;
};

const std::vector<MigrationText>& MigrationTexts();

}  // namespace pipelined
