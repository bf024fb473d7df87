-- The first schema. Names have no schema in front: everything lives in the one that search_path names.
-- Rows of hot tables carry no foreign keys: checking them costs more than the writes; one writer and delete_dag() keep them true.

-- Microseconds since 1970, which is what the program counts in.
create function micros(t timestamptz) returns bigint language sql immutable parallel safe
  as $$ select (extract(epoch from t) * 1000000)::bigint $$;
create function at_micros(us bigint) returns timestamptz language sql immutable parallel safe
  as $$ select to_timestamp(us / 1000000::float8) $$;

-- Which database this is; attempts folders remember it.
create table installation (
  id         uuid        not null primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  only_one   boolean     not null default true unique check (only_one)
);
insert into installation default values;

-- The right to write. One row per shard, and there is one shard. Judged by this server's clock alone.
create table lease (
  shard           integer     primary key,
  holder          text        not null,
  epoch           bigint      not null,        -- raised by every taking: what an old leader still sends matches no row
  renewed_at      timestamptz,
  expires_at      timestamptz not null,
  last_attempt_id bigint      not null default 0  -- greatest attempt id ever given out, whatever was deleted since
) with (fillfactor = 10);  -- rewritten in every transaction: room for HOT chains
insert into lease (shard, holder, epoch, expires_at) values (0, '', 0, '-infinity');

create table dag_version (
  id           bigint      generated always as identity primary key,
  dag_id       text        not null,
  number       integer     not null,           -- 1, 2 … per DAG
  content_hash text        not null,
  source       json        not null,           -- DagSource: what the version is made from again; json, not jsonb: kept as written
  params       json        not null,           -- name -> {value, schema}
  task_count   integer     not null,
  created_at   timestamptz not null default now(),
  unique (dag_id, content_hash),               -- publishing one content twice is harmless
  unique (dag_id, number)
);

-- What listings show of a version's tasks, touched or not.
create table dag_version_task (
  version_id      bigint  not null,            -- written in one transaction with its version
  task_no         integer not null,            -- position in the file
  task_id         text    not null,
  operator        text    not null,
  pool            text    not null,
  pool_slots      integer not null,
  priority_weight integer not null,
  retries         integer not null,
  primary key (version_id, task_no)
);
-- Templates and clients name tasks by id.
create unique index dag_version_task_by_id on dag_version_task (version_id, task_id);

create table dag (
  id                              bigint  generated always as identity primary key,
  dag_id                          text    not null unique,
  version_id                      bigint  not null references dag_version,
  paused                          boolean not null,
  stale                           boolean not null default false,  -- its file is gone
  description                     text    not null,
  doc_md                          text    not null,
  owner                           text    not null,
  tags                            text[]  not null,
  schedule                        json    not null,
  max_active_runs                 integer not null,
  max_active_tasks                integer not null,
  max_consecutive_failed_dag_runs integer not null,
  dagrun_timeout_us               bigint  not null,
  fail_fast                       boolean not null,
  is_paused_upon_creation         boolean not null,
  root                            text    not null,
  relative_file                   text    not null,
  file                            text    not null,
  last_parsed                     timestamptz not null default now(),
  last_interval_start             timestamptz,
  last_interval_end               timestamptz,
  check ((last_interval_start is null) = (last_interval_end is null))
);

create table dag_file (
  root          text   not null,
  relative_file text   not null,
  fingerprint   text   not null,
  dag_ids       text[] not null,
  primary key (root, relative_file)
);

create table import_error (
  id            bigint      generated always as identity primary key,
  root          text        not null,
  relative_file text        not null,
  text          text        not null,
  at            timestamptz not null default now(),
  unique (root, relative_file)
);

create table dag_run (
  id                       bigint      generated always as identity primary key,
  dag_id                   text        not null references dag (dag_id),
  run_id                   text        not null,
  type                     text        not null check (type in ('scheduled', 'manual', 'backfill', 'asset_triggered')),  -- the words of RunType
  state                    text        not null check (state in ('queued', 'running', 'success', 'failed')),             -- the words of RunState
  logical_date             timestamptz,
  interval_start           timestamptz,
  interval_end             timestamptz,
  run_after                timestamptz not null,
  queued_at                timestamptz not null,
  start_date               timestamptz,
  end_date                 timestamptz,
  last_scheduling_decision timestamptz,
  conf                     json,
  version_id               bigint      not null references dag_version,  -- the run is pinned to it
  triggered_by             text        not null default '',
  triggering_user          text        not null default '',
  note                     text        not null default '',
  constraint dag_run_run_id unique (dag_id, run_id),
  constraint dag_run_logical_date unique (dag_id, logical_date),   -- one run per date; runs without a date do not clash
  constraint dag_run_end check ((end_date is not null) = (state in ('success', 'failed'))),
  constraint dag_run_start check (state <> 'running' or start_date is not null),
  constraint dag_run_interval check ((interval_start is null) = (interval_end is null))
) with (fillfactor = 70);
-- What a leader has not begun. Partial: as small as the backlog, however long the history.
create index dag_run_queued on dag_run (id) where state = 'queued';
-- What a starting leader loads.
create index dag_run_running on dag_run (id) where state = 'running';
-- Deleting a DAG's versions, and the foreign key.
create index dag_run_version on dag_run (version_id);

-- One row per task of a run that has been touched; updated in place. No index names a column that changes, and no partial
-- one mentions the state: either would end HOT updates. What a starting leader loads is found by run.
create table task_instance (
  run_id     bigint  not null,
  task_no    integer not null,                -- position in the pinned dag_version
  map_index  integer not null default -1,     -- -1: not mapped
  state      text    not null,
  try_number integer not null default 0,
  max_tries  integer not null default 0,
  attempt_id bigint,                          -- of the last try
  start_date timestamptz,
  end_date   timestamptz,
  retry_at   timestamptz,
  primary key (run_id, task_no, map_index),
  -- The words of TaskState but for 'none', which has no row.
  constraint task_instance_state check (state in ('scheduled', 'queued', 'running', 'up_for_retry', 'success', 'failed', 'skipped', 'upstream_failed', 'removed')),
  -- Finished and dated are one thing.
  constraint task_instance_end check ((end_date is not null) = (state in ('success', 'failed', 'skipped', 'upstream_failed', 'removed'))),
  constraint task_instance_retry check ((retry_at is not null) = (state = 'up_for_retry')),
  -- Nothing runs that has no attempt.
  constraint task_instance_attempt check (state not in ('running', 'up_for_retry') or (attempt_id is not null and try_number > 0))
) with (fillfactor = 70);

-- One row per try: written before its process is started, closed once.
create table attempt (
  id            bigint      primary key,      -- given out by the leader, never twice (lease.last_attempt_id)
  run_id        bigint      not null,
  task_no       integer     not null,
  map_index     integer     not null default -1,
  try_number    integer     not null check (try_number > 0),
  instance      text        not null,         -- executor instance that it was given to
  boot_id       text        not null,
  epoch         bigint      not null,
  opened_at     timestamptz not null,
  pid           bigint,
  start_date    timestamptz,
  end_date      timestamptz,
  outcome       text,                         -- null: open
  exit_code     integer,
  signal        integer,
  duration_us   bigint,
  cpu_user_us   bigint,
  cpu_system_us bigint,
  max_rss_kib   bigint,
  message       text,
  -- The words of TryOutcome.
  constraint attempt_outcome check (outcome in ('success', 'failed', 'timed_out', 'stopped', 'launch_failed', 'bad_output', 'lost')),
  constraint attempt_end check ((end_date is not null) = (outcome is not null))
) with (fillfactor = 70);
-- Never two attempts of one task at once. Partial: as small as what runs. Also what a starting leader loads.
create unique index attempt_open on attempt (run_id, task_no, map_index) where outcome is null;
-- The tries of a task, in order.
create index attempt_tries on attempt (run_id, task_no, map_index, try_number);

create table xcom (
  run_id    bigint  not null,
  task_no   integer not null,
  map_index integer not null default -1,
  key       text    not null,
  value     json    not null,
  primary key (run_id, task_no, map_index, key)
);

-- The history: who, when, what, why. Append-only, one partition per month so that old ones are dropped, not deleted. No index
-- until something reads by one: every task pays for it.
create sequence event_id;
create table event (
  id         bigint      not null default nextval('event_id'),
  at         timestamptz not null,
  who        text        not null,
  kind       text        not null check (kind in ('task', 'run', 'dag', 'command', 'pool')),
  dag_id     text,
  run_id     bigint,
  task_no    integer,
  map_index  integer,
  try_number integer,
  old_state  text,
  new_state  text,
  why        text
) partition by range (at);
-- Catches what no month was made for, so that an insert never fails.
create table event_default partition of event default;

-- Makes the partitions of this month and the next. Where rows went to the default one meanwhile, they stay there.
create function ensure_event_partitions() returns void language plpgsql as $$
declare
  month timestamptz;
  name text;
begin
  for i in 0..1 loop
    month := date_trunc('month', now() at time zone 'UTC') at time zone 'UTC' + make_interval(months => i);
    name := 'event_' || to_char(month at time zone 'UTC', 'YYYY_MM');
    if to_regclass(name) is null then
      begin
        execute format('create table %I partition of event for values from (%L) to (%L)', name, month, (month at time zone 'UTC' + interval '1 month') at time zone 'UTC');
      exception when check_violation or duplicate_table then null;
      end;
    end if;
  end loop;
end $$;
select ensure_event_partitions();

-- What people ask of the leader; applied in the order of ids, once.
create table command (
  id         bigint      generated always as identity primary key,
  who        text        not null,
  what       text        not null check (what in ('pause_dag', 'delete_dag', 'cancel_run', 'why_task', 'set_pool')),
  payload    json        not null,
  created_at timestamptz not null default now(),
  done_at    timestamptz,
  error_code integer,
  error      text,
  result     json,
  constraint command_done check ((done_at is not null) = (error is not null))
);
-- Partial: as small as what waits.
create index command_waiting on command (id) where done_at is null;

create table pool (
  name  text    primary key,
  slots integer not null check (slots >= -1)  -- -1: no limit
);
insert into pool values ('default_pool', 128);

create table app_user (
  id            bigint generated always as identity primary key,
  name          text   not null unique,
  password_hash text   not null,
  role          text   not null
);

create table token (
  sha256     text        primary key,         -- tokens themselves are not kept
  user_id    bigint      not null references app_user on delete cascade,
  expires_at timestamptz not null
);

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
  o_attempt bigint[], o_run bigint[], o_task int[], o_try int[]) returns void language plpgsql as $$
declare
  p_now constant timestamptz := at_micros(p_now_us);
  changed bigint;
  inserted bigint;
begin
  update lease set renewed_at = clock_timestamp(), expires_at = clock_timestamp() + p_ttl_us * interval '1 microsecond',
                   last_attempt_id = greatest(last_attempt_id, p_last_attempt)
   where shard = 0 and epoch = p_epoch and holder = p_holder;
  if not found then
    raise exception 'epoch % no longer leads', p_epoch using errcode = 'PL001';
  end if;

  if cardinality(r_id) > 0 then
    update dag_run d set state = r.new_state, last_scheduling_decision = p_now,
           start_date = case when r.new_state = 'running' then p_now else d.start_date end,
           end_date = case when r.new_state in ('success', 'failed') then p_now end
      from unnest(r_id, r_from, r_to) as r (id, old_state, new_state)
     where d.id = r.id and d.state = r.old_state;
    get diagnostics changed = row_count;
    if changed <> cardinality(r_id) then
      raise exception '% of % runs were not in the expected state', cardinality(r_id) - changed, cardinality(r_id) using errcode = 'PL002';
    end if;
    insert into event (at, who, kind, run_id, old_state, new_state, why)
    select p_now, 'scheduler', 'run', r.id, r.old_state, r.new_state, r.why from unnest(r_id, r_from, r_to, r_why) as r (id, old_state, new_state, why);
  end if;

  if cardinality(c_attempt) > 0 then
    -- One whose run is gone (0) may be closed already, or deleted; any other must be open.
    with done as (
      update attempt a set outcome = c.outcome, exit_code = c.exit_code, signal = c.signal, start_date = at_micros(c.start_us),
             end_date = at_micros(c.end_us), duration_us = c.duration, cpu_user_us = c.cpu_user, cpu_system_us = c.cpu_system,
             max_rss_kib = c.rss, pid = c.pid, message = c.message
        from unnest(c_attempt, c_run, c_outcome, c_exit, c_signal, c_start, c_end, c_duration, c_user, c_system, c_rss, c_pid, c_message)
          as c (id, run, outcome, exit_code, signal, start_us, end_us, duration, cpu_user, cpu_system, rss, pid, message)
       where a.id = c.id and a.outcome is null
      returning c.run)
    select count(*) filter (where run <> 0) into changed from done;
    if changed <> cardinality(array_remove(c_run, 0)) then
      raise exception '% of % attempts were not open', cardinality(array_remove(c_run, 0)) - changed, cardinality(c_run) using errcode = 'PL002';
    end if;
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
      on conflict (run_id, task_no, map_index) do nothing;
      get diagnostics inserted = row_count;
    end if;
    changed := 0;
    if inserted < cardinality(t_run) then
      update task_instance i set state = t.new_state, try_number = t.try, max_tries = t.max, attempt_id = t.attempt,
             start_date = coalesce(at_micros(t.start_us), i.start_date), end_date = at_micros(t.end_us), retry_at = at_micros(t.retry_us)
        -- The map index comes with the row: as a constant it would be a condition of its own on the primary key, and a
        -- planner that saw the table small reads the whole index with it, in every turn.
        from unnest(t_run, t_task, array_fill(-1, array[cardinality(t_run)]), t_from, t_to, t_try, t_max, t_attempt, t_start, t_end, t_retry)
          as t (run, task, map, old_state, new_state, try, max, attempt, start_us, end_us, retry_us)
       where i.run_id = t.run and i.task_no = t.task and i.map_index = t.map
         and t.old_state <> 'none' and i.state = t.old_state
         -- A running task is changed by its own attempt, or by one opened after that one was closed above.
         and (t.old_state <> 'running' or i.attempt_id = t.attempt or (t.new_state = 'running' and t.attempt > i.attempt_id));
      get diagnostics changed = row_count;
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
    insert into attempt (id, run_id, task_no, try_number, instance, boot_id, epoch, opened_at)
    select o.id, o.run, o.task, o.try, p_instance, p_boot_id, p_epoch, p_now
      from unnest(o_attempt, o_run, o_task, o_try) as o (id, run, task, try);
  end if;
end $$;

-- A DAG with its runs. Open attempts stay: their processes are still to be stopped, and a leader that comes after a crash must
-- find them.
create function delete_dag(p_dag_id text) returns void language plpgsql as $$
declare
  runs bigint[];
begin
  select coalesce(array_agg(id), '{}') into runs from dag_run where dag_id = p_dag_id;
  delete from xcom where run_id = any (runs);
  delete from task_instance where run_id = any (runs);
  delete from attempt where run_id = any (runs) and outcome is not null;
  delete from dag_run where dag_id = p_dag_id;
  delete from dag where dag_id = p_dag_id;
  delete from dag_version_task where version_id in (select id from dag_version where dag_id = p_dag_id);
  delete from dag_version where dag_id = p_dag_id;
end $$;
