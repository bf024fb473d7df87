"""Three checks of one loaded run. Each is a task of its own; a check that finds something fails its task and says what."""

import argparse
import contextlib
import os
from pathlib import Path

import resolution
import warehouse
import workspace

LARGEST_PLAUSIBLE_KIB = 64 * 1024 * 1024  # 64 GiB: no Debian package is near it, a slipped unit is


def check_counts(db, run_id, args):
    """Every record of the snapshot is in the warehouse or was counted out for a reason."""
    in_warehouse = db.execute("select count(*) from package where run_id = ?", (run_id,)).fetchone()[0]
    accounted = in_warehouse + args.left_out
    print(f"extracted {args.extracted} = {in_warehouse} in the warehouse + {args.left_out} left out")
    if accounted != args.extracted:
        return {"rows": in_warehouse}, [f"{args.extracted} records were extracted, {accounted} are accounted for"]
    return {"rows": in_warehouse}, []


def check_dependencies(db, run_id, _args):
    """Every required clause is met by something installed: a package of that name and version, or a provider."""
    installed, problems, count = resolution.Installed(db, run_id), [], 0
    for name, clause, met in installed.clauses():
        count += 1
        if not met:
            problems.append(f"{name} requires {clause}, which nothing installed meets")
    print(f"{count} requirements of {len(installed.names)} packages")
    return {"clauses": count, "dangling": len(problems)}, problems


def check_sizes(db, run_id, _args):
    """Sizes are plausible, and no package stands twice in one architecture in different versions."""
    problems = [
        f"{name} says that it takes {kib} KiB"
        for name, kib in db.execute(
            "select name, installed_kib from package where run_id = ? and installed_kib > ?", (run_id, LARGEST_PLAUSIBLE_KIB))
    ]
    # Two architectures of one package must agree in version: dpkg promises it for what they share.
    problems += [
        f"{name} is installed in {versions} versions"
        for name, versions in db.execute(
            "select name, count(distinct version) from package where run_id = ? and state = 'installed' group by name"
            " having count(distinct version) > 1", (run_id,))
    ]
    total, unknown = db.execute(
        "select coalesce(sum(installed_kib), 0), count(*) - count(installed_kib) from package where run_id = ?",
        (run_id,)).fetchone()
    if total == 0:
        problems.append("all packages together take no space")
    print(f"{total} KiB in all; {unknown} packages do not say their size")
    return {"total_kib": total}, problems


CHECKS = {"counts": check_counts, "dependencies": check_dependencies, "sizes": check_sizes}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("check", choices=sorted(CHECKS))
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--extracted", type=int, default=0)
    parser.add_argument("--left-out", type=int, default=0)
    parser.add_argument("--tolerate", type=int, default=0, help="so many findings are printed, but do not fail the check")
    args = parser.parse_args()
    with contextlib.closing(warehouse.connect(workspace.work_folder_of(args.run_dir))) as db:
        outputs, problems = CHECKS[args.check](db, os.environ.get("PIPELINED_RUN_ID", "by-hand"), args)
    if len(problems) > args.tolerate:
        workspace.fail(f"{len(problems)} findings, {args.tolerate} are tolerated", *problems[:20])
    for problem in problems:
        print("tolerated:", problem)
    workspace.give_outputs(**outputs, findings=len(problems))


if __name__ == "__main__":
    main()
