// Whether a run's conf fits the params of its DAG.
#pragma once

#include <string>
#include <vector>

#include "api/http/http.h"
#include "pipelined/base/value.h"

namespace pipelined::api {

struct ParamFault {
  std::string place;    // "limits.rows"
  std::string pointer;  // into the conf: "/limits/rows"
  std::string message;
};

// All that is wrong with the params (as stored: name -> {value, schema}), the run's conf laid over their defaults.
std::vector<ParamFault> ParamFaults(const Value& params, const Value& conf);

// 400: `what` and all faults in `detail`, and each by itself in `errors`.
Response RefuseParams(const std::string& what, const std::vector<ParamFault>& faults);

}  // namespace pipelined::api
