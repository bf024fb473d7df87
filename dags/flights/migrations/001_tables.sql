-- The schema of the flights in the warehouse. Values and units are those of ../warehouse.sql.
--
-- Every migration is one transaction. All runs come by here: the lock lets them in one by one, and the row in flights.migration
-- says to all but the first that there is nothing left to do.
select pg_advisory_xact_lock(20130101);
create schema if not exists flights;
create table if not exists flights.migration (
  number     integer     primary key,
  name       text        not null,
  applied_at timestamptz not null default now()
);

do $$ begin
  if exists (select from flights.migration where number = 1) then return; end if;

  create table flights.flight (
    day            date        not null,                -- in New York
    time_hour      timestamptz not null,                -- the hour of the scheduled departure
    carrier        text        not null,
    flight         integer     not null,
    origin         text        not null,
    dest           text        not null,
    tailnum        text,
    sched_dep_time integer     not null,
    dep_time       integer,                             -- null: cancelled
    dep_delay      integer,
    sched_arr_time integer     not null,
    arr_time       integer,
    arr_delay      integer,                             -- null: cancelled, or diverted
    air_time       integer,
    distance       integer     not null,
    temp           integer,                             -- these four null: not observed
    wind           integer,
    precip         integer,
    visib          integer,
    primary key (day, carrier, flight, origin, time_hour),
    check ((dep_time is null) = (dep_delay is null)),
    check (arr_delay is null or dep_time is not null)
  ) partition by range (day);

  -- One row for each day that was loaded, written in the transaction that loads it: a day is there as a whole or not at all.
  create table flights.loaded_day (
    day      date    primary key,
    expected integer not null,                          -- flights in the day's file
    flights  integer not null,                          -- counted in flights.flight
    constraint every_flight_is_loaded check (flights = expected)
  );

  create table flights.daily_figure (
    day             date    not null,
    origin          text    not null,
    carrier         text    not null,
    flights         integer not null,
    cancelled       integer not null,
    diverted        integer not null,
    dep_delay_sum   integer not null,
    late_departures integer not null,
    arrived         integer not null,
    arr_delay_sum   integer not null,
    late_arrivals   integer not null,
    max_arr_delay   integer,
    observed        integer not null,
    in_rain         integer not null,
    late_in_rain    integer not null,
    primary key (day, origin, carrier),
    check (flights = cancelled + diverted + arrived)
  );

  create table flights.monthly_figure (
    month            date    not null,                  -- its first day
    origin           text    not null,
    carrier          text    not null,
    days             integer not null,
    flights          integer not null,
    cancelled        integer not null,
    diverted         integer not null,
    dep_delay_sum    integer not null,
    late_departures  integer not null,
    arrived          integer not null,
    arr_delay_sum    integer not null,
    late_arrivals    integer not null,
    max_arr_delay    integer,
    observed         integer not null,
    in_rain          integer not null,
    late_in_rain     integer not null,
    median_arr_delay integer,
    p90_arr_delay    integer,
    primary key (month, origin, carrier),
    check (flights = cancelled + diverted + arrived)
  );

  insert into flights.migration (number, name) values (1, 'tables');
end $$;
