// The connections that Airflow makes when it is asked for its defaults, as far as this program can use their kinds.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "api/http/http.h"
#include "api/service.h"

namespace pipelined::api {

struct DefaultConnection {
  std::string_view id, type;
  std::string_view host = {}, login = {}, schema = {};  // empty: none
  std::int32_t port = 0;                                // 0: none
  std::string_view extra = {};
};

std::span<const DefaultConnection> DefaultConnections();

// POST /api/v2/connections/defaults
Response CreateDefaultConnections(const Call& call);

}  // namespace pipelined::api
