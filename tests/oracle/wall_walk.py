"""When a cron expression fires, found the naive way: day by day and minute by minute along the clock on the wall, with Python's zoneinfo.

Nothing here is fast or shares a thought with src/timetable. The rules are Airflow's:
- the next tick is sought on the wall clock. A wall time that is skipped ticks at the shifted instant, one that is repeated at
  its second occurrence. What is sought next starts from the wall clock of that tick;
- a schedule of every hour follows elapsed time instead, as long as that leads to a wall time that matches; else it takes
  the next instant that shows one, or that a skipped one is shifted to.
"""
import calendar
import datetime
import functools

UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)
LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7), (0, 59), (1970, 2099))
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAYS = "sun mon tue wed thu fri sat".split()
YEARS_AHEAD = 50


def number(text, place):
    if text in MONTHS and place == 3:
        return MONTHS.index(text) + 1
    if text in WEEKDAYS and place == 4:
        return WEEKDAYS.index(text)
    return int(text)


def values(part, place):
    """What one part of a list names, in the field's own numbers."""
    low, high = LIMITS[place]
    span, _, step = part.partition("/")
    first, dash, last = span.partition("-")
    if span == "*" or (dash and number(first, place) == number(last, place)):
        named = list(range(low, high + 1))
    elif dash:
        named, at, end = [], number(first, place), number(last, place)
        if at > end and place == 4:
            at, high = at % 7, 6
        while at != end:
            named.append(at)
            at = low if at == high else at + 1
        named.append(end)
    elif step:
        named = list(range(number(first, place), high + 1))
    else:
        named = [number(first, place)]
    return set(named[::int(step or 1)])


class Expression:
    def __init__(self, text):
        words = text.lower().split()
        self.day_text, self.weekday_text = words[2], words[4]
        words += ["0", "*"][len(words) - 5:]
        self.nth = {}  # weekday -> which of the month; -1: the last
        self.nearest = int(self.day_text[:-1]) if self.day_text.endswith("w") else None
        sets = []
        for place, word in enumerate(words):
            named = set()
            for part in ("*" if word == "?" else word).split(","):
                if place == 2 and part in ("l", self.nearest and self.day_text):
                    continue
                if place == 4 and "#" in part:
                    day, _, nth = part.partition("#")
                    self.nth.setdefault(number(day, 4) % 7, set()).add(int(nth))
                elif place == 4 and part[0] == "l":
                    self.nth.setdefault(int(part[1:]) % 7, set()).add(-1)
                else:
                    named |= values(part, place)
            sets.append(named)
        self.minutes, self.hours, self.days, self.months, weekdays, self.seconds, self.years = sets
        self.any_year = words[6] == "*"
        self.last_day = "l" in self.day_text.split(",")
        self.weekdays = {day % 7 for day in weekdays}
        self.every_hour = len(self.hours) == 24
        # A plain star restricts nothing, and a field of all values does not either when the other one is written with a star.
        self.any_day = self.day_text in "*?" or (len(self.days) == 31 and "*" in self.weekday_text)
        self.any_weekday = self.weekday_text in "*?" or (len(self.weekdays) == 7 and "*" in self.day_text)

    def is_day_of_month(self, date):
        length = calendar.monthrange(date.year, date.month)[1]
        if date.day in self.days or (self.last_day and date.day == length):
            return True
        if self.nearest is None or self.nearest > length:
            return False
        target = date.replace(day=self.nearest)
        weekdays = [target + DAY * shift for shift in (0, -1, 1, -2, 2) if 1 <= self.nearest + shift <= length]
        return date == next(day for day in weekdays if day.weekday() < 5)

    def is_day_of_week(self, date):
        weekday = date.isoweekday() % 7
        if weekday in self.weekdays:
            return True
        length = calendar.monthrange(date.year, date.month)[1]
        which = self.nth.get(weekday, ())
        return (date.day + 6) // 7 in which or (-1 in which and date.day + 7 > length)

    def is_date(self, date):
        if date.month not in self.months or not (self.any_year or date.year in self.years):
            return False
        if self.nth:
            return self.is_day_of_week(date)
        if self.any_day or self.any_weekday:
            return (self.any_day or self.is_day_of_month(date)) and (self.any_weekday or self.is_day_of_week(date))
        return self.is_day_of_month(date) or self.is_day_of_week(date)

    def matches(self, wall):
        return (wall.microsecond == 0 and wall.second in self.seconds and wall.minute in self.minutes and wall.hour in self.hours
                and self.is_date(wall.date()))

    @functools.cache
    def can_meet(self, year):
        """Where a weekday is counted (5#2), it and a restricted day of month must fall together some time."""
        if not self.nth or self.any_day:
            return True
        date = datetime.date(year, 1, 1)
        while date.year <= year + YEARS_AHEAD:
            if self.is_date(date) and self.is_day_of_month(date):
                return True
            date += DAY
        return False

    def next_wall(self, wall):
        """The first match after `wall`."""
        if not self.can_meet(wall.year):
            return None
        date, last_year = wall.date(), wall.year + YEARS_AHEAD
        while date.year <= last_year:
            if self.is_date(date):
                for hour in range(24):
                    if hour not in self.hours or datetime.datetime(date.year, date.month, date.day, hour, 59, 59) <= wall:
                        continue
                    for minute in range(60):
                        if minute not in self.minutes or datetime.datetime(date.year, date.month, date.day, hour, minute, 59) <= wall:
                            continue
                        for second in range(60):
                            here = datetime.datetime(date.year, date.month, date.day, hour, minute, second)
                            if second in self.seconds and here > wall:
                                return here
            date += DAY
        return None


def instants(wall, zone):
    """When the clock shows `wall`: once, twice, or, being skipped, at the shifted instant."""
    early = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    late = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return [early] if late <= early else [early, late]


def shown(instant, zone):
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def next_fire(expression, zone, instant):
    here = shown(instant, zone)
    wall = expression.next_wall(here)
    if wall is None:
        return None
    if not expression.every_hour:
        return instants(wall, zone)[-1]
    elapsed = instant + (wall - here)
    if expression.matches(shown(elapsed, zone)):
        return elapsed
    best, wall = None, expression.next_wall(here - 2 * DAY)  # what shows after `instant` may be a day behind on the wall
    while wall is not None and (best is None or wall < shown(best, zone) + 2 * DAY):
        later = [at for at in instants(wall, zone) if at > instant]
        if later and (best is None or later[0] < best):
            best = later[0]
        wall = expression.next_wall(wall)
    return best


def fires(text, zone, instant, count):
    expression, found = Expression(text), []
    while len(found) < count:
        instant = next_fire(expression, zone, instant)
        if instant is None:
            break
        found.append(instant)
    return found
