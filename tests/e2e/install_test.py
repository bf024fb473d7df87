#!/usr/bin/env python3
"""cmake --install into an empty prefix: the installed programs find one another."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from case import Server, main


class Install(unittest.TestCase):
    def test_installed_programs_work(self):
        build = os.environ.get("PIPELINED_BUILD_DIR")
        if not build:
            self.skipTest("PIPELINED_BUILD_DIR is not set (ctest sets it)")
        prefix = pathlib.Path(tempfile.mkdtemp(prefix="pipelined-install-"))
        self.addCleanup(shutil.rmtree, prefix, ignore_errors=True)
        done = subprocess.run(["cmake", "--install", build, "--prefix", prefix], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for name in ("pipelined", "pipectl", "pipelined-ssh"):
            self.assertTrue((prefix / "bin" / name).exists(), done.stdout)
        for name in ("man/man1/pipectl-runs.1", "man/man1/pipelined.1", "man/man5/pipelined.yaml.5", "man/man5/pipelined-dag.5",
                     "bash-completion/completions/pipectl", "zsh/site-functions/_pipectl", "fish/vendor_completions.d/pipectl.fish"):
            self.assertTrue((prefix / "share" / name).stat().st_size, name)
        script = prefix / "share/bash-completion/completions/pipectl"
        made = subprocess.run([prefix / "bin" / "pipectl", "completion", "bash"], capture_output=True, text=True, check=True)
        self.assertEqual(script.read_text(), made.stdout)
        before = os.environ.get("PIPELINED_BIN_DIR")
        os.environ["PIPELINED_BIN_DIR"] = str(prefix / "bin")
        self.addCleanup(os.environ.__setitem__, "PIPELINED_BIN_DIR", before or "")
        with Server() as server:
            server.start()
            server.write_dag("installed", "tasks: {a: {bash: 'echo installed'}}\n")
            self.assertEqual(server.pipectl("dags", "run", "installed", "--wait").returncode, 0)


if __name__ == "__main__":
    main()
