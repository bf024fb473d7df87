"""Fills the summary tables of one run: size by section, dependency depth, who is needed by how many."""

import argparse
import contextlib
import os
from pathlib import Path

import dependency_graph
import resolution
import warehouse
import workspace


def aggregate(db, run_id):
    """The facts by package. Replaces the run's summary rows as a whole, so that a second time gives the same."""
    facts = dependency_graph.facts(resolution.Installed(db, run_id).edges())
    with warehouse.transaction(db):
        db.execute("delete from section_size where run_id = ?", (run_id,))
        db.execute(
            "insert into section_size select run_id, section, count(*), coalesce(sum(installed_kib), 0)"
            " from package where run_id = ? group by run_id, section", (run_id,))
        db.execute("delete from package_graph where run_id = ?", (run_id,))
        db.executemany(
            "insert into package_graph values (?, ?, ?, ?, ?, ?, ?)",
            [(run_id, name, f.depth, f.needs, f.direct, f.needed_by, f.next_below) for name, f in facts.items()])
    return facts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run_dir", type=Path)
    run_dir = parser.parse_args().run_dir
    run_id, work_dir = os.environ.get("PIPELINED_RUN_ID", "by-hand"), workspace.work_folder_of(run_dir)
    with warehouse.locked(work_dir, wait=True), contextlib.closing(warehouse.connect(work_dir)) as db:
        facts = aggregate(db, run_id)
        sections = db.execute("select count(*) from section_size where run_id = ?", (run_id,)).fetchone()[0]
    deepest = max(facts, key=lambda name: (facts[name].depth, name))
    workspace.give_outputs(sections=sections, deepest=deepest, depth=facts[deepest].depth)


if __name__ == "__main__":
    main()
