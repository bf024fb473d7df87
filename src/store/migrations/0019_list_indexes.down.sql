drop function why_failed(bigint, integer);
drop index dag_in_order;
drop index task_instance_start;
drop index dag_run_due_of_dag;
drop index dag_run_due;
drop index dag_run_by_dag;
