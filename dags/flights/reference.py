"""All figures of the year in one pass over the whole CSV files, sharing nothing with the job: what its results are held against."""

import collections
import csv


def figures(flights, rain):
    """Of one group of flights, in the order of the columns of daily_figure."""
    delays = sorted(int(f["arr_delay"]) for f in flights if f["arr_delay"] != "NA")
    left = [int(f["dep_delay"]) for f in flights if f["dep_time"] != "NA"]
    wet = [f for f in flights if (rain.get((f["origin"], f["time_hour"])) or 0) > 0]
    observed = sum(rain.get((f["origin"], f["time_hour"])) is not None for f in flights)
    return [len(flights), len(flights) - len(left), len(left) - len(delays), sum(left), sum(d >= 15 for d in left),
            len(delays), sum(delays), sum(d >= 15 for d in delays), max(delays, default=None), observed, len(wet),
            sum(f["arr_delay"] != "NA" and int(f["arr_delay"]) >= 15 for f in wet)], delays


def year(raw):
    """({(day, origin, carrier): figures}, {(month, origin, carrier): days, figures, median, 90th percentile})"""
    with open(raw / "weather.csv", encoding="utf-8") as file:
        rain = {(w["origin"], w["time_hour"]): None if w["precip"] == "NA" else float(w["precip"]) for w in csv.DictReader(file)}
    daily, monthly = collections.defaultdict(list), collections.defaultdict(list)
    with open(raw / "flights.csv", encoding="utf-8") as file:
        for f in csv.DictReader(file):
            month = f"{f['year']}-{int(f['month']):02}"
            daily[f"{month}-{int(f['day']):02}", f["origin"], f["carrier"]].append(f)
            monthly[month, f["origin"], f["carrier"]].append(f)
    months = {}
    for key, flights in monthly.items():
        sums, delays = figures(flights, rain)
        n = len(delays)
        spread = [delays[(n - 1) // 2], delays[-(-9 * n // 10) - 1]] if n else [None, None]
        months[key] = [len({f["day"] for f in flights}), *sums, *spread]
    return {key: figures(flights, rain)[0] for key, flights in daily.items()}, months
