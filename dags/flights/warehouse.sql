-- The warehouse of the flights. STRICT tables: a text in a number's place is an error, not a surprise in a sum.
-- Times of day are HHMM on the airport's wall as in the source, delays are minutes, negative ones early.

-- One row for each day that was loaded; a load replaces it together with the day's flights.
create table partition (
  day        text    not null primary key,          -- in New York, 2013-01-31
  extracted  integer not null,                      -- lines that the source has of it
  duplicates integer not null,
  rejected   integer not null,
  flights    integer not null,
  check (extracted = flights + duplicates + rejected)
) strict, without rowid;

create table flight (
  day            text    not null,
  time_hour      text    not null,                  -- the hour of the scheduled departure, UTC
  carrier        text    not null,
  flight         integer not null,
  origin         text    not null,
  dest           text    not null,
  tailnum        text,
  sched_dep_time integer not null,
  dep_time       integer,                           -- null: cancelled
  dep_delay      integer,
  sched_arr_time integer not null,
  arr_time       integer,
  arr_delay      integer,                           -- null: cancelled, or diverted
  air_time       integer,                           -- minutes
  distance       integer not null,                  -- miles
  temp           integer,                           -- hundredths of a degree Fahrenheit; these four null: not observed
  wind           integer,                           -- knots
  precip         integer,                           -- hundredths of an inch in that hour
  visib          integer,                           -- hundredths of a mile
  -- The day first: a partition lies together and is replaced without a search.
  primary key (day, carrier, flight, origin, time_hour),
  check ((dep_time is null) = (dep_delay is null)),
  check (arr_delay is null or dep_time is not null)
) strict, without rowid;

-- Sums and counts only, so that days add up to months without rounding; a mean is arr_delay_sum / arrived.
create table daily_figure (
  day             text    not null,
  origin          text    not null,
  carrier         text    not null,
  flights         integer not null,
  cancelled       integer not null,
  diverted        integer not null,                 -- departed, but without an arrival to measure
  dep_delay_sum   integer not null,
  late_departures integer not null,                 -- by 15 minutes or more
  arrived         integer not null,
  arr_delay_sum   integer not null,
  late_arrivals   integer not null,                 -- by 15 minutes or more
  max_arr_delay   integer,                          -- null: none arrived
  observed        integer not null,                 -- flights with a known rainfall at departure
  in_rain         integer not null,
  late_in_rain    integer not null,                 -- of those, arrivals late by 15 minutes or more
  primary key (day, origin, carrier),
  check (flights = cancelled + diverted + arrived)
) strict, without rowid;

create table monthly_figure (
  month            text    not null,                -- 2013-01
  origin           text    not null,
  carrier          text    not null,
  days             integer not null,                -- on which it had flights
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
  median_arr_delay integer,                         -- the lower one of the two in the middle
  p90_arr_delay    integer,                         -- the smallest that at least 90 % do not exceed
  primary key (month, origin, carrier)
) strict, without rowid;
