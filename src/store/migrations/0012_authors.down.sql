-- Authors that were stored stay in the history: they are words like any other.
drop function commit_turn(text, bigint, bigint, bigint, bigint, text, text, bigint[], text[], text[], text[], text[], bigint[], bigint[], text[], int[], int[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], bigint[], int[], int[], text[], text[], bigint[], int[], int[], text[], text[], int[], int[], bigint[], bigint[], bigint[], bigint[], text[], text[], bigint[], bigint[], int[], int[], int[], bigint[]);
-- A turn in one round trip: fence, then every change of runs, attempts and tasks, with its history. Outside a transaction block
-- it is a transaction of its own. PL001: another leads. PL002: a row was not in the state that the leader believes.
create function commit_turn(
  p_holder text, p_epoch bigint, p_ttl_us bigint, p_now_us bigint, p_last_attempt bigint, p_instance text, p_boot_id text,
  r_id bigint[], r_from text[], r_to text[], r_why text[],
  c_attempt bigint[], c_run bigint[], c_outcome text[], c_exit int[], c_signal int[], c_start bigint[], c_end bigint[],
  c_duration bigint[], c_user bigint[], c_system bigint[], c_rss bigint[], c_pid bigint[], c_message text[],
  x_run bigint[], x_task int[], x_map int[], x_key text[], x_value text[],
  t_run bigint[], t_task int[], t_map int[], t_from text[], t_to text[], t_try int[], t_max int[], t_attempt bigint[],
  t_start bigint[], t_end bigint[], t_retry bigint[], t_why text[],
  o_attempt bigint[], o_run bigint[], o_task int[], o_map int[], o_try int[], o_version bigint[]) returns void language plpgsql as $$
declare
  p_now constant timestamptz := at_micros(p_now_us);
  changed bigint;
  inserted bigint;
  item record;
begin
  update lease set renewed_at = clock_timestamp(), expires_at = clock_timestamp() + p_ttl_us * interval '1 microsecond',
                   last_attempt_id = greatest(last_attempt_id, p_last_attempt)
   where shard = 0 and epoch = p_epoch and holder = p_holder;
  if not found then
    raise exception 'epoch % no longer leads', p_epoch using errcode = 'PL001';
  end if;

  -- Row by row, here and below: a set-based update is planned once, on a table that may still be empty, and then walks the whole
  -- table for every turn. Each of these is one look into the primary key, whatever the planner believes.
  if cardinality(r_id) > 0 then
    changed := 0;
    for item in select * from unnest(r_id, r_from, r_to) as u (id, old_state, new_state) loop
      update dag_run d set state = item.new_state, last_scheduling_decision = p_now,
             start_date = case item.new_state when 'running' then p_now when 'queued' then null else d.start_date end,
             -- An ended run that is only called something else ended when it ended.
             end_date = case when item.new_state not in ('success', 'failed') then null
                             when item.old_state in ('success', 'failed') then d.end_date else p_now end,
             -- When it was first queued, and with what, belongs to its history.
             first_queued_at = case when item.new_state = 'queued' then coalesce(d.first_queued_at, d.queued_at) else d.first_queued_at end,
             first_version_id = case when item.new_state = 'queued' then coalesce(d.first_version_id, d.version_id) else d.first_version_id end,
             queued_at = case when item.new_state = 'queued' then p_now else d.queued_at end
       where d.id = item.id and d.state || '' = item.old_state;  -- the `||` keeps the partial indexes out
      if found then changed := changed + 1; end if;
    end loop;
    if changed <> cardinality(r_id) then
      raise exception '% of % runs were not in the expected state', cardinality(r_id) - changed, cardinality(r_id) using errcode = 'PL002';
    end if;
    insert into event (at, who, kind, run_id, old_state, new_state, why)
    select p_now, 'scheduler', 'run', r.id, r.old_state, r.new_state, r.why from unnest(r_id, r_from, r_to, r_why) as r (id, old_state, new_state, why);
  end if;

  if cardinality(c_attempt) > 0 then
    -- One whose run is gone (0) may be closed already, or deleted; any other must be open.
    for item in select * from unnest(c_attempt, c_run, c_outcome, c_exit, c_signal, c_start, c_end, c_duration, c_user, c_system, c_rss, c_pid, c_message)
          as u (id, run, outcome, exit_code, signal, start_us, end_us, duration, cpu_user, cpu_system, rss, pid, message) loop
      update attempt a set outcome = item.outcome, exit_code = item.exit_code, signal = item.signal, start_date = at_micros(item.start_us),
             end_date = at_micros(item.end_us), duration_us = item.duration, cpu_user_us = item.cpu_user, cpu_system_us = item.cpu_system,
             max_rss_kib = item.rss, pid = item.pid, message = item.message
       where a.id = item.id and coalesce(a.outcome, '') = '';  -- not `is null`: that would invite attempt_open with all its dead entries
      if not found and item.run <> 0 then
        raise exception 'attempt % was not open', item.id using errcode = 'PL002';
      end if;
    end loop;
  end if;

  if cardinality(x_run) > 0 then
    insert into xcom (run_id, task_no, map_index, key, value)
    select x.run, x.task, x.map, x.key, x.value::json from unnest(x_run, x_task, x_map, x_key, x_value) as x (run, task, map, key, value)
    on conflict (run_id, task_no, map_index, key) do update set value = excluded.value;
  end if;

  if cardinality(t_run) > 0 then
    inserted := 0;
    if 'none' = any (t_from) then
      insert into task_instance (run_id, task_no, map_index, state, try_number, max_tries, attempt_id, start_date, end_date, retry_at)
      select t.run, t.task, t.map, t.new_state, t.try, t.max, t.attempt, at_micros(t.start_us), at_micros(t.end_us), at_micros(t.retry_us)
        from unnest(t_run, t_task, t_map, t_from, t_to, t_try, t_max, t_attempt, t_start, t_end, t_retry)
          as t (run, task, map, old_state, new_state, try, max, attempt, start_us, end_us, retry_us)
       where t.old_state = 'none'
      -- A task that was cleared has a row.
      on conflict (run_id, task_no, map_index) do update set state = excluded.state, try_number = excluded.try_number,
        max_tries = excluded.max_tries, attempt_id = excluded.attempt_id, start_date = excluded.start_date,
        end_date = excluded.end_date, retry_at = excluded.retry_at
       where task_instance.state = 'none';
      get diagnostics inserted = row_count;
    end if;
    changed := 0;
    if inserted < cardinality(t_run) then
      for item in select * from unnest(t_run, t_task, t_map, t_from, t_to, t_try, t_max, t_attempt, t_start, t_end, t_retry)
            as u (run, task, map, old_state, new_state, try, max, attempt, start_us, end_us, retry_us) where u.old_state <> 'none' loop
        update task_instance i set state = item.new_state, try_number = item.try, max_tries = item.max, attempt_id = item.attempt,
               start_date = coalesce(at_micros(item.start_us), i.start_date), end_date = at_micros(item.end_us), retry_at = at_micros(item.retry_us)
         where i.run_id = item.run and i.task_no = item.task and i.map_index = item.map and i.state = item.old_state
           -- A running task is changed by its own attempt, or by one opened after that one was closed above.
           and (item.old_state <> 'running' or i.attempt_id = item.attempt or (item.new_state = 'running' and item.attempt > i.attempt_id));
        if found then changed := changed + 1; end if;
      end loop;
    end if;
    if inserted + changed <> cardinality(t_run) then
      raise exception '% of % tasks were not in the expected state', cardinality(t_run) - inserted - changed, cardinality(t_run) using errcode = 'PL002';
    end if;
    -- 'scheduled' says nothing that 'running' does not say soon after.
    insert into event (at, who, kind, run_id, task_no, map_index, try_number, old_state, new_state, why)
    select p_now, 'scheduler', 'task', t.run, t.task, t.map, t.try, t.old_state, t.new_state, t.why
      from unnest(t_run, t_task, t_map, t_from, t_to, t_try, t_why) as t (run, task, map, old_state, new_state, try, why)
     where t.new_state <> 'scheduled';
  end if;

  if cardinality(o_attempt) > 0 then
    insert into attempt (id, run_id, task_no, map_index, try_number, instance, boot_id, epoch, opened_at, version_id)
    select o.id, o.run, o.task, o.map, o.try, p_instance, p_boot_id, p_epoch, p_now, o.version
      from unnest(o_attempt, o_run, o_task, o_map, o_try, o_version) as o (id, run, task, map, try, version);
  end if;
end $$;

drop function steer_tasks(bigint, bigint[], int[], int[], text[], text[], int[], int[], bigint[], bigint[], bigint[], bigint[], text[], text[]);
-- What people decided about tasks, in order and each with its own event: a task may be marked, cleared and started in one turn.
-- Outputs of what is cleared go: what runs again must not be read before it has. PL002 as in commit_turn.
create function steer_tasks(
  p_now_us bigint, t_run bigint[], t_task int[], t_map int[], t_from text[], t_to text[], t_try int[], t_max int[], t_attempt bigint[],
  t_start bigint[], t_end bigint[], t_retry bigint[], t_why text[]) returns void language plpgsql as $$
declare
  p_now constant timestamptz := at_micros(p_now_us);
  item record;
  ends boolean;
begin
  for item in select * from unnest(t_run, t_task, t_map, t_from, t_to, t_try, t_max, t_attempt, t_start, t_end, t_retry, t_why)
        as u (run, task, map, old_state, new_state, try, max, attempt, start_us, end_us, retry_us, why) loop
    ends := item.new_state in ('success', 'failed', 'skipped', 'upstream_failed', 'removed');
    update task_instance i set state = item.new_state, try_number = item.try, max_tries = item.max,
           attempt_id = coalesce(item.attempt, i.attempt_id),
           start_date = case when item.new_state = 'none' then null
                             when ends then coalesce(i.start_date, at_micros(item.start_us), p_now)
                             else coalesce(at_micros(item.start_us), i.start_date) end,
           end_date = case when ends then coalesce(at_micros(item.end_us), i.end_date, p_now) end,
           retry_at = at_micros(item.retry_us)
     where i.run_id = item.run and i.task_no = item.task and i.map_index = item.map and i.state = item.old_state;
    if not found then
      if item.old_state <> 'none' or exists (select from task_instance i where i.run_id = item.run and i.task_no = item.task and i.map_index = item.map) then
        raise exception 'task % of run % was not %', item.task, item.run, item.old_state using errcode = 'PL002';
      end if;
      insert into task_instance (run_id, task_no, map_index, state, try_number, max_tries, attempt_id, start_date, end_date, retry_at)
      values (item.run, item.task, item.map, item.new_state, item.try, item.max, item.attempt,
              case when ends then coalesce(at_micros(item.start_us), p_now) else at_micros(item.start_us) end,
              case when ends then coalesce(at_micros(item.end_us), p_now) end, at_micros(item.retry_us));
    end if;
    if item.new_state = 'none' then
      delete from xcom where run_id = item.run and task_no = item.task and map_index = item.map;
    end if;
    insert into event (at, who, kind, run_id, task_no, map_index, try_number, old_state, new_state, why)
    values (p_now, 'scheduler', 'task', item.run, item.task, item.map, item.try, item.old_state, item.new_state, item.why);
  end loop;
end $$;

drop function rebase_run(bigint, bigint, bigint, text, text);
-- An ended run goes on with another version of its DAG: its tasks keep their states and tries, those that the version no longer
-- has go. In the history all are cleared, the run takes the version, and what was kept takes its state again.
create function rebase_run(p_run bigint, p_version bigint, p_now_us bigint, p_why text) returns void language plpgsql as $$
declare
  p_now constant timestamptz := at_micros(p_now_us);
  old_state text;
  old_version bigint;
begin
  select state, version_id into old_state, old_version from dag_run where id = p_run and state in ('success', 'failed') for update;
  if not found then
    raise exception 'run % has not ended', p_run using errcode = 'PL002';
  end if;
  insert into event (at, who, kind, run_id, task_no, map_index, try_number, old_state, new_state, why, version_id)
  select p_now, 'scheduler', 'task', p_run, task_no, map_index, try_number, state, 'none', p_why, old_version
    from task_instance where run_id = p_run;
  insert into event (at, who, kind, run_id, old_state, new_state, why, version_id)
  values (p_now, 'scheduler', 'run', p_run, old_state, old_state, p_why, p_version);
  -- The new numbers, negative until all have moved: two tasks may change places.
  update task_instance i set task_no = -1 - n.task_no
    from dag_version_task o join dag_version_task n on n.version_id = p_version and n.task_id = o.task_id
   where i.run_id = p_run and o.version_id = old_version and o.task_no = i.task_no;
  delete from task_instance where run_id = p_run and task_no >= 0;
  update task_instance set task_no = -1 - task_no where run_id = p_run;
  update xcom x set task_no = -1 - n.task_no
    from dag_version_task o join dag_version_task n on n.version_id = p_version and n.task_id = o.task_id
   where x.run_id = p_run and o.version_id = old_version and o.task_no = x.task_no;
  delete from xcom where run_id = p_run and task_no >= 0;
  update xcom set task_no = -1 - task_no where run_id = p_run;
  update task_map m set task_no = -1 - n.task_no
    from dag_version_task o join dag_version_task n on n.version_id = p_version and n.task_id = o.task_id
   where m.run_id = p_run and o.version_id = old_version and o.task_no = m.task_no;
  delete from task_map where run_id = p_run and task_no >= 0;
  update task_map set task_no = -1 - task_no where run_id = p_run;
  update dag_run set version_id = p_version, first_queued_at = coalesce(first_queued_at, queued_at),
         first_version_id = coalesce(first_version_id, old_version) where id = p_run;
  insert into event (at, who, kind, run_id, task_no, map_index, try_number, old_state, new_state, why)
  select p_now, 'scheduler', 'task', p_run, task_no, map_index, try_number, 'none', state, p_why
    from task_instance where run_id = p_run and state <> 'none';
end $$;

drop function reset_run(bigint, bigint, bigint, integer, timestamptz, text, json, text);
-- Sets a finished run back: queued, every task cleared, pinned to `p_version`. False when it is not finished, or when a process
-- of it is still to be stopped. Tries count on; tasks that the version no longer has go, their attempts stay.
create function reset_run(p_run bigint, p_version bigint, p_backfill bigint, p_ordinal integer, p_now timestamptz, p_why text, p_conf json)
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

-- Sets a finished run back for a task that asks for it: see reset_run(). It stays of the type that it was.
create or replace function rerun_for_task(p_run bigint, p_version bigint, p_now timestamptz, p_why text, p_conf json,
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

drop function author(text);
