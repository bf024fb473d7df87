-- By when runs shall have ended. A row per deadline of a run, evaluated when the run was queued; DAGs without deadlines have none.
create table run_deadline (
  run_id   bigint      not null references dag_run on delete cascade,  -- few rows: the key costs little
  number   integer     not null,               -- its place in the DAG's list, from 0
  due_at   timestamptz not null,
  state    text        not null,               -- the words of DeadlineState
  what     text        not null,               -- "15m after it was queued"
  ended_at timestamptz,                       -- when it was met or missed
  primary key (run_id, number),
  constraint run_deadline_state check (state in ('due', 'met', 'missed')),
  constraint run_deadline_end check ((ended_at is not null) = (state <> 'due'))
);

alter table event drop constraint event_kind_check;
alter table event add constraint event_kind_check check (kind in ('task', 'run', 'dag', 'command', 'pool', 'backfill', 'deadline'));
-- The history of one DAG. Events of runs and tasks do not name it, so that they do not pay for this.
create index event_dag on event (dag_id, id) where dag_id is not null;

-- What a slot does that is due while max_active_runs are under way.
alter table dag add overlap text not null default 'queue';
alter table dag add constraint dag_overlap check (overlap in ('queue', 'skip', 'cancel_running'));
