#!/usr/bin/env python3
"""Following a run: the live view on a terminal of changing size, plain lines elsewhere, a server that goes away and comes
back, an interrupt that leaves the run alone."""
import fcntl
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

from case import OwnServerCase, ServerCase, bin_dir, clean_environment, main, wait_for
from login_test import read_until

# Each task goes on when the test lets it: it waits for a file.
GATED = """
tasks:
  first: {bash: 'while [ ! -e GATE/first ]; do sleep 0.05; done'}
  checks.one: {bash: 'while [ ! -e GATE/one ]; do sleep 0.05; done', depends_on: [first]}
  checks.two: {bash: 'echo about to fail; echo the reason; while [ ! -e GATE/two ]; do sleep 0.05; done; exit 3', depends_on: [first]}
"""


def gate(case, server, name="gated"):
    folder = pathlib.Path(server.root) / f"gate-{case.id().rpartition('.')[2]}"
    folder.mkdir()
    server.write_dag(name, GATED.replace("GATE", str(folder)))
    case.addCleanup(lambda: [(folder / task).touch() for task in ("first", "one", "two")])
    return folder


class Terminal:
    """pipectl on a terminal of its own."""

    def __init__(self, server, *words, columns=100, rows=30, env=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))  # before anybody asks
            environment = clean_environment({"TERM": "xterm", **(env or {})})
            os.execve(bin_dir() / "pipectl", ["pipectl", "--home", str(server.home), *words], environment)

    def resize(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, words, timeout=60):
        return read_until(self.fd, words, timeout)

    def interrupt(self):
        os.write(self.fd, b"\x03")

    def end(self):
        """All that is left to read, and how it ended."""
        text = ""
        while True:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece.decode(errors="replace")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return text, os.waitstatus_to_exitcode(status)


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


class LiveView(ServerCase):
    def test_a_tree_with_groups_bars_and_the_log_of_what_failed(self):
        folder = gate(self, self.server, "tree")
        run_id = self.server.trigger("tree")
        terminal = Terminal(self.server, "runs", "watch", "tree", run_id)
        terminal.until(r"first\s+\S*running")
        (folder / "first").touch()
        text = plain(terminal.until(r"checks\.two\s+\S*running"))
        self.assertRegex(text, r"checks\s+\[\.{10}\] 0/2")
        (folder / "two").touch()
        text = plain(terminal.until(r"\| the reason"))
        self.assertIn("the log of checks.two (try 1) ends:", text)
        (folder / "one").touch()
        text, code = terminal.end()
        self.assertEqual(code, 1)
        self.assertIn("100%", plain(text))

    def test_no_line_is_wider_than_the_terminal_which_may_change(self):
        folder = gate(self, self.server, "narrow")
        run_id = self.server.trigger("narrow", run_id="a_run_with_an_id_that_is_longer_than_a_narrow_terminal_is_wide")
        terminal = Terminal(self.server, "runs", "watch", "narrow", run_id, columns=120)
        text = plain(terminal.until(r"first\s+\S*running"))
        self.assertIn("terminal_is_wide", text)
        terminal.resize(40, 12)
        terminal.until("narrow a_run_with[^\n]*…")
        (folder / "first").touch()
        text = plain(terminal.until(r"checks\.two\s+\S*running"))
        for line in text.split("\n"):
            self.assertLess(len(line.strip("\r")), 40, line)
        terminal.interrupt()
        terminal.end()

    def test_an_interrupt_leaves_the_run_alone_and_says_so(self):
        folder = gate(self, self.server, "left")
        run_id = self.server.trigger("left")
        terminal = Terminal(self.server, "runs", "watch", "left", run_id)
        terminal.until(r"first\s+\S*running")
        terminal.interrupt()
        text, code = terminal.end()
        self.assertEqual(code, -signal.SIGINT)
        self.assertIn("goes on; follow it again: pipectl runs watch left", text)
        self.assertEqual(self.server.run("left", run_id)["state"], "running")
        for task in ("first", "one", "two"):
            (folder / task).touch()
        self.assertEqual(self.server.wait_run("left", run_id), "failed")

    def test_no_colour_where_none_is_wanted(self):
        gate(self, self.server, "grey")
        run_id = self.server.trigger("grey")
        for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
            terminal = Terminal(self.server, "runs", "watch", "grey", run_id, env=env)
            text = terminal.until("running(.|\n)*running")
            terminal.interrupt()
            terminal.end()
            self.assertEqual(bool(re.search(r"\x1b\[3\dm", text)), coloured, repr(text))

    def test_plain_lines_elsewhere(self):
        folder = gate(self, self.server, "lines")
        for task in ("first", "one", "two"):
            (folder / task).touch()
        done = self.server.pipectl("dags", "run", "lines", "--watch")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        self.assertRegex(done.stderr, r"\dZ checks.two failed\n")
        self.assertNotIn("\x1b", self.server.ctl("dags", "list", "-o", "table"))


class Reader:
    """A child's standard error as it comes."""

    def __init__(self, stream):
        self.text = ""
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream):
        for line in stream:
            self.text += line


class Restarts(OwnServerCase):
    def follow(self, server, *words):
        child = subprocess.Popen([bin_dir() / "pipectl", "--home", server.home, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True, env=clean_environment())
        self.addCleanup(child.kill)
        return child, Reader(child.stderr)

    def finish(self, server, folder, run_id, child, shown):
        for task in ("first", "one", "two"):
            (folder / task).touch()
        out = child.stdout.read()
        self.assertEqual(child.wait(timeout=60), 1, out + shown.text)
        shown.thread.join(timeout=60)
        child.stdout.close()
        child.stderr.close()
        self.assertIn("no answer from", shown.text)
        self.assertIn("the server answers again", shown.text)
        self.assertRegex(shown.text, r"checks.two failed")
        self.assertEqual(server.wait_run("gated", run_id), "failed")

    def test_the_api_server_is_killed(self):
        server = self.make_server()
        folder = gate(self, server)
        run_id = server.trigger("gated")
        child, shown = self.follow(server, "runs", "watch", "gated", run_id)
        wait_for(lambda: "first running" in shown.text, 60, "the first task")
        while "no answer" not in shown.text:  # it is started again at once: now and then nobody has noticed
            server.kill("api-server")
            wait_for(lambda: server.pids("api-server"), 60)
        wait_for(lambda: "answers again" in shown.text, 60)
        self.finish(server, folder, run_id, child, shown)

    def test_the_whole_server_is_killed_and_comes_back_elsewhere(self):
        server = self.make_server()
        folder = gate(self, server)
        run_id = server.trigger("gated")
        child, shown = self.follow(server, "runs", "watch", "gated", run_id)
        terminal = Terminal(server, "runs", "watch", "gated", run_id)
        terminal.until(r"first\s+\S*running")
        wait_for(lambda: "first running" in shown.text, 60, "the first task")
        before = server.url
        server.kill_all()
        wait_for(lambda: "no answer from" in shown.text, 60, "the notice")
        terminal.until("no answer from .* still trying")
        server.start()
        self.assertNotEqual(server.url, before, "another port")
        wait_for(lambda: "answers again" in shown.text, 60)
        self.finish(server, folder, run_id, child, shown)
        self.assertEqual(terminal.end()[1], 1)


if __name__ == "__main__":
    main()
