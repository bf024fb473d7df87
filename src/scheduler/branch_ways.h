// What the words of a branch come to: the tasks to go on with.
#pragma once

#include "pipelined/base/result.h"
#include "pipelined/base/value.h"
#include "pipelined/model/dag.h"

namespace pipelined {

// `given`: an id, a list of ids, or null, which follows nothing. A group stands for its first tasks. kNotFound names
// what is neither a task nor a group below `branch`. Each task once, in the order in which it is named.
Result<std::vector<TaskNo>> TasksToFollow(const Dag& dag, TaskNo branch, const Value& given);

}  // namespace pipelined
