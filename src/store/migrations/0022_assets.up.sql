-- Assets: what tasks read and write and schedules wait for, and what happened to them.

-- One row for each that any version of a DAG has ever named; kept when nobody names it any more, for its events. The name of an
-- asset is its URI.
create table asset (
  id         bigint      generated always as identity primary key,
  uri        text        not null unique,
  created_at timestamptz not null default now()
);

-- Who names it in the current version of a DAG. Written when a file is loaded.
create table asset_reference (
  dag_id     text        not null references dag (dag_id) on delete cascade,
  kind       text        not null check (kind in ('schedule', 'outlet', 'inlet')),
  task_id    text        not null default '',  -- empty: not a task, but the schedule
  asset_id   bigint      not null references asset,
  created_at timestamptz not null default now(),
  primary key (dag_id, kind, task_id, asset_id),
  check ((task_id = '') = (kind = 'schedule'))
);
-- Who names an asset: lists of assets.
create index asset_reference_of on asset_reference (asset_id);

-- Append-only. Written in the transaction that stores the success of the task, or by a request. No foreign keys, and names instead of
-- numbers: what happened to an asset is still true when the run that did it is gone.
create table asset_event (
  id               bigint      generated always as identity primary key,
  asset_id         bigint      not null,
  at               timestamptz not null,
  extra            json        not null default '{}',
  source_dag_id    text,                       -- null: no task, but a request
  source_run_id    text,
  source_task_id   text,
  source_map_index integer     not null default -1,
  partition_key    text,
  constraint asset_event_source check ((source_dag_id is null) = (source_task_id is null) and (source_dag_id is null) = (source_run_id is null))
);
-- The latest of an asset, and its history.
create index asset_event_of on asset_event (asset_id, at, id);
-- Lists in the order of time, and what is old.
create index asset_event_at on asset_event (at, id);
-- What a DAG and its runs have made.
create index asset_event_source on asset_event (source_dag_id, source_run_id);

-- Events that a turn has made, in order. An asset that no loaded version names (a run of an older one) comes into being here.
create function store_asset_events(
  p_now_us bigint, a_uri text[], a_extra text[], a_dag text[], a_run text[], a_task text[], a_map int[]) returns void language sql as $$
  insert into asset (uri) select distinct u.uri from unnest(a_uri) as u (uri)
   where not exists (select from asset a where a.uri = u.uri) on conflict do nothing;
  insert into asset_event (asset_id, at, extra, source_dag_id, source_run_id, source_task_id, source_map_index)
  select a.id, at_micros(p_now_us), coalesce(u.extra::json, '{}'), u.dag, u.run, u.task, u.map
    from unnest(a_uri, a_extra, a_dag, a_run, a_task, a_map) with ordinality as u (uri, extra, dag, run, task, map, place)
    join asset a on a.uri = u.uri order by u.place;
$$;
