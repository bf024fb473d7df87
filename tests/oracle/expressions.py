"""Random cron expressions, of all the forms that are read."""
import wall_walk


def some(random, place):
    low, high = wall_walk.LIMITS[place]
    return random.randint(low, 6 if place == 4 else high)


def name(random, place, value):
    if place == 3 and random.random() < 0.3:
        return random.choice((str.upper, str.lower))(wall_walk.MONTHS[value - 1])
    if place == 4 and random.random() < 0.4:
        return random.choice((str.upper, str.lower))(wall_walk.WEEKDAYS[value % 7])
    return f"{value:02}" if place != 6 and random.random() < 0.1 else str(value)


def part(random, place):
    """One part of a list: a value, a range (which may go round the end, or be of one value), or steps."""
    first, last = some(random, place), some(random, place)
    step = random.choice((2, 3, 5, 7, 15, 20, 99))
    form = random.randrange(10)
    if form < 5:
        return name(random, place, first)
    if form < 7:
        return f"{name(random, place, first)}-{name(random, place, last)}"
    if form == 7:
        return f"{first}-{last}/{step}"
    return f"*/{step}" if form == 8 else f"{first}/{step}"


def field(random, place):
    if random.random() < 0.15:
        return "*/1"
    return ",".join(part(random, place) for _ in range(random.choice((1, 1, 1, 2, 3))))


def day_of_month(random):
    form = random.randrange(8)
    return {0: "L", 1: f"{random.randint(1, 31)}W", 2: f"L,{random.randint(1, 31)}"}.get(form) or field(random, 2)


def day_of_week(random):
    day = random.randint(0, 7)
    forms = {0: f"{day}#{random.randint(1, 5)}", 1: f"L{day}", 2: f"{day}#1,L{(day + 3) % 7}", 3: "0-7"}
    return forms.get(random.randrange(9)) or field(random, 4)


def about(random, hour):
    """Hours at and around one; the days are free, so that it is met."""
    before, after = (hour - 1) % 24, (hour + 1) % 24
    hours = random.choice((f"{hour}", f"{hour},{after}", f"{before}-{after}", f"{before}", "*/2", "*"))
    minutes = random.choice((field(random, 0), f"{random.randrange(60)}", "*/15", "*/30", "*"))
    return f"{minutes} {hours} * * *" + random.choice(("", "", "", f" {random.randrange(60)}"))


def expression(random):
    def often(text, chance, other):
        return text if random.random() < chance else other
    words = [often("*", 0.15, field(random, 0)),
             often(random.choice(("*", "*/1", "0-23")), 0.25, often("1-3", 0.2, often("2", 0.15, field(random, 1)))),
             often(random.choice("**?"), 0.55, day_of_month(random)),
             often("*", 0.65, field(random, 3)),
             often(random.choice("**?"), 0.55, day_of_week(random))]
    if random.random() < 0.2:
        words.append(field(random, 5))
        if random.random() < 0.3:
            words.append(f"{random.randint(1970, 2060)}-{random.randint(2061, 2099)}")
    return random.choice((" ", "  ")).join(words)
