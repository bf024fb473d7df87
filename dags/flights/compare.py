"""Holds the warehouse against the reference: compare.py [daily] [monthly] [hash]; all three when none is named.

Every figure of every group has to be equal, and no group may be missing or too many: exit code 1 if not. `hash` prints one
SHA-256 of all rows of all tables: running the job again must not change it.
"""

import hashlib
import pathlib
import sqlite3
import sys

import reference
import step

TABLES = ("partition", "flight", "daily_figure", "monthly_figure")
KEY = 3  # columns: period, origin, carrier


def differences(db, table, expected):
    """What is not as expected, in words; and how many figures were compared."""
    columns = [name for _, name, *_ in db.execute(f"pragma table_info({table})")][KEY:]
    found = {row[:KEY]: list(row[KEY:]) for row in db.execute(f"select * from {table}")}
    problems = [f"{' '.join(key)} is missing" for key in sorted(expected.keys() - found.keys())]
    problems += [f"{' '.join(key)} should not be there" for key in sorted(found.keys() - expected.keys())]
    for key in sorted(expected.keys() & found.keys()):
        problems += [f"{' '.join(key)}: {name} is {is_}, should be {should}"
                     for name, is_, should in zip(columns, found[key], expected[key], strict=True) if is_ != should]
    return problems, len(expected) * len(columns)


def content_hash(db):
    digest = hashlib.sha256()
    for table in TABLES:
        columns = [(place, name) for _, name, _, _, _, place in db.execute(f"pragma table_info({table})") if place]
        order = ", ".join(name for _, name in sorted(columns))
        for row in db.execute(f"select * from {table} order by {order}"):
            digest.update(repr((table, *row)).encode())
    return digest.hexdigest()


def main():
    home, wanted = pathlib.Path(step.home()), set(sys.argv[1:]) or {"daily", "monthly", "hash"}
    if wanted - {"daily", "monthly", "hash"} or not (home / "warehouse.db").exists():
        step.fail(step.WRONG_USAGE, f"usage: compare.py [daily] [monthly] [hash], with a warehouse.db in {home}")
    db, wrong = sqlite3.connect(f"{(home / 'warehouse.db').as_uri()}?mode=ro", uri=True), 0
    expected = dict(zip(("daily", "monthly"), reference.year(home / "raw"))) if wanted != {"hash"} else {}
    for name in sorted(wanted - {"hash"}):
        problems, count = differences(db, f"{name}_figure", expected[name])
        print(f"{name}: {len(expected[name])} groups, {count} figures, {len(problems)} differences")
        print(*(f"  {problem}" for problem in problems[:20]), sep="\n", end="\n" if problems else "")
        wrong += len(problems)
    if "hash" in wanted:
        print(f"hash: {content_hash(db)}")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
