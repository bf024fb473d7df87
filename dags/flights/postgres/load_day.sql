-- The day's file replaces the day in the warehouse: all of it or nothing. Every column comes as one list, bound as one array.
delete from flights.flight where day = {{ ds }}::date;

insert into flights.flight
select {{ ds }}::date, *
  from unnest({{ tasks.read_day.time_hour }}::timestamptz[],
              {{ tasks.read_day.carrier }}::text[],
              {{ tasks.read_day.flight }}::integer[],
              {{ tasks.read_day.origin }}::text[],
              {{ tasks.read_day.dest }}::text[],
              {{ tasks.read_day.tailnum }}::text[],
              {{ tasks.read_day.sched_dep_time }}::integer[],
              {{ tasks.read_day.dep_time }}::integer[],
              {{ tasks.read_day.dep_delay }}::integer[],
              {{ tasks.read_day.sched_arr_time }}::integer[],
              {{ tasks.read_day.arr_time }}::integer[],
              {{ tasks.read_day.arr_delay }}::integer[],
              {{ tasks.read_day.air_time }}::integer[],
              {{ tasks.read_day.distance }}::integer[],
              {{ tasks.read_day.temp }}::integer[],
              {{ tasks.read_day.wind }}::integer[],
              {{ tasks.read_day.precip }}::integer[],
              {{ tasks.read_day.visib }}::integer[]);

-- The last statement: its check holds what is there against what the file has.
insert into flights.loaded_day
select {{ ds }}::date, {{ tasks.read_day.flights }}::integer, count(*) from flights.flight where day = {{ ds }}::date
    on conflict (day) do update set expected = excluded.expected, flights = excluded.flights;
