-- Messages of runs that are no more stay as they are: sent, and removed by their age.
create or replace function delete_dag(p_dag_id text) returns void language plpgsql as $$
declare
  runs bigint[];
begin
  select coalesce(array_agg(id), '{}') into runs from dag_run where dag_id = p_dag_id;
  delete from backfill_run where backfill_id in (select id from backfill where dag_id = p_dag_id);
  delete from backfill where dag_id = p_dag_id;
  delete from xcom where run_id = any (runs);
  delete from task_note where run_id = any (runs);
  delete from task_instance where run_id = any (runs);
  delete from task_map where run_id = any (runs);
  delete from attempt where run_id = any (runs) and outcome is not null;
  delete from dag_run where dag_id = p_dag_id;
  delete from dag where dag_id = p_dag_id;
  delete from dag_version_task where version_id in (select id from dag_version where dag_id = p_dag_id);
  delete from dag_version where dag_id = p_dag_id;
end $$;
drop function end_alerts;
drop trigger dag_run_leaves_notifications on dag_run;
drop function notifications_outlive_run;
