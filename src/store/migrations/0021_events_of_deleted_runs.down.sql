-- Of what the trail has said since nothing is taken back.
alter table audit drop constraint audit_kind_check;
alter table audit add constraint audit_kind_check check (kind in ('change', 'outcome', 'log_in', 'denied', 'cleaned')) not valid;

alter table idempotency_key add user_name text;
update idempotency_key k set user_name = u.name from app_user u where u.id = k.user_id;
delete from idempotency_key where user_name is null;
alter table idempotency_key drop constraint idempotency_key_pkey, alter user_name set not null, add primary key (user_name, key), drop user_id;

alter table event alter id set default case when pg_current_xact_id() is not null then nextval('event_id') end;

drop trigger dag_run_leaves_dag on dag_run;
drop function events_keep_dag();
