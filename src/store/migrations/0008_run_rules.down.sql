alter table dag drop constraint dag_overlap;
alter table dag drop column overlap;
drop index event_dag;
delete from event where kind = 'deadline';
alter table event drop constraint event_kind_check;
alter table event add constraint event_kind_check check (kind in ('task', 'run', 'dag', 'command', 'pool', 'backfill'));
drop table run_deadline;
