// The keys under `sensor`.
#pragma once

#include <span>

#include "dagfile/keys.h"

namespace pipelined::dagfile {

extern const std::span<const KeyRow> kSensorKeys;
extern const std::span<const KeyRow> kFileSensorKeys;
extern const std::span<const KeyRow> kGlobSensorKeys;
extern const std::span<const KeyRow> kTaskSensorKeys;
extern const std::span<const KeyRow> kDagSensorKeys;
extern const std::span<const KeyRow> kPortSensorKeys;

}  // namespace pipelined::dagfile
