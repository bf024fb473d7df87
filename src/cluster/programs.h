// Where PostgreSQL's server programs are installed. Debian keeps them off the PATH, one folder per major version.
#pragma once

#include <string>

#include "pipelined/base/result.h"

namespace pipelined::cluster {

// The folder with `initdb` and `postgres`: of the newest version for a new cluster (`data` holds none yet), else of the
// version that made it. kUnavailable names the package to install.
Result<std::string> ServerPrograms(const std::string& data);

}  // namespace pipelined::cluster
