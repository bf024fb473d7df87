// Names of assets: what tasks read and write, and what schedules wait for.
#pragma once

#include <string>
#include <vector>

#include "dagfile/document.h"

namespace pipelined::dagfile {

inline constexpr std::size_t kMaxAsset = 1500;  // characters; Airflow's limit

// A name or URI as it may stand for an asset; false: what is wrong has been reported.
bool IsAsset(NodeRef scalar, Reporter& reporter);

// Those of `inlets` or `outlets`: one or a list, none twice. False: reported, and `out` is left as it was.
bool ReadAssets(const Entry& entry, Reporter& reporter, std::vector<std::string>& out);

}  // namespace pipelined::dagfile
