// What an entry of the history is about.
#pragma once

namespace pipelined {

// Of `e`, which are events: the run `r` and the task `t` of each. Which task a number means: in the version that the
// event names; else, of a run that has changed its version, in the one that it had then; else in that of the run.
inline constexpr const char* kRunAndTaskOfEvent =
    " left join dag_run r on r.id = e.run_id "
    "left join dag_version_task t on e.task_no is not null and t.task_no = e.task_no and t.version_id = "
    "coalesce(e.version_id, case when r.first_version_id is null then r.version_id else coalesce("
    "(select p.version_id from event p where p.run_id = e.run_id and p.kind = 'run' and p.version_id is not null and "
    "p.id < e.id order by p.id desc limit 1), r.first_version_id) end)";

}  // namespace pipelined
