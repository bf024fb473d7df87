-- The figures of the month, by airport and carrier, replaced as a whole: what ../monthly_figures.py does. The date is its first day.
delete from flights.monthly_figure where month = {{ ds }}::date;

insert into flights.monthly_figure
with total as (
  select origin, carrier, count(*), sum(flights), sum(cancelled), sum(diverted), sum(dep_delay_sum), sum(late_departures),
         sum(arrived), sum(arr_delay_sum), sum(late_arrivals), max(max_arr_delay), sum(observed), sum(in_rain), sum(late_in_rain)
    from flights.daily_figure where day >= {{ ds }}::date and day < {{ ds }}::date + interval '1 month' group by origin, carrier
), spread as (
  select origin, carrier,
         percentile_disc(0.5) within group (order by arr_delay),
         percentile_disc(0.9) within group (order by arr_delay)
    from flights.flight
   where day >= {{ ds }}::date and day < {{ ds }}::date + interval '1 month' and arr_delay is not null group by origin, carrier
)
select {{ ds }}::date, * from total left join spread using (origin, carrier);
