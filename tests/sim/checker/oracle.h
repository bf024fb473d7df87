// What should become of a task, told from the states of the tasks around it by the plainest means: no counters, no
// order, nothing of the engine.
#pragma once

#include "pipelined/lifecycle/trigger_rule.h"
#include "sim/checker/ledger.h"

namespace pipelined::sim {

// By its trigger rule, its setups and (of a teardown) its scope. `states`: of all units of the run.
RuleVerdict Judge(const RunRow& run, UnitNo unit, const std::vector<TaskState>& states);

// A plan may hold several changes of the tasks around it, one after the other. Whether `verdict` is the answer in any
// state on the way from before the last commit to after it.
bool JudgedOnTheWay(const RunRow& run, UnitNo unit, RuleVerdict verdict);

std::vector<TaskState> StatesOf(const RunRow& run);

// What the end of a task that decides leaves out.
TaskSet LeftOut(const RunRow& run, TaskNo task, const Decision& decision);

}  // namespace pipelined::sim
