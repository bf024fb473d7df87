drop index event_run;
alter table dag_run drop first_queued_at, drop first_version_id;

-- Sets a finished run back: queued, every task cleared, pinned to `p_version`. False when it is not finished, or when a process
-- of it is still to be stopped. Tries count on; tasks that the version no longer has go, their attempts stay.
create or replace function reset_run(p_run bigint, p_version bigint, p_backfill bigint, p_ordinal integer, p_now timestamptz, p_why text, p_conf json)
returns boolean language plpgsql as $$
declare
  old_state text;
  old_version bigint;
  tasks int[]; indexes int[]; tries int[]; mosts int[];
begin
  select state, version_id into old_state, old_version from dag_run where id = p_run and state in ('success', 'failed') for update;
  if not found or exists (select from attempt where run_id = p_run and outcome is null) then
    return false;
  end if;
  insert into event (at, who, kind, run_id, task_no, map_index, try_number, old_state, new_state, why)
  select p_now, 'scheduler', 'task', p_run, task_no, map_index, try_number, state, 'none', p_why
    from task_instance where run_id = p_run and state <> 'none';
  select array_agg(n.task_no), array_agg(i.map_index), array_agg(i.try_number), array_agg(i.try_number + n.retries)
    into tasks, indexes, tries, mosts
    from task_instance i
    join dag_version_task o on o.version_id = old_version and o.task_no = i.task_no
    join dag_version_task n on n.version_id = p_version and n.task_id = o.task_id
   where i.run_id = p_run;
  delete from task_instance where run_id = p_run;
  insert into task_instance (run_id, task_no, map_index, state, try_number, max_tries)
  select p_run, u.task_no, u.map_index, 'none', u.try_number, u.max_tries
    from unnest(tasks, indexes, tries, mosts) as u (task_no, map_index, try_number, max_tries);
  delete from xcom where run_id = p_run;
  update dag_run set state = 'queued', type = 'backfill', conf = coalesce(p_conf, conf), version_id = p_version, backfill_id = p_backfill, backfill_ordinal = p_ordinal,
         triggered_by = 'backfill', queued_at = p_now, start_date = null, end_date = null, last_scheduling_decision = p_now
   where id = p_run;
  insert into event (at, who, kind, run_id, old_state, new_state, why, version_id)
  values (p_now, 'scheduler', 'run', p_run, old_state, 'queued', p_why, p_version);
  return true;
end $$;
