-- Runs that tasks make: trigger_dag and dag. The task, the attempt that asked, and whether the run is a part of the other
-- one (cancelled with it).
alter table dag_run add parent_run bigint, add parent_task text, add parent_attempt bigint, add sub_run boolean not null default false;
alter table dag_run add constraint dag_run_parent check ((parent_run is null) = (parent_task is null) and (parent_run is null) = (parent_attempt is null));
-- An attempt makes one run, however often it is asked. Also what a starting leader looks up for each open attempt.
create unique index dag_run_parent_attempt on dag_run (parent_attempt) where parent_attempt is not null;
-- What a run has made.
create index dag_run_parent on dag_run (parent_run) where parent_run is not null;

-- Sets a finished run back for a task that asks for it: see reset_run(). It stays of the type that it was.
create function rerun_for_task(p_run bigint, p_version bigint, p_now timestamptz, p_why text, p_conf json,
                               p_parent bigint, p_task text, p_attempt bigint, p_sub_run boolean) returns boolean language plpgsql as $$
declare
  old_type text;
begin
  select type into old_type from dag_run where id = p_run;
  if not reset_run(p_run, p_version, null, null, p_now, p_why, p_conf) then
    return false;
  end if;
  update dag_run set type = old_type, triggered_by = 'operator', parent_run = p_parent, parent_task = p_task, parent_attempt = p_attempt,
         sub_run = p_sub_run
   where id = p_run;
  return true;
end $$;
