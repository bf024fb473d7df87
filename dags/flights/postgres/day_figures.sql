-- The figures of the day, by airport and carrier, replaced as a whole: what ../daily_figures.py does.
delete from flights.daily_figure where day = {{ ds }}::date;

insert into flights.daily_figure
select day, origin, carrier,
       count(*),
       count(*) filter (where dep_time is null),
       count(*) filter (where dep_time is not null and arr_delay is null),
       coalesce(sum(dep_delay), 0),
       count(*) filter (where dep_delay >= 15),
       count(arr_delay),
       coalesce(sum(arr_delay), 0),
       count(*) filter (where arr_delay >= 15),
       max(arr_delay),
       count(precip),
       count(*) filter (where precip > 0),
       count(*) filter (where precip > 0 and arr_delay >= 15)
  from flights.flight where day = {{ ds }}::date group by day, origin, carrier;
