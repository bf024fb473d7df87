#!/usr/bin/env python3
"""Completion as real shells do it: words, names that the server knows, file names; nothing when there is no server."""
import os
import pathlib
import pty
import shutil
import subprocess
import tempfile
import time
import unittest

from case import ServerCase, bin_dir, clean_environment, main
from login_test import read_until


class Completion(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("sales_daily", "sales_weekly", "other"):
            cls.server.write_dag(name, "tasks: {extract: {bash: 'true'}, load: {bash: 'true', depends_on: [extract]}}\n")
        cls.run_id = cls.server.trigger("sales_daily", run_id="manual__2026-01-31T06:00:00+00:00")
        cls.server.wait_run("sales_daily", cls.run_id)
        cls.server.ctl("pools", "set", "warehouse", "4")
        cls.server.ctl("variables", "set", "region", "eu")
        cls.server.ctl("connections", "add", "wh_db", "--conn-type", "postgres")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pipelined-completion-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        for shell in ("bash", "zsh", "fish"):
            (cls.folder / shell).write_text(cls.server.ctl("completion", shell))
        (cls.folder / "a_dag_file.yaml").write_text("")

    def environment(self, **extra):
        return clean_environment({"PIPELINED_HOME": str(self.server.home), "HOME": str(self.folder), "TERM": "xterm",
                                  "PIPELINED_COMPLETION_MS": "20000", "XDG_CONFIG_HOME": str(self.folder / "config"), "PATH": f"{bin_dir()}:{os.environ['PATH']}", **extra})

    def bash(self, line, **extra):
        """What bash offers after `line`: its words are cut as bash cuts them."""
        script = """
          source "$1"; line=$2
          words=(); rest=$line
          while [[ $rest =~ ^([[:blank:]]*)([^[:blank:]:=]+|[=:]+)(.*)$ ]]; do words+=("${BASH_REMATCH[2]}"); rest=${BASH_REMATCH[3]}; done
          [[ $line == *[[:blank:]] || $line == *: ]] && words+=("")
          COMP_WORDS=("${words[@]}"); COMP_CWORD=$((${#words[@]} - 1)); COMP_LINE=$line; COMP_POINT=${#line}
          _pipectl; printf '%s\\n' "${COMPREPLY[@]}"
        """
        done = subprocess.run(["bash", "-c", script, "bash", self.folder / "bash", line], capture_output=True, text=True, cwd=self.folder,
                              env=self.environment(**extra), timeout=60)
        self.assertEqual(done.stderr, "")
        return sorted(done.stdout.split())

    def test_commands_options_and_allowed_words(self):
        self.assertEqual(self.bash("pipectl dags ru"), ["run"])
        self.assertIn("dags", self.bash("pipectl "))
        self.assertEqual(self.bash("pipectl dags run --wat"), ["--watch"])
        self.assertEqual(self.bash("pipectl dags list -o "), ["json", "plain", "table", "wide", "yaml"])
        self.assertEqual(self.bash("pipectl completion "), ["bash", "fish", "zsh"])
        self.assertEqual(self.bash("pipectl nonsense "), [])

    def test_names_that_the_server_knows(self):
        self.assertEqual(self.bash("pipectl dags run sales_"), ["sales_daily", "sales_weekly"])
        self.assertEqual(self.bash("pipectl runs show sales_daily lat"), ["latest"])
        self.assertEqual(self.bash("pipectl tasks logs sales_daily latest "), ["extract", "load"])
        self.assertEqual(self.bash("pipectl pools get ware"), ["warehouse"])
        self.assertEqual(self.bash("pipectl variables get "), ["region"])
        self.assertEqual(self.bash("pipectl connections get wh"), ["wh_db"])
        self.assertEqual(self.bash("pipectl queue --pool ware"), ["warehouse"])

    def test_colons_at_which_bash_cuts(self):
        self.assertEqual(self.bash("pipectl runs show sales_daily man"), [self.run_id])
        self.assertEqual(self.bash("pipectl runs show sales_daily manual__2026-01-31T06:"), ["00:00+00:00"])
        self.assertEqual(self.bash("pipectl runs show sales_daily manual__2026-01-31T06:0"), ["00:00+00:00"])

    def test_silent_and_quick_without_a_server(self):
        for extra in ({"PIPELINED_HOME": "/nowhere"}, {"PIPELINED_URL": "http://127.0.0.1:9", "PIPELINED_TOKEN": "x"}):
            self.assertEqual(self.bash("pipectl dags run s", **extra), [])

    def test_bash_itself(self):
        self.in_terminal(["bash", "--norc", "--noprofile", "-i"], f"source {self.folder / 'bash'}\n", "eekly",
                         "ual__2026-01-31T06:00:00.00:00")

    @unittest.skipUnless(shutil.which("zsh"), "needs zsh")
    def test_zsh_itself(self):
        self.in_terminal(["zsh", "-f", "-i"], f"autoload -U compinit; compinit -u -D; source {self.folder / 'zsh'}\n", "eekly",
                         "ual__2026-01-31T06:00:00.{1,2}00:00")

    def in_terminal(self, shell, setup, dag, run):
        """Types half a name and a tab, as a person does; `dag` and `run` are the other halves."""
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execvpe(shell[0], shell, self.environment(PS1="$ "))
        try:
            os.write(fd, setup.encode() + b"echo rea''dy\n")
            read_until(fd, "ready\r?\n")
            os.write(fd, b"echo pipectl; pipectl dags run sales_w\t")
            read_until(fd, dag)
            os.write(fd, b"\x15pipectl runs show sales_daily man\t")
            read_until(fd, run)
            os.write(fd, b"\x15pipectl dags validate a_da\t")
            read_until(fd, "g_file.yaml")
        finally:
            os.close(fd)
            os.kill(pid, 9)
            os.waitpid(pid, 0)

    @unittest.skipUnless(shutil.which("fish"), "needs fish")
    def test_fish_itself(self):
        def offers(line):
            done = subprocess.run(["fish", "--no-config", "-c", f"source {self.folder / 'fish'}; complete -C '{line}'"], capture_output=True,
                                  text=True, cwd=self.folder, env=self.environment(), timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            return [offer.split("\t")[0] for offer in done.stdout.splitlines()]
        self.assertEqual(offers("pipectl dags run sales_"), ["sales_daily", "sales_weekly"])
        self.assertEqual(offers("pipectl dags ru"), ["run"])
        self.assertEqual(offers("pipectl runs show sales_daily man"), [self.run_id])
        self.assertEqual(offers("pipectl dags validate a_da"), ["a_dag_file.yaml"])

    def test_how_long_it_takes(self):
        """Printed, not asserted: the machine may be busy."""
        times = []
        for _ in range(5):
            start = time.monotonic()
            subprocess.run([bin_dir() / "pipectl", "__complete", "bash", "pipectl dags run s"], env=self.environment(), capture_output=True,
                           check=True)
            times.append(time.monotonic() - start)
        print(f"a completion with live names takes {1000 * min(times):.0f} ms")


if __name__ == "__main__":
    main()
