-- Events keep their DAG when their run goes, keys of requests are those of an account, and log-outs are in the trail.

-- An event of a run or a task has its DAG from its run. Who may read it, and who looks for it by its DAG, must still be told when
-- the run is no more: its events are given the DAG in the transaction that deletes the run, whichever way that is.
create function events_keep_dag() returns trigger language plpgsql as $$
begin
  update event set dag_id = old.dag_id where run_id = old.id and dag_id is null;
  return old;
end $$;
create trigger dag_run_leaves_dag before delete on dag_run for each row execute function events_keep_dag();

-- Which numbers may still come is told by who has the table locked for writing: a number needs no transaction id any more.
alter table event alter id set default nextval('event_id');

-- By account and not by name: a name may come to be another's. 0: the local token, which is no account's. What is kept goes within
-- a day, so no key is deleted together with its account.
alter table idempotency_key add user_id bigint;
update idempotency_key k set user_id = u.id from app_user u where u.name = k.user_name;
delete from idempotency_key where user_id is null;
alter table idempotency_key drop constraint idempotency_key_pkey, alter user_id set not null, add primary key (user_id, key), drop user_name;

alter table audit drop constraint audit_kind_check;
alter table audit add constraint audit_kind_check check (kind in ('change', 'outcome', 'log_in', 'log_out', 'denied', 'cleaned'));
