-- An index that mentions the state, also as a condition, ends HOT updates: each change of a task's state wrote into all indexes of
-- the table. Failed tasks are found from the latest start backwards, as the others are.
drop index task_instance_failed;

-- New assets in one order, so that two that make the same ones never wait for each other in a circle.
create or replace function store_asset_events(
  p_now_us bigint, a_uri text[], a_extra text[], a_dag text[], a_run text[], a_task text[], a_map int[]) returns void language sql as $$
  insert into asset (uri) select distinct u.uri from unnest(a_uri) as u (uri)
   where not exists (select from asset a where a.uri = u.uri) order by 1 on conflict do nothing;
  insert into asset_event (asset_id, at, extra, source_dag_id, source_run_id, source_task_id, source_map_index)
  select a.id, at_micros(p_now_us), coalesce(u.extra::json, '{}'), u.dag, u.run, u.task, u.map
    from unnest(a_uri, a_extra, a_dag, a_run, a_task, a_map) with ordinality as u (uri, extra, dag, run, task, map, place)
    join asset a on a.uri = u.uri order by u.place;
$$;
