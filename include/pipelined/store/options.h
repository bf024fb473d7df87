// Where the database is.
#pragma once

#include <string>

#include "pipelined/base/time.h"

namespace pipelined {

struct StoreOptions {
  std::string url;                   // libpq's URL or key=value form
  std::string schema = "pipelined";  // everything lives in it; made by Migrate()
  int catalog_connections = 8;       // most that the catalog opens
  // How long a statement of the catalog may take, and a server that has died without a word is waited for; at least 2
  // s.
  Micros patience = std::chrono::seconds(30);
};

}  // namespace pipelined
