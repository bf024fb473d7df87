-- Who changed what through the API, and who was not let. Append-only: not even the program can change or remove an entry. What is
-- old goes by the month, with `pipelined db clean --audit`, which leaves an entry of its own.
create sequence audit_id;
create table audit (
  id         bigint      not null default nextval('audit_id'),
  at         timestamptz not null default clock_timestamp(),
  kind       text        not null check (kind in ('change', 'outcome', 'log_in', 'denied', 'cleaned')),
  intent     bigint,               -- of an outcome: the change that it ended
  who        text        not null default '',
  via        text        not null default '',
  address    text        not null default '',
  request_id text        not null default '',
  agent      text        not null default '',
  operation  text        not null default '',
  method     text        not null default '',
  path       text        not null default '',
  dag_id     text,
  run_id     text,
  task_id    text,
  map_index  integer,
  entity     text,
  status     integer,              -- null: of a change, which has it in its outcome
  reason     text,
  before     json,
  after      json,
  times      bigint      not null default 1 check (times > 0),
  check ((kind = 'outcome') = (intent is not null)),
  check ((kind = 'change') = (status is null))
) partition by range (at);
-- Catches what no month was made for, so that an insert never fails.
create table audit_default partition of audit default;

-- Read from its end, and outcomes by their change.
create index audit_by_id on audit (id) where kind <> 'outcome';
create index audit_outcome on audit (intent) where kind = 'outcome';
-- What somebody did, and what was done to a DAG.
create index audit_who on audit (who, id) where kind <> 'outcome';
create index audit_dag on audit (dag_id, id) where kind <> 'outcome' and dag_id is not null;

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit trail is append-only' using errcode = 'insufficient_privilege';
end $$;
-- Rows of every partition. ALWAYS: replication roles do not switch it off.
create trigger audit_append_only before update or delete on audit for each row execute function refuse_audit_change();
alter table audit enable always trigger audit_append_only;

-- TRUNCATE knows no rows, and each partition can be truncated by its own name.
create function guard_audit_table(p_table regclass) returns void language plpgsql as $$
begin
  execute format('create trigger audit_no_truncate before truncate on %s for each statement execute function refuse_audit_change()', p_table);
  execute format('alter table %s enable always trigger audit_no_truncate', p_table);
  execute format('alter table %s enable always trigger audit_append_only', p_table);
end $$;
select guard_audit_table('audit'), guard_audit_table('audit_default');

-- Makes the partitions of this month and the next. Where rows went to the default one meanwhile, they stay there.
create function ensure_audit_partitions() returns void language plpgsql as $$
declare
  month timestamptz;
  name text;
begin
  for i in 0..1 loop
    month := date_trunc('month', now() at time zone 'UTC') at time zone 'UTC' + make_interval(months => i);
    name := 'audit_' || to_char(month at time zone 'UTC', 'YYYY_MM');
    if to_regclass(name) is null then
      begin
        execute format('create table %I partition of audit for values from (%L) to (%L)', name, month, (month at time zone 'UTC' + interval '1 month') at time zone 'UTC');
        perform guard_audit_table(name::regclass);
      exception when check_violation or duplicate_table then null;
      end;
    end if;
  end loop;
end $$;
select ensure_audit_partitions();

-- Its transaction does not wait for the disk: whatever commits after it is durable only together with it.
create function do_not_wait() returns void language sql as $$
  select set_config('synchronous_commit', 'off', true);
$$;
