#!/usr/bin/env python3
"""Packages from PyPI that some tests need: put once into a folder of the build, and found there by every test.

    use()      makes them importable in this process; fetches them when they are not there yet
    folder()   where they are, for PYTHONPATH of another process

Needs Debian's python3-pip, which `scripts/packages test` installs, and a package index that pip can reach.
"""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

REQUIREMENTS = pathlib.Path(__file__).resolve().with_name("requirements.txt")
REPOSITORY = REQUIREMENTS.parents[2]


def _install(target):
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True).returncode != 0:
        raise SystemExit("error: pip is missing\n  remedy: scripts/packages test")
    unfinished = target.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    done = subprocess.run(
        [*pip, "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore", "--no-deps",
         "--only-binary=:all:", "--target", unfinished, "--requirement", REQUIREMENTS], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"error: pip could not fetch the packages of {REQUIREMENTS}\n{done.stderr}"
                         f"  remedy: this needs a package index that pip can reach; see: {sys.executable} -m pip config list")
    unfinished.rename(target)


def folder():
    version = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    packages = pathlib.Path(os.environ.get("PIPELINED_BUILD_DIR", REPOSITORY / "build" / "dev")) / "python-packages"
    packages.mkdir(parents=True, exist_ok=True)
    with open(packages / "lock", "w") as lock:  # of two tests that begin at once, one fetches
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (packages / version).is_dir():
            _install(packages / version)
    return packages / version


def use():
    sys.path.insert(0, str(folder()))
    sys.dont_write_bytecode = True


if __name__ == "__main__":
    print(folder())
