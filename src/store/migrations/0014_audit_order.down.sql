drop function delete_run(bigint);
drop table dag_favorite;
-- What was asked for since stays; nothing new is filed.
alter table command add constraint command_what_check
  check (what in ('pause_dag', 'delete_dag', 'cancel_run', 'why_task', 'set_pool', 'delete_pool', 'report_end', 'create_backfill',
                  'pause_backfill', 'cancel_backfill', 'list_queue', 'clear_tasks', 'mark_tasks', 'mark_run', 'set_note')) not valid;
drop index dag_run_state;
drop index event_by_id;
