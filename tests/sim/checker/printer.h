// A history as C++: a test to be put into tests/sim/known_histories_test.cc.
#pragma once

#include <string>

#include "sim/checker/history.h"

namespace pipelined::sim {

std::string ToTest(const History& history, const std::string& name);

}  // namespace pipelined::sim
