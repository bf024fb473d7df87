-- What lists are read by. Lists of one DAG and of all, by number and by when runs were due, either way round.
-- The version is there to count the tasks of a DAG's runs.
create index dag_run_by_dag on dag_run (dag_id, id) include (version_id);
create index dag_run_due on dag_run (run_after);
create index dag_run_due_of_dag on dag_run (dag_id, run_after);
-- The latest tasks. When a task began is not changed again until it is tried again, so its end remains an update in place.
create index task_instance_start on task_instance (start_date);
-- The order of the list of DAGs, whatever the collation of the database.
create index dag_in_order on dag (dag_id collate "C");

-- Why a task failed that has no try. A function, so that no list opens all months of the history for the rare task of this kind.
create function why_failed(p_run bigint, p_task integer) returns text language sql stable as $$
  select why from event where run_id = p_run and task_no = p_task and new_state = 'failed' order by id desc limit 1 $$;
