"""Hands on joined.csv as days/<day>.csv, and removes the other staging files of this run: clean_up.py DAY. Twice is harmless."""

import os

import staging
import step


def main():
    (day,) = step.arguments("DAY")
    folder = staging.folder(day)
    files = os.listdir(folder) if os.path.isdir(folder) else []
    if "joined.csv" in files:
        os.makedirs(os.path.dirname(staging.handed_on(day)), exist_ok=True)
        os.replace(os.path.join(folder, "joined.csv"), staging.handed_on(day))  # one rename: who waits for it finds it whole
        files.remove("joined.csv")
    for name in files:
        os.unlink(os.path.join(folder, name))
    if os.path.isdir(folder):
        os.rmdir(folder)
    step.give_outputs(files_removed=len(files))


if __name__ == "__main__":
    main()
