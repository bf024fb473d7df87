// Who may know of what happens to a DAG.
#pragma once

#include <string>

#include "api/service.h"

namespace pipelined::api {

// `dag_id` empty: of what belongs to no DAG.
inline bool Visible(const Caller& caller, const std::string& dag_id) {
  (void)dag_id;  // whoever may read may read of every DAG
  return caller.role >= Role::kViewer;
}

}  // namespace pipelined::api
