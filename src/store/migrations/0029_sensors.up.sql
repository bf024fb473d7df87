-- Tasks that wait without a process are 'deferred': sensors, and those that have made a run.
alter table task_instance drop constraint task_instance_state;
alter table task_instance add constraint task_instance_state check (state in ('none', 'scheduled', 'queued', 'running', 'deferred', 'restarting', 'up_for_retry', 'success', 'failed', 'skipped', 'upstream_failed', 'removed'));
alter table task_instance drop constraint task_instance_attempt;
alter table task_instance add constraint task_instance_attempt check (state not in ('running', 'deferred', 'restarting', 'up_for_retry') or (attempt_id is not null and try_number > 0));

-- What a sensor waits for, as it was rendered when its attempt began; null: it does not wait, or it is no sensor. When it looks follows
-- from `opened_at`, so that nothing is written while it waits.
alter table attempt add waits_for json;
