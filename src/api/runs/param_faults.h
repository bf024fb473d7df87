// Whether a run's conf fits the params of its DAG.
#pragma once

#include <string>

#include "pipelined/base/value.h"

namespace pipelined::api {

// What is wrong with the params (as stored: name -> {value, schema}), the run's conf laid over their defaults; all of
// it in one line. Empty: nothing.
std::string ParamFaults(const Value& params, const Value& conf);

}  // namespace pipelined::api
