// Where the database is.
#pragma once

#include <string>

namespace pipelined {

struct StoreOptions {
  std::string url;                   // libpq's URL or key=value form
  std::string schema = "pipelined";  // everything lives in it; made by Migrate()
  int catalog_connections = 8;       // most that the catalog opens
};

}  // namespace pipelined
