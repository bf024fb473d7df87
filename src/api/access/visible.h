// Who may know of what happens to a DAG.
#pragma once

#include <string>

#include "api/service.h"

namespace pipelined::api {

// By what the route needs. `dag_id` empty: of what belongs to no DAG.
inline bool Visible(const Caller& caller, const std::string& dag_id) {
  return dag_id.empty() ? caller.scope.all() : caller.scope.Has(dag_id);
}

}  // namespace pipelined::api
