"""Opening the SQLite warehouse, which up to 16 runs fill at the same time.

It is in WAL mode: readers wait for nobody, writers for one another, up to BUSY_SECONDS; a step that waited in vain ends with
TRY_AGAIN. Every step replaces what it writes in one transaction: killed, it leaves the warehouse as it was; repeated, too.
"""

import os
import sqlite3

import step

BUSY_SECONDS = 30.0


def path():
    return os.path.join(step.home(), "warehouse.db")


def connect():
    """No implicit transactions: `with change(db):` says where one begins and ends."""
    if not os.path.exists(path()):
        make()
    return open_file(path())


def open_file(file):
    return sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)


def make():
    """Made aside and linked into place: of many that do so at once one wins, and all find it whole and in WAL mode."""
    os.makedirs(step.home(), exist_ok=True)
    draft = f"{path()}.{os.getpid()}"
    db = open_file(draft)
    db.execute("pragma journal_mode = wal")
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "warehouse.sql"), encoding="utf-8") as schema:
        db.executescript(schema.read())
    db.close()
    try:
        os.link(draft, path())
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)


def change(db):
    """Begins a transaction; as a context it commits, or rolls back when the body raises."""
    db.execute("begin immediate")  # the lock comes first: no reader that turns into a writer and finds itself too late
    return db


def run(main):
    """Runs a step that uses the warehouse."""
    try:
        main()
    except sqlite3.IntegrityError as error:
        step.fail(step.UNUSABLE_DATA, f"the warehouse refuses a row: {error}", "nothing was changed")
    except sqlite3.OperationalError as error:
        if not error.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise
        step.fail(step.TRY_AGAIN, f"the warehouse was busy for {BUSY_SECONDS:g} s: {error}", "another try may find it free")
