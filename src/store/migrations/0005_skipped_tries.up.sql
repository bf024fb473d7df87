-- A try may end as skipped: its condition was false, or its command said so with its exit code.
alter table attempt drop constraint attempt_outcome;
alter table attempt add constraint attempt_outcome check (outcome in ('success', 'failed', 'timed_out', 'stopped', 'launch_failed', 'bad_output', 'lost', 'skipped'));
