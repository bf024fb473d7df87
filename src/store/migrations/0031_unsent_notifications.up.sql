-- What is still to be sent, and what has set off an alert that is still to be ended, does not go with its run: it stays, and is
-- nobody's. A message that waits may stand for those of other runs, and an alert whose row is gone is never ended.
create function notifications_outlive_run() returns trigger language plpgsql as $$
begin
  update notification set run = null where run = old.id and (state in ('queued', 'delivering') or firing);
  return old;
end $$;
create trigger dag_run_leaves_notifications before delete on dag_run for each row execute function notifications_outlive_run();

-- No run will end the alerts of a DAG that is no more: they end with it. What nobody was told of yet is told of as over.
create function end_alerts(p_dag_id text) returns void language plpgsql as $$
begin
  perform from notification where dag_id = p_dag_id and (firing or state = 'queued') order by id for update;
  update notification set recovered_at = clock_timestamp()
    where dag_id = p_dag_id and state = 'queued' and not firing and recovered_at is null and event in ('failure', 'deadline');
  with over as (update notification set firing = false, recovered_at = clock_timestamp() where dag_id = p_dag_id and firing
    returning channel, facts, run_id, task_id, task_no, map_index, run_after)
  insert into notification (created_at, event, channel, dag_id, run_id, task_id, task_no, map_index, run_after, facts, use, next_try_at)
    select distinct on (channel, task_id, map_index, facts->>'event') clock_timestamp(), 'recovered', channel, p_dag_id, run_id, task_id,
      task_no, map_index, run_after, (facts::jsonb || jsonb_build_object('event', 'recovered', 'ends', facts->>'event', 'try_number', 0,
      'state', 'deleted', 'error', '', 'failed_tasks', ''))::json, '{}'::json, clock_timestamp() from over;
  if found then
    perform pg_notify(current_schema() || '.notify', '');
  end if;
end $$;

create or replace function delete_dag(p_dag_id text) returns void language plpgsql as $$
declare
  runs bigint[];
begin
  perform end_alerts(p_dag_id);
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
