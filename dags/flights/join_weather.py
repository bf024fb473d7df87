"""valid.csv and weather.csv -> joined.csv: each flight with the weather at its airport in the hour of its scheduled departure.

Joined by the instant (UTC), not by the hour on the wall: that one stands twice on the day on which summer time ends. A flight
without an observation keeps NA. Temperature, rain and sight become hundredths, wind becomes knots: whole numbers sum exactly.
"""

import staging
import step

MPH_PER_KNOT = 1.15078        # the source's factor
STRONGEST_PLAUSIBLE = 200     # knots at the ground; the source has an hour with 911, a slipped instrument
NOTHING = ("NA", "NA", "NA", "NA")


def hundredths(text):
    return "NA" if text == "NA" else str(round(float(text) * 100))


def knots(text):
    return "NA" if text == "NA" else str(round(float(text) / MPH_PER_KNOT))


def observations(lines):
    """({(origin, instant): (temp, wind, precip, visib)}, number of winds that cannot be true and became NA)"""
    found, implausible = {}, 0
    for number, line in enumerate(lines, start=2):
        values = line.split(",")
        row = dict(zip(staging.WEATHER, values))
        try:
            if len(values) != len(staging.WEATHER):
                raise ValueError(f"{len(values)} values, {len(staging.WEATHER)} expected")
            wind = knots(row["wind_speed"])
            reading = hundredths(row["temp"]), wind, hundredths(row["precip"]), hundredths(row["visib"])
        except (ValueError, OverflowError) as error:
            step.fail(step.UNUSABLE_DATA, f"weather.csv, line {number}: {error}")
        if wind != "NA" and int(wind) > STRONGEST_PLAUSIBLE:
            implausible += 1
            reading = reading[0], "NA", *reading[2:]
        key = row["origin"], row["time_hour"]
        if found.setdefault(key, reading) != reading:
            step.fail(step.UNUSABLE_DATA, f"weather.csv, line {number}: {key[0]} {key[1]} stands twice, and differently")
    return found, implausible


def join(day, lines, weather):
    for line in lines:
        row = dict(zip(staging.FLIGHT, line.split(",")), day=day)
        known = [row[name] for name in staging.JOINED[:-len(NOTHING)]]
        yield ",".join((*known, *weather.get((row["origin"], row["time_hour"]), NOTHING)))


def main():
    (day,) = step.arguments("DAY")
    weather, implausible = observations(staging.read(day, "weather.csv", staging.WEATHER))
    joined = list(join(day, staging.read(day, "valid.csv", staging.FLIGHT), weather))
    staging.write(day, "joined.csv", staging.JOINED, joined)
    without = sum(line.endswith("," + ",".join(NOTHING)) for line in joined)
    step.give_outputs(joined=len(joined), without_weather=without, implausible_winds=implausible)


if __name__ == "__main__":
    main()
