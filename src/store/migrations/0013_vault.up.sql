-- Variables and connections. `box` is encrypted by the program, with the key that `key_id` names and bound to the row's name: who
-- reads the database learns neither values, passwords nor extras, and a box that is moved to another row cannot be opened there.
create table variable (
  id          bigint generated always as identity primary key,
  key         text not null unique check (length(key) between 1 and 250),
  description text,
  key_id      text not null check (key_id <> ''),
  box         text not null
);

create table connection (
  id            bigint generated always as identity primary key,
  connection_id text not null unique check (length(connection_id) between 1 and 200),
  conn_type     text not null,
  description   text,
  host          text,
  login         text,
  schema        text,
  port          integer check (port between 0 and 65535),
  key_id        text not null check (key_id <> ''),
  box           text not null
);
