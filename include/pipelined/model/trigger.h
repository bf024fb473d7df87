// A run of another DAG that a task makes. Words and meanings are those of Airflow's TriggerDagRunOperator.
#pragma once

#include <string>
#include <vector>

#include "pipelined/base/value.h"
#include "pipelined/lifecycle/run_state.h"

namespace pipelined {

// All texts are templates, also those within `conf`.
struct TriggerSpec {
  std::string dag_id;
  Value conf;                        // a map, or the text of a template that gives one; null: none
  std::string run_id, logical_date;  // empty: one is made; none
  bool sub_run = false;              // `dag`: a part of the run that makes it, cancelled with it
  bool wait_for_completion = false;  // a sub-run always is waited for
  bool reset_dag_run = false;        // a run that is there already runs again
  bool skip_when_already_exists = false;
  std::vector<RunState> allowed_states{RunState::kSuccess};  // what counts as success of a run that is waited for
};

}  // namespace pipelined
