-- Who follows the history is told when it grows, and can tell what is still to come from what will never come.

-- A number is only taken by a transaction that has an id. So whoever finds a number missing and takes an id of his own knows that
-- the missing one can only come from a transaction with a lesser one.
alter table event alter id set default case when pg_current_xact_id() is not null then nextval('event_id') end;

-- While somebody follows, he holds this lock shared (see `follow_events`), and writers tell him. While nobody does, a writer finds
-- that out with one look into the table of locks, and a turn costs no NOTIFY.
create function say_events() returns trigger language plpgsql as $$
begin
  if not pg_try_advisory_xact_lock(1886152054, hashtext(current_schema())) then
    perform pg_notify(current_schema() || '.event', '');
  end if;
  return null;
end $$;
create trigger event_said after insert on event for each statement execute function say_events();

-- For a whole session.
create function follow_events() returns void language sql as $$ select pg_advisory_lock_shared(1886152054, hashtext(current_schema())) $$;

-- Requests that a client may send again, and what was answered to each. It is made together with what was asked for, so there is
-- never one without the other. Kept for a day; new ones take old ones away.
create table idempotency_key (
  user_name  text        not null,
  key        text        not null,
  request    text        not null,  -- a digest: method, path and body
  made_at    timestamptz not null default now(),
  command_id bigint,                -- what was asked for is done by the leader: the answer is made when that is done
  status     integer,
  answer     text,
  primary key (user_name, key),
  check ((status is null) = (answer is null))
);
-- By age, to find what has had its time.
create index idempotency_key_age on idempotency_key (made_at);
