// What a task says of the events of its outlets, in the output `outlet_events`. Pure.
#pragma once

#include <string>

#include "pipelined/base/value.h"
#include "pipelined/model/dag.h"

namespace pipelined {

// Why that cannot be taken; empty: it can, or there is none.
std::string OutletEventsFault(const Task& task, const Value& outputs);

}  // namespace pipelined
