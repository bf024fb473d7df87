"""Shrinks the folders of earlier runs to their reports, and removes those that are too old to be of interest.

This run's own files stay: any of its steps can be run again. Of an earlier run, only from `extract` on.
"""

import argparse
import os
import shutil
from pathlib import Path

import workspace

INTERMEDIATE = ("status", "records.jsonl", "valid.jsonl")


def clean(run_dir, keep_runs):
    """(files, folders) removed. Doing it twice is harmless."""
    others = [folder for folder in run_dir.parent.iterdir() if folder != run_dir and (folder / workspace.RUN_MARK).is_file()]
    newest_first = sorted(others, key=lambda folder: folder.stat().st_mtime, reverse=True)
    kept, old = newest_first[:keep_runs - 1], newest_first[keep_runs - 1:]
    for folder in old:
        shutil.rmtree(folder)
    files = [folder / name for folder in kept for name in INTERMEDIATE if (folder / name).exists()]
    for file in files:
        file.unlink()
    return len(files), len(old)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-dir", default="")
    parser.add_argument("--keep-runs", type=int, default=30)
    args = parser.parse_args()
    run_dir = workspace.run_folder(args.work_dir, os.environ.get("PIPELINED_RUN_ID", "by-hand"))
    files, folders = clean(run_dir, args.keep_runs)
    workspace.give_outputs(files_removed=files, folders_removed=folders)


if __name__ == "__main__":
    main()
