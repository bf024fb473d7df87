-- A partition of flights.flight for each month of 2013: flight_2013_01 to flight_2013_12.
select pg_advisory_xact_lock(20130101);

do $$
declare
  month date;
begin
  if exists (select from flights.migration where number = 2) then return; end if;
  for month in select generate_series(date '2013-01-01', date '2013-12-01', interval '1 month') loop
    execute format('create table flights.%I partition of flights.flight for values from (%L) to (%L)',
                   'flight_' || to_char(month, 'YYYY_MM'), month, (month + interval '1 month')::date);
  end loop;
  insert into flights.migration (number, name) values (2, 'partitions');
end $$;
