"""Opening the SQLite warehouse, and the lock that everyone who changes it takes first."""

import contextlib
import fcntl
import os
import sqlite3
from pathlib import Path

import workspace


def path_in(work_dir):
    return Path(work_dir, "warehouse.db")


def connect(work_dir):
    """Foreign keys on, no implicit transactions: `with transaction(db)` says where one begins and ends."""
    db = sqlite3.connect(path_in(work_dir), isolation_level=None)
    db.execute("pragma foreign_keys = on")
    db.executescript(Path(__file__).with_name("warehouse.sql").read_text(encoding="utf-8"))
    return db


@contextlib.contextmanager
def transaction(db):
    db.execute("begin immediate")
    try:
        yield
    except BaseException:
        db.execute("rollback")
        raise
    db.execute("commit")


@contextlib.contextmanager
def locked(work_dir, wait):
    """Holds the warehouse's lock. Without `wait`, a lock that is taken ends the step with TRY_AGAIN: it does not sit
    on a slot of the machine while it waits, the scheduler calls it again later."""
    with open(Path(work_dir, "warehouse.lock"), "a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            lock.seek(0)
            print(f"the warehouse is locked by {lock.read().strip() or 'another program'}; try again later")
            raise SystemExit(workspace.TRY_AGAIN) from None
        lock.truncate(0)
        lock.write(f"{os.environ.get('PIPELINED_TASK_ID', 'a program')}, pid {os.getpid()}\n")
        lock.flush()
        yield
