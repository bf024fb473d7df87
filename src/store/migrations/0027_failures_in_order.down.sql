create or replace function micros(t timestamptz) returns bigint language sql immutable parallel safe
  as $$ select (extract(epoch from t) * 1000000)::bigint $$;
drop index dag_run_failed, dag_run_failed_of_dag, task_instance_failed;
