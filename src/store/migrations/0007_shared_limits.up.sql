-- Limits that tasks share by a key. Tasks without one have no rows here.

-- The concurrency key that an attempt holds, as long as it is open: a leader that comes after a crash finds it here also when the
-- attempt's task has moved on, and only its process is still to be stopped.
create table attempt_key (
  attempt_id bigint  primary key,
  limit_key  text    not null,
  most       integer not null check (most > 0)
);

-- Starts that count for a rate: a restart forgets none of them.
create table rate_start (
  rate_key   text        not null,
  started_at timestamptz not null,
  until      timestamptz not null,             -- counts for so long: the longest window that anybody has for the key
  check (until > started_at)
);
-- What no longer counts goes with the next start of its key.
create index rate_start_key on rate_start (rate_key, until);

-- Part of a turn in which such attempts open or close.
create function note_keys(p_now_us bigint, k_attempt bigint[], k_key text[], k_most int[], s_key text[], s_window bigint[], g_attempt bigint[])
returns void language plpgsql as $$
declare
  item bigint;
begin
  foreach item in array g_attempt loop
    delete from attempt_key where attempt_id = item;
  end loop;
  insert into attempt_key (attempt_id, limit_key, most)
  select k.attempt, k.key, k.most from unnest(k_attempt, k_key, k_most) as k (attempt, key, most);
  if cardinality(s_key) > 0 then
    delete from rate_start where rate_key = any (s_key) and until <= at_micros(p_now_us);
    insert into rate_start (rate_key, started_at, until)
    select s.key, at_micros(p_now_us), at_micros(p_now_us + s.window_us) from unnest(s_key, s_window) as s (key, window_us);
  end if;
end $$;

alter table command drop constraint command_what_check;
alter table command add constraint command_what_check
  check (what in ('pause_dag', 'delete_dag', 'cancel_run', 'why_task', 'set_pool', 'delete_pool', 'report_end', 'create_backfill',
                  'pause_backfill', 'cancel_backfill', 'list_queue'));
