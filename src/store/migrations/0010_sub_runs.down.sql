drop function rerun_for_task(bigint, bigint, timestamptz, text, json, bigint, text, bigint, boolean);
alter table dag_run drop parent_run, drop parent_task, drop parent_attempt, drop sub_run;
