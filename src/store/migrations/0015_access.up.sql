-- Who may do what, and where. Roles that every installation has (viewer, user, op, admin) are in the program; this holds the others.
create table access_role (
  name        text   primary key check (length(name) between 1 and 100 and name not in ('viewer', 'user', 'op', 'admin')),
  description text   not null default '',
  permissions text[] not null                  -- words of access/permission.h; one that this program does not know gives nothing
);

-- Users log in with a password; service accounts have none and show tokens.
alter table app_user
  add column kind                text        not null default 'user' check (kind in ('user', 'service')),
  add column disabled            boolean     not null default false,
  add column created_at          timestamptz not null default now(),
  add column password_changed_at timestamptz;

create table access_grant (
  id         bigint generated always as identity primary key,
  account_id bigint not null references app_user on delete cascade,
  role       text   not null,                  -- of access_role, or one of the program's
  scope      text   not null check (scope in ('all', 'dag', 'tag')),
  object     text   not null default '',       -- the DAG's id or the tag
  check ((scope = 'all') = (object = '')),
  unique (account_id, role, scope, object)     -- also finds the grants of an account
);
-- Not "none", which the way down leaves where there was nothing that an earlier program knows.
insert into access_grant (account_id, role, scope) select id, role, 'all' from app_user where role in ('viewer', 'user', 'op', 'admin');
alter table app_user drop column role;

alter table token
  add column id           bigint      generated always as identity,
  add column name         text        not null default '',
  add column kind         text        not null default 'login' check (kind in ('login', 'api')),  -- a new password ends those of log-ins
  add column permissions  text[],              -- null: all of the account's; otherwise only these of them
  add column dag_ids      text[],              -- null: wherever the account may; otherwise only there
  add column created_at   timestamptz not null default now(),
  add column last_used_at timestamptz;         -- to the minute
alter table token alter column expires_at drop not null;  -- null: until it is revoked
create unique index token_by_id on token (id);
create index token_of_account on token (user_id);

-- Somebody must be able to let others in. The lock makes two who take each other's right away wait for one another; what the second
-- then sees is the first one's commit. PL003: it would have been the last admin.
create function keep_admin() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'app_user' and not exists (select from access_grant where account_id = new.id and role = 'admin' and scope = 'all') then
    return null;
  end if;
  perform pg_advisory_xact_lock(hashtext(current_schema() || '.keep_admin'));
  if not exists (select from access_grant g join app_user u on u.id = g.account_id
                  where g.role = 'admin' and g.scope = 'all' and u.kind = 'user' and not u.disabled) then
    raise exception 'no admin would be left' using errcode = 'PL003';
  end if;
  return null;
end $$;
create constraint trigger access_grant_keep_admin after delete or update on access_grant deferrable initially deferred
  for each row when (old.role = 'admin' and old.scope = 'all') execute function keep_admin();
create constraint trigger app_user_keep_admin after update of disabled on app_user deferrable initially deferred
  for each row when (new.disabled and not old.disabled) execute function keep_admin();
