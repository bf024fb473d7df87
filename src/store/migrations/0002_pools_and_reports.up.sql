-- What Airflow's clients say of a pool.
alter table pool add description text not null default '', add include_deferred boolean not null default false;

-- 'report_end': a scheduler that stands by saw an attempt of its own end.
alter table command drop constraint command_what_check;
alter table command add constraint command_what_check
  check (what in ('pause_dag', 'delete_dag', 'cancel_run', 'why_task', 'set_pool', 'delete_pool', 'report_end'));
