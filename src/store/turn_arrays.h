// A plan as the arrays that commit_turn() takes, column by column.
#pragma once

#include <string>
#include <vector>

#include "pipelined/ports/store.h"

namespace pipelined {

// Parameters 8… of commit_turn(): runs, closed attempts, outputs, tasks, opened attempts.
std::vector<std::string> TurnArrays(const Plan& plan);
// Those of steer_tasks(): run, task, map index, from, to, try, max tries, attempt, start, end, retry, why, who.
std::vector<std::string> SteeredArrays(const Plan& plan);
std::int64_t LastAttempt(const Plan& plan);  // greatest id that the plan opens, 0 for none

}  // namespace pipelined
