// Ends what an attempt left behind. Only processes that this supervisor may call its own are touched: its children
// (and, as it is their subreaper, every orphan below it), or members of the attempt's cgroup.
#pragma once

namespace pipelined::executor {

// Kills and reaps children until there are none; `cgroup_kill_fd` is cgroup.kill of the attempt's cgroup, or -1.
// Returns how many there were.
int SweepChildren(int cgroup_kill_fd);

}  // namespace pipelined::executor
