"""A month as a plot and a table: draw_month.py MONTH DAYS CARRIERS, rows of the warehouse as JSON -> reports/<month>.svg"""

import json
import os

import month_report
import step

WIDTH, HEIGHT, MARGIN = 720, 320, 48
BY_CARRIER = ("carrier", "flights", "cancelled", "arrived", "delay", "late", "worst")


def steps(low, high):
    """Round numbers from below the lowest to above the highest value, at most ten of them."""
    size = next(size for size in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if (high - low) / size <= 8)
    return list(range(int(low // size) * size, int(-(-high // size)) * size + 1, size))


def plot(month, means):
    """A bar for each day, minutes of mean arrival delay: above the line late, below it early; no bar: nothing arrived."""
    known = [mean for mean in means if mean is not None]
    grid = steps(min([0, *known]), max([1, *known]))
    scale = (HEIGHT - 2 * MARGIN) / (grid[-1] - grid[0])
    slot = (WIDTH - 2 * MARGIN) / len(means)

    def height(minutes):
        return HEIGHT - MARGIN - (minutes - grid[0]) * scale

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
             'font-family="sans-serif" font-size="11" fill="#333">',
             f"<title>Arrivals of {month}</title>", f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             f'<text x="{MARGIN}" y="24" font-size="14">Flights from New York, {month}: mean delay at arrival, minutes</text>']
    for minutes in grid:
        parts.append(f'<path d="M{MARGIN} {height(minutes):.1f}H{WIDTH - MARGIN}" stroke="{"#333" if minutes == 0 else "#ddd"}"/>'
                     f'<text x="{MARGIN - 6}" y="{height(minutes) + 4:.1f}" text-anchor="end">{minutes}</text>')
    for number, mean in enumerate(means):
        left = MARGIN + number * slot
        if mean is not None:
            top, bottom = sorted((height(mean), height(0)))
            parts.append(f'<rect class="day" x="{left + slot * 0.15:.1f}" y="{top:.1f}" width="{slot * 0.7:.1f}" height="{bottom - top:.1f}" '
                         f'fill="{"#c0504d" if mean > 0 else "#4f81bd"}"><title>{month}-{number + 1:02}: {mean:.1f}</title></rect>')
        parts.append(f'<text x="{left + slot / 2:.1f}" y="{HEIGHT - MARGIN + 16}" text-anchor="middle">{number + 1}</text>')
    return "\n".join((*parts, "</svg>")) + "\n"


def main():
    month, days, carriers = step.arguments("MONTH", "DAYS", "CARRIERS")
    days, carriers = json.loads(days), json.loads(carriers)
    if not days:
        step.fail(step.NO_INPUT, f"the warehouse has no day of {month}")
    folder = os.path.join(step.home(), "reports")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, month + ".svg")
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(plot(month, [day["delay"] / day["arrived"] if day["arrived"] else None for day in days]))
    os.replace(path + ".new", path)
    text = month_report.text(month, [[row[name] for name in BY_CARRIER] for row in carriers])
    print(text, end="")
    step.give_values(plot=path, text=text, flights=sum(row["flights"] for row in carriers), late=sum(row["late"] for row in carriers))


if __name__ == "__main__":
    main()
