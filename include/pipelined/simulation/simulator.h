// The simulation behind its port.
#pragma once

#include <memory>

#include "pipelined/ports/simulator.h"
#include "pipelined/timetable/zone.h"

namespace pipelined {

// `zones` must outlive it.
std::unique_ptr<Simulator> MakeSimulator(const ZoneSource& zones);

}  // namespace pipelined
