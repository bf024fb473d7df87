"""Takes a snapshot of dpkg's database and counts its records, so that later steps can prove that none was lost."""

import argparse
import os
import re
import shutil
import subprocess
from pathlib import Path

import workspace

DPKG_STATUS = "/var/lib/dpkg/status"


def count_records(snapshot):
    """(stanzas, those that dpkg-query lists). Counted on raw lines, on purpose not with the parser of the next step."""
    text = Path(snapshot).read_bytes()
    records = len(re.findall(rb"^Package:", text, re.MULTILINE))
    unlisted = len(re.findall(rb"^Status: \S+ \S+ not-installed\s*$", text, re.MULTILINE))
    return records, records - unlisted


def count_by_dpkg():
    """What dpkg itself says; None where there is no dpkg-query."""
    if not shutil.which("dpkg-query"):
        return None
    names = subprocess.run(["dpkg-query", "--show", "--showformat", "${Package}\n"], capture_output=True, check=True)
    return names.stdout.count(b"\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-dir", default="", help="empty: a private folder of this user")
    parser.add_argument("--status", default=DPKG_STATUS, help="the database to read")
    args = parser.parse_args()

    run_dir = workspace.run_folder(args.work_dir, os.environ.get("PIPELINED_RUN_ID", "by-hand"))
    snapshot = run_dir / "status"
    try:
        shutil.copyfile(args.status, snapshot)  # dpkg replaces the file by rename: a copy is always a whole one
    except OSError as error:
        workspace.fail(f"the package database cannot be read: {error}")
    records, listed = count_records(snapshot)
    if records == 0:
        workspace.fail(f"{args.status} holds no package")
    by_dpkg = count_by_dpkg() if args.status == DPKG_STATUS else None
    if by_dpkg not in (None, listed):
        print(f"dpkg is at work: it lists {by_dpkg} packages, its file {listed}; another try may find it at rest")
        raise SystemExit(workspace.TRY_AGAIN)
    workspace.give_outputs(run_dir=str(run_dir), records=records, bytes=snapshot.stat().st_size)


if __name__ == "__main__":
    main()
