-- What is still to be sent, and what has set off an alert that is still to be ended, does not go with its run: it stays, and is
-- nobody's. A message that waits may stand for those of other runs, and an alert whose row is gone is never ended.
create function notifications_outlive_run() returns trigger language plpgsql as $$
begin
  update notification set run = null where run = old.id and (state in ('queued', 'delivering') or firing);
  return old;
end $$;
create trigger dag_run_leaves_notifications before delete on dag_run for each row execute function notifications_outlive_run();

-- No run will end the alerts of a DAG that is no more: they end with it. What nobody was told of yet is told of as over.
create function alerts_end_with_their_dag() returns trigger language plpgsql as $$
begin
  perform from notification where dag_id = old.dag_id and (firing or state = 'queued') order by id for update;
  update notification set recovered_at = clock_timestamp()
    where dag_id = old.dag_id and state = 'queued' and not firing and recovered_at is null and event in ('failure', 'deadline');
  with over as (update notification set firing = false, recovered_at = clock_timestamp() where dag_id = old.dag_id and firing
    returning channel, facts, run_id, task_id, task_no, map_index, run_after)
  insert into notification (created_at, event, channel, dag_id, run_id, task_id, task_no, map_index, run_after, facts, use, next_try_at)
    select distinct on (channel, task_id, map_index, facts->>'event') clock_timestamp(), 'recovered', channel, old.dag_id, run_id, task_id,
      task_no, map_index, run_after, (facts::jsonb || jsonb_build_object('event', 'recovered', 'ends', facts->>'event', 'try_number', 0,
      'state', 'deleted', 'error', '', 'failed_tasks', ''))::json, '{}'::json, clock_timestamp() from over;
  if found then
    perform pg_notify(current_schema() || '.notify', '');
  end if;
  delete from notification where dag_id = old.dag_id and run is null and state not in ('queued', 'delivering');
  return old;
end $$;
create trigger dag_ends_alerts before delete on dag for each row execute function alerts_end_with_their_dag();
