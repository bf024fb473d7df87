-- Sessions of browsers. Their ids are kept as tokens are: by their hash.
create table user_session (
  id           bigint      generated always as identity primary key,  -- what its owner names it by; opens nothing
  sha256       text        not null unique,
  user_id      bigint      not null references app_user on delete cascade,
  sign_in      text        not null check (sign_in in ('password', 'oidc')),
  remote       text        not null,
  user_agent   text        not null,
  created_at   timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp(),        -- to the minute: not every request writes
  expires_at   timestamptz not null
);
create index user_session_user on user_session (user_id);
create index user_session_end on user_session (expires_at);

-- Who a provider says somebody is. The subject is the provider's own word for a person, and never given to another one.
create table user_identity (
  issuer  text   not null,
  subject text   not null,
  user_id bigint not null references app_user on delete cascade,
  role    text   not null,                 -- granted for everything at the last sign-in; the next one may take it back
  primary key (issuer, subject)
);
create index user_identity_user on user_identity (user_id);

-- Whoever changes a password or disables a user ends what was opened before, whichever way the change comes.
create function end_user_sessions() returns trigger language plpgsql as $$
begin
  delete from user_session where user_id = new.id;
  return null;
end $$;
create trigger app_user_ends_sessions after update of password_hash, disabled on app_user
  for each row when (old.password_hash is distinct from new.password_hash or (new.disabled and not old.disabled)) execute function end_user_sessions();
