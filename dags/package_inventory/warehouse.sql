-- The warehouse: what was installed, as each run found it. Made by whoever opens it first.
-- STRICT tables: a text in a number's place is an error, not a surprise in a report.

create table if not exists run (
  seq     integer primary key autoincrement,  -- the order of loading: the oldest go first
  run_id  text not null unique,
  digest  text not null                       -- of the loaded records: the same run loaded again changes nothing
) strict;

create table if not exists package (
  run_id        text    not null references run (run_id) on delete cascade,
  name          text    not null,
  architecture  text    not null,
  version       text    not null,
  section       text    not null,
  priority      text    not null,
  source        text    not null,
  summary       text    not null,
  state         text    not null,
  essential     integer not null check (essential in (0, 1)),
  installed_kib integer check (installed_kib >= 0),   -- null: the package does not say
  primary key (run_id, name, architecture)
) strict, without rowid;

-- One row per alternative; the alternatives of one clause share its number and any one of them is enough.
create table if not exists dependency (
  run_id         text    not null,
  name           text    not null,
  architecture   text    not null,
  kind           text    not null check (kind in ('depends', 'pre_depends')),
  clause         integer not null,
  alternative    integer not null,
  target         text    not null,
  relation       text    not null check (relation in ('', '<<', '<=', '=', '>=', '>>')),
  target_version text    not null,
  primary key (run_id, name, architecture, kind, clause, alternative),
  foreign key (run_id, name, architecture) references package on delete cascade
) strict, without rowid;

-- Names that a package stands for besides its own. One name may be provided in several versions.
create table if not exists provided (
  run_id       text not null,
  name         text not null,
  architecture text not null,
  virtual_name text not null,
  version      text not null,               -- '': provided without a version, which meets no versioned dependency
  primary key (run_id, name, architecture, virtual_name, version),
  foreign key (run_id, name, architecture) references package on delete cascade
) strict, without rowid;

-- "Who needs X?" and "how large is section Y?" without a scan of all runs.
create index if not exists dependency_by_target on dependency (run_id, target);
create index if not exists package_by_section on package (run_id, section, installed_kib);

-- What aggregate.py computes.
create table if not exists section_size (
  run_id        text    not null references run (run_id) on delete cascade,
  section       text    not null,
  packages      integer not null,
  installed_kib integer not null,
  primary key (run_id, section)
) strict, without rowid;

create table if not exists package_graph (
  run_id      text    not null references run (run_id) on delete cascade,
  name        text    not null,
  depth       integer not null,   -- packages on the longest chain of requirements below it; a cycle counts as one step
  needs       integer not null,   -- packages that it requires, directly or through others
  direct      integer not null,   -- packages that require it directly
  needed_by   integer not null,   -- packages that require it, directly or through others
  next_below  text,               -- one step down the longest chain
  primary key (run_id, name)
) strict, without rowid;
create index if not exists package_graph_by_needed on package_graph (run_id, needed_by);
