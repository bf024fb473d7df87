-- Instances are not known from here on, and a task that is expanded has no state of its own: in a run that goes on it would be
-- taken for what some row of it says. It is untouched again; what an ended run was made of stays as its history. Open attempts
-- stay too: their processes are still to be stopped, and whoever leads next finds them without a task and stops them.
delete from xcom x using dag_run r where r.id = x.run_id and r.state in ('queued', 'running') and x.map_index >= 0;
delete from task_instance i using dag_run r
 where r.id = i.run_id and r.state in ('queued', 'running')
   and (i.map_index >= 0 or exists (select from task_map m where m.run_id = i.run_id and m.task_no = i.task_no));

drop function commit_turn(text, bigint, bigint, bigint, bigint, text, text, bigint[], text[], text[], text[], bigint[], bigint[], text[], int[], int[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], bigint[], int[], int[], text[], text[], bigint[], int[], int[], text[], text[], int[], int[], bigint[], bigint[], bigint[], bigint[], text[], bigint[], bigint[], int[], int[], int[], bigint[]);
-- A turn in one round trip: fence, then every change of runs, attempts and tasks, with its history. Outside a transaction block
-- it is a transaction of its own. PL001: another leads. PL002: a row was not in the state that the leader believes.
create function commit_turn(
  p_holder text, p_epoch bigint, p_ttl_us bigint, p_now_us bigint, p_last_attempt bigint, p_instance text, p_boot_id text,
  r_id bigint[], r_from text[], r_to text[], r_why text[],
  c_attempt bigint[], c_run bigint[], c_outcome text[], c_exit int[], c_signal int[], c_start bigint[], c_end bigint[],
  c_duration bigint[], c_user bigint[], c_system bigint[], c_rss bigint[], c_pid bigint[], c_message text[],
  x_run bigint[], x_task int[], x_key text[], x_value text[],
  t_run bigint[], t_task int[], t_from text[], t_to text[], t_try int[], t_max int[], t_attempt bigint[],
  t_start bigint[], t_end bigint[], t_retry bigint[], t_why text[],
  o_attempt bigint[], o_run bigint[], o_task int[], o_try int[], o_version bigint[]) returns void language plpgsql as $$
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
             start_date = case when item.new_state = 'running' then p_now else d.start_date end,
             end_date = case when item.new_state in ('success', 'failed') then p_now end
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
    insert into xcom (run_id, task_no, key, value)
    select x.run, x.task, x.key, x.value::json from unnest(x_run, x_task, x_key, x_value) as x (run, task, key, value)
    on conflict (run_id, task_no, map_index, key) do update set value = excluded.value;
  end if;

  if cardinality(t_run) > 0 then
    inserted := 0;
    if 'none' = any (t_from) then
      insert into task_instance (run_id, task_no, state, try_number, max_tries, attempt_id, start_date, end_date, retry_at)
      select t.run, t.task, t.new_state, t.try, t.max, t.attempt, at_micros(t.start_us), at_micros(t.end_us), at_micros(t.retry_us)
        from unnest(t_run, t_task, t_from, t_to, t_try, t_max, t_attempt, t_start, t_end, t_retry)
          as t (run, task, old_state, new_state, try, max, attempt, start_us, end_us, retry_us)
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
      for item in select * from unnest(t_run, t_task, t_from, t_to, t_try, t_max, t_attempt, t_start, t_end, t_retry)
            as u (run, task, old_state, new_state, try, max, attempt, start_us, end_us, retry_us) where u.old_state <> 'none' loop
        update task_instance i set state = item.new_state, try_number = item.try, max_tries = item.max, attempt_id = item.attempt,
               start_date = coalesce(at_micros(item.start_us), i.start_date), end_date = at_micros(item.end_us), retry_at = at_micros(item.retry_us)
         where i.run_id = item.run and i.task_no = item.task and i.map_index = -1 and i.state = item.old_state
           -- A running task is changed by its own attempt, or by one opened after that one was closed above.
           and (item.old_state <> 'running' or i.attempt_id = item.attempt or (item.new_state = 'running' and item.attempt > i.attempt_id));
        if found then changed := changed + 1; end if;
      end loop;
    end if;
    if inserted + changed <> cardinality(t_run) then
      raise exception '% of % tasks were not in the expected state', cardinality(t_run) - inserted - changed, cardinality(t_run) using errcode = 'PL002';
    end if;
    -- 'scheduled' says nothing that 'running' does not say soon after.
    insert into event (at, who, kind, run_id, task_no, try_number, old_state, new_state, why)
    select p_now, 'scheduler', 'task', t.run, t.task, t.try, t.old_state, t.new_state, t.why
      from unnest(t_run, t_task, t_from, t_to, t_try, t_why) as t (run, task, old_state, new_state, try, why)
     where t.new_state <> 'scheduled';
  end if;

  if cardinality(o_attempt) > 0 then
    insert into attempt (id, run_id, task_no, try_number, instance, boot_id, epoch, opened_at, version_id)
    select o.id, o.run, o.task, o.try, p_instance, p_boot_id, p_epoch, p_now, o.version
      from unnest(o_attempt, o_run, o_task, o_try, o_version) as o (id, run, task, try, version);
  end if;
end $$;

-- A DAG with its runs. Open attempts stay: their processes are still to be stopped, and a leader that comes after a crash must
-- find them.
create or replace function delete_dag(p_dag_id text) returns void language plpgsql as $$
declare
  runs bigint[];
begin
  select coalesce(array_agg(id), '{}') into runs from dag_run where dag_id = p_dag_id;
  delete from backfill_run where backfill_id in (select id from backfill where dag_id = p_dag_id);
  delete from backfill where dag_id = p_dag_id;
  delete from xcom where run_id = any (runs);
  delete from task_instance where run_id = any (runs);
  delete from attempt where run_id = any (runs) and outcome is not null;
  delete from dag_run where dag_id = p_dag_id;
  delete from dag where dag_id = p_dag_id;
  delete from dag_version_task where version_id in (select id from dag_version where dag_id = p_dag_id);
  delete from dag_version where dag_id = p_dag_id;
end $$;

drop table task_map;
