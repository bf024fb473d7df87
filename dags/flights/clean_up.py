"""Removes the staging files of this run: clean_up.py DAY. Doing it twice is harmless."""

import os

import staging
import step


def main():
    (day,) = step.arguments("DAY")
    folder = staging.folder(day)
    files = os.listdir(folder) if os.path.isdir(folder) else []
    for name in files:
        os.unlink(os.path.join(folder, name))
    if os.path.isdir(folder):
        os.rmdir(folder)
    step.give_outputs(files_removed=len(files))


if __name__ == "__main__":
    main()
