// Which DAGs make runs of which: `trigger_dag` and `dag`. A circle would go on for ever.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "pipelined/model/dag.h"
#include "pipelined/model/diagnostic.h"

namespace pipelined {

// Ids that a template gives are not known here. Not thread-safe.
class DagCalls {
 public:
  // What `dag` calls replaces what was known of it; true when that is something else.
  bool Set(const Dag& dag);
  bool Forget(const std::string& dag_id);

  // The way from `dag` back to itself, if it calls what it does: "a -> b -> a". Empty: there is none.
  std::string CircleOf(const Dag& dag) const;

 private:
  std::map<std::string, std::vector<std::string>> calls_;  // only of DAGs that call any
};

// The error of a DAG that is in a circle, at the task that leads into it.
Diagnostic CircleError(const Dag& dag, const std::string& circle, const std::string& shown_as);

}  // namespace pipelined
