delete from command where what in ('delete_pool', 'report_end');
alter table command drop constraint command_what_check;
alter table command add constraint command_what_check check (what in ('pause_dag', 'delete_dag', 'cancel_run', 'why_task', 'set_pool'));
alter table pool drop description, drop include_deferred;
