-- The log of events is read from its end, and single ones by their number. They are numbered as they are appended: a new entry
-- always goes to the last page of the index.
create index event_by_id on event (id);
-- Counts of runs by state, per DAG and over all, from the index alone.
create index dag_run_state on dag_run (dag_id, state);

-- The words of commands are those of the program that files them and of the one that carries them out: one list, in one place.
alter table command drop constraint command_what_check;

-- Who likes which DAG.
create table dag_favorite (
  user_name text not null,
  dag_id    text not null references dag (dag_id) on delete cascade,
  primary key (user_name, dag_id)
);
create index dag_favorite_dag on dag_favorite (dag_id);

-- A run that has ended, with all of its. Open attempts stay: their processes are still to be stopped, and a leader that comes
-- after a crash must find them. False when there is none, or it has not ended.
create function delete_run(p_run bigint) returns boolean language plpgsql as $$
begin
  perform from dag_run where id = p_run and state in ('success', 'failed') for update;
  if not found then
    return false;
  end if;
  delete from xcom where run_id = p_run;
  delete from task_note where run_id = p_run;
  delete from task_instance where run_id = p_run;
  delete from task_map where run_id = p_run;
  delete from attempt where run_id = p_run and outcome is not null;
  delete from dag_run where id = p_run;
  return true;
end $$;
