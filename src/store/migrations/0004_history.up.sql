-- The state of a run at any instant is read from its events; what they do not say is kept here.

-- Of a run that was set back: when it was first queued, and with which version. Null otherwise: queued_at and version_id are those.
alter table dag_run add first_queued_at timestamptz, add first_version_id bigint;
-- Where a run was set back before this was recorded, its earliest try tells the version; nothing tells the date.
update dag_run r set first_version_id = a.version_id
  from (select distinct on (run_id) run_id, version_id from attempt order by run_id, id) a
 where a.run_id = r.id and r.id in (select run_id from event where kind = 'run' and version_id is not null);

-- The history of one run. See docs/decisions/070 for what it costs.
create index event_run on event (run_id) where run_id is not null;

-- Of an event 'task' to 'none' of a run that was set back: the version of which task_no is a place.
comment on column event.version_id is 'the version that task_no means: of an event run, from here on; of an event task, in this one';

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
  -- Also of those that were cleared before and not touched since: their tries, and in which version their numbers were counted,
  -- must be read even where all earlier events are gone.
  insert into event (at, who, kind, run_id, task_no, map_index, try_number, old_state, new_state, why, version_id)
  select p_now, 'scheduler', 'task', p_run, task_no, map_index, try_number, state, 'none', p_why, old_version
    from task_instance where run_id = p_run;
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
         triggered_by = 'backfill', queued_at = p_now, start_date = null, end_date = null, last_scheduling_decision = p_now,
         first_queued_at = coalesce(first_queued_at, queued_at), first_version_id = coalesce(first_version_id, old_version)
   where id = p_run;
  insert into event (at, who, kind, run_id, old_state, new_state, why, version_id)
  values (p_now, 'scheduler', 'run', p_run, old_state, 'queued', p_why, p_version);
  return true;
end $$;
