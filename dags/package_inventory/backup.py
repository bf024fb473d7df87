"""Copies the warehouse and proves the copy. It holds the lock meanwhile, so that nobody writes into what it copies."""

import argparse
import contextlib
import sqlite3
import time
from pathlib import Path

import warehouse
import workspace


def copy_warehouse(work_dir):
    """Bytes of the proved copy."""
    draft = Path(work_dir, "backup.db.new")
    draft.unlink(missing_ok=True)
    with contextlib.closing(warehouse.connect(work_dir)) as source, contextlib.closing(sqlite3.connect(draft)) as target:
        source.backup(target)
        verdict = target.execute("pragma integrity_check").fetchone()[0]
    if verdict != "ok":
        workspace.fail(f"the copy of the warehouse is damaged: {verdict}")
    size = draft.stat().st_size
    draft.replace(Path(work_dir, "backup.db"))
    return size


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hold", type=float, default=0, help="seconds to hold the lock at least, like a slow disk would")
    parser.add_argument("run_dir", type=Path)
    args = parser.parse_args()
    work_dir = workspace.work_folder_of(args.run_dir)
    begin = time.monotonic()
    with warehouse.locked(work_dir, wait=True):
        size = copy_warehouse(work_dir)
        time.sleep(max(0.0, begin + args.hold - time.monotonic()))
    workspace.give_outputs(bytes=size)


if __name__ == "__main__":
    main()
