-- A long history, as if the DAGs of the database had run for 60 days: `first` to `last` number the runs, of :runs in all, which go
-- round the DAGs in order of time. Nineteen of twenty succeed; in the others one task fails and those after it do not run. Every
-- eighth run is manual, every tenth task is skipped in every fiftieth run, one task in thirty needed a second try.
create temporary table made as
select n, d.dag_id, d.version_id, n % 8 = 0 as manual, n % 20 = 7 as broken, n % 50 = 3 as skips,
       at, at + interval '1 second' as began, at + interval '1 second' * (12 + n % 40) as ended
  from (select n, date_trunc('second', now()) - interval '60 days' + (n - 1) * (interval '60 days' / :runs) as at
          from generate_series(:first, :last) as n) as slots
  join (select row_number() over (order by dag_id) - 1 as place, dag_id, version_id from dag where dag_id like 'load\_%') as d
    on d.place = (slots.n - 1) % :dags;
analyze made;

insert into dag_run (id, dag_id, run_id, type, state, logical_date, interval_start, interval_end, run_after, queued_at, start_date, end_date,
                     last_scheduling_decision, conf, version_id, triggered_by, triggering_user)
overriding system value
select n, dag_id, case when manual then 'manual__' else 'scheduled__' end || to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00'),
       case when manual then 'manual' else 'scheduled' end, case when broken then 'failed' else 'success' end,
       case when not manual then at end, case when not manual then at end, case when not manual then at end,
       at, at, began, ended, ended, case when manual then '{"region": "north"}'::json end, version_id,
       case when manual then 'rest_api' else 'timetable' end, case when manual then 'admin' else '' end
  from made order by n;

-- Attempts are numbered task by task: up to two of each.
create temporary table touched as
select m.n, t.task_no, m.version_id,
       case when not m.broken or t.task_no < m.n % 10 then case when m.skips and t.task_no = 9 then 'skipped' else 'success' end
            when t.task_no = m.n % 10 then 'failed' else 'upstream_failed' end as state,
       case when (m.n * 10 + t.task_no) % 30 = 11 then 2 else 1 end as tries, (m.n * 10 + t.task_no) * 2 as attempt,
       m.began + (t.task_no + 0.0) / 10 * (m.ended - m.began) as began, m.began + (t.task_no + 0.9) / 10 * (m.ended - m.began) as ended
  from made m join dag_version_task t on t.version_id = m.version_id;

insert into task_instance (run_id, task_no, state, try_number, max_tries, attempt_id, start_date, end_date)
select n, task_no, state, case when state in ('success', 'failed') then tries else 0 end, 1,
       case when state in ('success', 'failed') then attempt + tries - 1 end, case when state in ('success', 'failed') then began end, ended
  from touched order by n, task_no;

insert into attempt (id, run_id, task_no, try_number, instance, boot_id, epoch, opened_at, pid, start_date, end_date, outcome, exit_code,
                     duration_us, cpu_user_us, cpu_system_us, max_rss_kib, message, version_id)
select attempt + try - 1, n, task_no, try, 'load', 'load', 1, began, 1000 + n % 30000, began, ended,
       case when try < tries then 'failed' else state end, case when try < tries or state = 'failed' then 1 else 0 end,
       micros(ended) - micros(began), 900, 700, 3400, '', version_id
  from touched cross join generate_series(1, 2) as try
 where state in ('success', 'failed') and try <= tries order by attempt + try;

insert into event (at, who, kind, run_id, task_no, map_index, try_number, old_state, new_state, why)
select at, 'scheduler', kind, n, task_no, map_index, try, old_state, new_state, why from (
  select began as at, 'run' as kind, n, null::int as task_no, null::int as map_index, null::int as try, 'queued' as old_state, 'running' as new_state, 'begun' as why from made
  union all
  select ended, 'run', n, null, null, null, 'running', case when broken then 'failed' else 'success' end, 'all tasks are done' from made
  union all
  select began, 'task', n, task_no, -1, 1, 'none', 'running', 'started' from touched where state in ('success', 'failed')
  union all
  select ended, 'task', n, task_no, -1, tries, case when state in ('success', 'failed') then 'running' else 'none' end, state, 'ended' from touched) as told
 order by at;

drop table made, touched;
