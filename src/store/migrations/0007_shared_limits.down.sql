delete from command where what = 'list_queue';
alter table command drop constraint command_what_check;
alter table command add constraint command_what_check
  check (what in ('pause_dag', 'delete_dag', 'cancel_run', 'why_task', 'set_pool', 'delete_pool', 'report_end', 'create_backfill',
                  'pause_backfill', 'cancel_backfill'));
drop function note_keys(bigint, bigint[], text[], int[], text[], bigint[], bigint[]);
drop table rate_start;
drop table attempt_key;
