-- Mapped tasks that were cleared together with what they are mapped over: how many instances they have holds only until they are
-- expanded again.
alter table task_map add column stale boolean not null default false;
