-- What people are to be told: the outbox. A row for each message and channel, written in the transaction of the change that it is
-- about, and kept when it is delivered, so that everybody can see what became of it. It goes with its run.
create table notification (
  id            bigint      generated always as identity primary key,  -- told to the receiver: who sees it twice can drop it
  created_at    timestamptz not null,
  event         text        not null,             -- the words of NotifyOn
  channel       text        not null,             -- of the settings, alerts.channels
  run           bigint      references dag_run on delete cascade,                -- null: a test
  dag_id        text,
  run_id        text,
  task_id       text,                             -- null: about the run
  task_no       integer,                          -- likewise
  map_index     integer     not null default -1,
  run_after     timestamptz,                      -- of the run: a later one that succeeds ends what an earlier one set off
  facts         json        not null,             -- what the texts may speak of
  use           json        not null,             -- what the DAG file says beside the channel: texts, recipients
  dedupe_key    text,                             -- made by the notifier at the first try
  state         text        not null default 'queued',
  attempts      integer     not null default 0,   -- so many have begun
  tries_left    integer,                          -- wanted by hand; null: as many as the channel says
  next_try_at   timestamptz,                      -- by the database's clock
  claim         integer,                          -- pid of the connection of the notifier that has it …
  claim_since   timestamptz,                      -- … which has had this pid since then
  claim_until   timestamptz,                      -- nobody who lives keeps it for longer
  ended_at      timestamptz,
  error         text        not null default '',  -- of the last try
  duplicate_of  bigint,                           -- suppressed: what was sent instead
  firing        boolean     not null default false,  -- it has set off an alert that is still to be ended
  recovered_at  timestamptz,                      -- a later run has succeeded since
  constraint notification_event check (event in ('success', 'failure', 'retry', 'skipped', 'deadline', 'recovered', 'test')),
  constraint notification_state check (state in ('queued', 'delivering', 'sent', 'failed', 'suppressed')),
  constraint notification_next check ((next_try_at is not null) = (state = 'queued')),
  constraint notification_claim check ((claim is not null and claim_until is not null) = (state = 'delivering')),
  constraint notification_end check ((ended_at is not null) = (state in ('sent', 'failed', 'suppressed')))
);
-- What is due, and what somebody has: short, however long the history grows.
create index notification_due on notification (channel, next_try_at) where state = 'queued';
create index notification_claimed on notification (claim_until) where state = 'delivering';
-- Those with the same key; for listings of one DAG; for the end of a run.
create index notification_key on notification (channel, dedupe_key, id) where dedupe_key is not null;
create index notification_dag on notification (dag_id, id) where dag_id is not null;
create index notification_duplicate on notification (duplicate_of) where state = 'suppressed';
create index notification_failed on notification (id) where state = 'failed';
create index notification_run on notification (run) where run is not null;
-- What a success of its DAG ends: alerts, and what nobody was told of yet.
create index notification_open on notification (dag_id) where firing or state = 'queued';

-- Each try, also one of which nobody knows how it ended: then `ended_at` is null, or `error` says so.
create table notification_attempt (
  notification bigint      not null references notification on delete cascade,
  number       integer     not null,
  channel      text        not null,
  started_at   timestamptz not null,
  ended_at     timestamptz,
  status       integer,                           -- of HTTP or SMTP, or an exit code; null: there was no answer
  error        text        not null default '',   -- empty: it was taken
  primary key (notification, number)
);
-- For the rate of a channel.
create index notification_attempt_rate on notification_attempt (channel, started_at);
