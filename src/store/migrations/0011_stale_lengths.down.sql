alter table task_map drop column stale;
