// `params`: name -> JSON Schema with `default`, or a plain value, which is a default alone.
#pragma once

#include <vector>

#include "dagfile/document.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

std::vector<Param> ReadParams(const Entry& params, Reporter& reporter);

}  // namespace pipelined::dagfile
