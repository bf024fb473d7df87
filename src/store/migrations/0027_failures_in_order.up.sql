-- extract() of a timestamptz counts as dependent on the time zone, so that a function around it that calls itself immutable is not inlined: it was
-- parsed and planned anew in every statement. Of a timestamp in UTC it is immutable in truth.
create or replace function micros(t timestamptz) returns bigint language sql immutable parallel safe
  as $$ select (extract(epoch from t at time zone 'UTC') * 1000000)::bigint $$;

-- Failures are what people look for, and they can lie far behind what succeeded since. They are few, so are their indexes.
create index dag_run_failed on dag_run (run_after) where state = 'failed';
create index dag_run_failed_of_dag on dag_run (dag_id, run_after) where state = 'failed';
create index task_instance_failed on task_instance (start_date) where state = 'failed';
