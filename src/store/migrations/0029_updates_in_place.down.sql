-- Loses nothing. The order of new assets stays.
create index task_instance_failed on task_instance (start_date) where state = 'failed';
