-- Takes everything away that 0001 made, with its rows.
drop function delete_dag;
drop function commit_turn;
drop table token, app_user, pool, command;
drop function ensure_event_partitions;
drop table event;
drop sequence event_id;
drop table xcom, attempt, task_instance, dag_run, import_error, dag_file, dag, dag_version_task, dag_version, lease, installation;
drop function at_micros;
drop function micros;
