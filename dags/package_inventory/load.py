"""valid.jsonl -> the warehouse, as the rows of this run. Loading the same run again changes nothing."""

import argparse
import contextlib
import hashlib
import os
from pathlib import Path

import warehouse
import workspace


def package_rows(run_id, records):
    for r in records:
        yield (run_id, r["name"], r["architecture"], r["version"], r["section"], r.get("priority", "unknown"),
               r.get("source", ""), r.get("summary", ""), r["state"], int(r.get("essential", False)), r.get("installed_kib"))


def dependency_rows(run_id, records):
    for r in records:
        for kind in ("depends", "pre_depends"):
            for clause, alternatives in enumerate(r[kind]):
                for number, (target, _arch, relation, version) in enumerate(alternatives):
                    yield (run_id, r["name"], r["architecture"], kind, clause, number, target, relation, version)


def provided_rows(run_id, records):
    for r in records:
        for virtual_name, version in sorted({(target[0], target[3]) for target in r["provides"]}):
            yield (run_id, r["name"], r["architecture"], virtual_name, version)


def insert(db, table, rows):
    rows = list(rows)
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        db.executemany(f"insert into {table} values ({marks})", rows)


def load(db, run_id, records, digest, keep_runs):
    """True when rows were written. All in one transaction: a killed load leaves the warehouse as it was."""
    with warehouse.transaction(db):
        if db.execute("select 1 from run where run_id = ? and digest = ?", (run_id, digest)).fetchone():
            return False
        db.execute("delete from run where run_id = ?", (run_id,))  # its rows go with it
        db.execute("insert into run (run_id, digest) values (?, ?)", (run_id, digest))
        insert(db, "package", package_rows(run_id, records))
        insert(db, "dependency", dependency_rows(run_id, records))
        insert(db, "provided", provided_rows(run_id, records))
        db.execute("delete from run where seq <= (select max(seq) from run) - ?", (keep_runs,))
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep-runs", type=int, default=30, help="older runs leave the warehouse")
    parser.add_argument("run_dir", type=Path)
    args = parser.parse_args()
    run_id = os.environ.get("PIPELINED_RUN_ID", "by-hand")
    work_dir = workspace.work_folder_of(args.run_dir)

    source = args.run_dir / "valid.jsonl"
    records, digest = workspace.read_lines(source), hashlib.sha256(source.read_bytes()).hexdigest()
    with warehouse.locked(work_dir, wait=False), contextlib.closing(warehouse.connect(work_dir)) as db:
        written = load(db, run_id, records, digest, args.keep_runs)
    if not written:
        print(f"run {run_id} is in the warehouse already, with the same records: nothing to do")
    workspace.give_outputs(loaded=len(records), written=written, warehouse=str(warehouse.path_in(work_dir)))


if __name__ == "__main__":
    main()
