-- What waits is looked for from the beginning: an attempt that is open, and has no process, is started. The history says the same.
update task_instance set state = 'running' where state = 'deferred';
update event set new_state = 'running' where kind = 'task' and new_state = 'deferred';
update event set old_state = 'running' where kind = 'task' and old_state = 'deferred';
alter table task_instance drop constraint task_instance_state;
alter table task_instance add constraint task_instance_state check (state in ('none', 'scheduled', 'queued', 'running', 'restarting', 'up_for_retry', 'success', 'failed', 'skipped', 'upstream_failed', 'removed'));
alter table task_instance drop constraint task_instance_attempt;
alter table task_instance add constraint task_instance_attempt check (state not in ('running', 'restarting', 'up_for_retry') or (attempt_id is not null and try_number > 0));
alter table attempt drop waits_for;
