-- What the figures of a month are read by; PostgreSQL makes the first one in every partition, also in later ones.
select pg_advisory_xact_lock(20130101);

do $$ begin
  if exists (select from flights.migration where number = 3) then return; end if;
  create index flight_arrivals on flights.flight (origin, carrier, arr_delay) where arr_delay is not null;
  create index daily_figure_carrier on flights.daily_figure (carrier, day);
  insert into flights.migration (number, name) values (3, 'indexes');
end $$;
