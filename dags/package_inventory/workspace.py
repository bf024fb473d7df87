"""Where the files of a run lie, and how a step hands values on.

Layout below the work folder (mode 0700, it belongs to the user who runs the steps):

    warehouse.db, warehouse.lock   all runs; whoever writes takes the lock first
    backup.db                      the warehouse as it stood at the last backup
    runs/<run id>/                 what one run makes: its snapshot, its records, its report
"""

import contextlib
import hashlib
import json
import os
import pwd
import re
import stat
import sys
import tempfile
from pathlib import Path

# sysexits.h's EX_TEMPFAIL: "try again". The DAG file retries on exactly this code.
TRY_AGAIN = 75

RUN_MARK = "run_id"  # a file in every run's folder: clean_up removes only folders that have it


def default_work_dir():
    """$XDG_CACHE_HOME or ~/.cache; users without a home (such as nobody) get a folder of their own under /tmp."""
    home = os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
    for cache in (os.environ.get("XDG_CACHE_HOME"), os.path.join(home, ".cache")):
        if not cache or not os.path.isabs(cache):
            continue
        try:
            os.makedirs(cache, mode=0o700, exist_ok=True)
        except OSError:
            continue
        if os.access(cache, os.W_OK | os.X_OK):
            return Path(cache, "package-inventory")
    return Path(tempfile.gettempdir(), f"package-inventory-{os.getuid()}")


def private_folder(path):
    """Makes `path` with mode 0700. One that is there already is left as it is, and must be nobody else's: not a link, not
    another user's, not one that others may write to (such as /tmp itself)."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700, parents=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        fail(f"{path} is not a private folder of this user", "choose another: -p work_dir=…")
    return path


def folder_name(run_id):
    """A run id as one safe path component. Ids that had to be changed get a hash, so that no two share a folder."""
    safe = re.sub(r"[^A-Za-z0-9_.+-]", "_", run_id).lstrip(".")[:100]
    return safe if safe == run_id else f"{safe}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


def run_folder(work_dir, run_id):
    work = private_folder(Path(work_dir).absolute() if work_dir else default_work_dir())
    private_folder(work / "runs")
    folder = private_folder(work / "runs" / folder_name(run_id))
    (folder / RUN_MARK).write_text(run_id + "\n", encoding="utf-8")  # two steps may do so at once: no rename
    return folder


def work_folder_of(run_dir):
    return Path(run_dir).parent.parent


def write_whole(path, text):
    """All of the text or the old file: a step that is killed leaves no half file for its next try."""
    draft = path.with_name(path.name + ".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def write_lines(path, items):
    write_whole(path, "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items))


def read_lines(path):
    if not path.exists():  # clean_up removes it once a later run is there
        fail(f"{path} is gone: run this run again from extract on")
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def give_outputs(**outputs):
    """Each key becomes one output of the task, {{ tasks.<task>.<key> }} for those downstream."""
    print("outputs: " + ", ".join(f"{key}={shown(value)}" for key, value in outputs.items()))
    target = os.environ.get("PIPELINED_OUTPUT")
    if target:  # not set when the step is run by hand
        Path(target).write_text(json.dumps(outputs), encoding="utf-8")  # in place: the file is there already


def shown(value):
    text = str(value)
    return text if len(text) <= 100 else text[:97] + "…"


def fail(message, *details):
    print(f"error: {message}", *(f"  {detail}" for detail in details), sep="\n", file=sys.stderr)
    raise SystemExit(1)
