-- What was skipped stays so as a task; as a try there was no such end.
update attempt set outcome = 'stopped' where outcome = 'skipped';
alter table attempt drop constraint attempt_outcome;
alter table attempt add constraint attempt_outcome check (outcome in ('success', 'failed', 'timed_out', 'stopped', 'launch_failed', 'bad_output', 'lost'));
