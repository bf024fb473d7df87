#!/usr/bin/env python3
"""pipectl login, logout and profiles: several servers, which one counts, and where the tokens are kept."""
import json
import os
import pathlib
import pty
import re
import select
import shutil
import stat
import subprocess
import tempfile
import unittest

from case import OwnServerCase, ServerCase, bin_dir, clean_environment, main
from tls_test import make_certificate


class Client:
    """pipectl of somebody who has no home of a server: only what is in `folder`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.profiles = self.folder / "config" / "pipelined" / "profiles.json"

    def environment(self, **extra):
        return clean_environment({"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "config"),
                                  "PIPELINED_HOME": str(self.folder / "nothing"), **extra})

    def run(self, *words, given="", **extra):
        return subprocess.run([bin_dir() / "pipectl", *map(str, words)], input=given, capture_output=True, text=True,
                              env=self.environment(**extra), timeout=60)


def admin_password(server):
    return (server.home / "secrets" / "admin-password").read_text().strip()


def new_client(case):
    folder = tempfile.mkdtemp(prefix="pipelined-client-")
    case.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    return Client(folder)


class Login(ServerCase):
    def setUp(self):
        self.client = new_client(self)

    def assert_code(self, code, done):
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def login(self, *words):
        return self.assert_code(0, self.client.run("login", self.server.url, *words, given=admin_password(self.server) + "\n"))

    def test_from_log_in_to_log_out(self):
        self.assert_code(6, self.client.run("dags", "list"))
        self.login()
        self.assert_code(0, self.client.run("dags", "list"))
        rows = json.loads(self.client.run("profiles", "list", "-o", "json").stdout)
        self.assertEqual([(row["url"], row["user"], row["current"], row["logged_in"]) for row in rows],
                         [(self.server.url, "admin", True, True)])
        self.assert_code(0, self.client.run("logout"))
        self.assert_code(6, self.client.run("dags", "list"))
        self.assert_code(3, self.client.run("logout"))
        self.assert_code(0, self.client.run("login", "--profile", rows[0]["name"], given=admin_password(self.server) + "\n"))
        self.assert_code(0, self.client.run("dags", "list"))

    def test_the_token_is_kept_for_nobody_else_and_the_password_not_at_all(self):
        self.login()
        self.assertEqual(stat.S_IMODE(os.stat(self.client.profiles).st_mode), 0o600)
        text = self.client.profiles.read_text()
        self.assertNotIn(admin_password(self.server), text)
        token = next(iter(json.loads(text)["profiles"].values()))["token"]
        shown = self.client.run("profiles", "list", "-o", "json").stdout + self.client.run("profiles", "list").stdout
        self.assertNotIn(token, shown)

    def test_a_log_in_that_takes_long_loses_no_other(self):
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(bin_dir() / "pipectl", ["pipectl", "login", self.server.url, "--profile", "slow"], self.client.environment())
        try:
            read_until(fd, "password of admin: ")
            self.login("--profile", "quick")
            os.write(fd, admin_password(self.server).encode() + b"\n")
            read_until(fd, "logged in at")
        finally:
            os.waitpid(pid, 0)
            os.close(fd)
        rows = json.loads(self.client.run("profiles", "list", "-o", "json").stdout)
        self.assertEqual({(row["name"], row["logged_in"]) for row in rows}, {("slow", True), ("quick", True)})

    def test_a_wrong_password_keeps_nothing(self):
        done = self.assert_code(4, self.client.run("login", self.server.url, given="wrong\n"))
        self.assertIn("password", done.stderr)
        self.assertFalse(self.client.profiles.exists())

    def test_there_is_no_way_to_give_a_password_on_the_command_line(self):
        self.assertNotRegex(self.client.run("login", "--help").stdout, r"--password(?!-)")
        self.assert_code(2, self.client.run("login", self.server.url, "--password", "x"))

    def test_a_token_may_be_kept_that_one_has(self):
        self.assert_code(4, self.client.run("login", self.server.url, "--with-token", given="wrong\n"))
        self.assert_code(0, self.client.run("login", self.server.url, "--with-token", given=self.server.token() + "\n"))
        self.assert_code(0, self.client.run("dags", "list"))

    def test_which_server_counts(self):
        self.login("--profile", "good")
        profiles = json.loads(self.client.profiles.read_text())
        profiles["profiles"]["bad"] = {"url": "http://127.0.0.1:9", "token": "x"}
        self.client.profiles.write_text(json.dumps(profiles))
        good, bad = (0, 6)
        self.assert_code(good, self.client.run("dags", "list"))
        self.assert_code(bad, self.client.run("dags", "list", PIPELINED_PROFILE="bad"))
        self.assert_code(good, self.client.run("--profile", "good", "dags", "list", PIPELINED_PROFILE="bad"))
        self.assert_code(good, self.client.run("dags", "list", "--profile", "good", PIPELINED_URL="http://127.0.0.1:9"))
        self.assert_code(bad, self.client.run("dags", "list", PIPELINED_URL="http://127.0.0.1:9", PIPELINED_PROFILE="good"))
        self.assert_code(good, self.client.run("--url", self.server.url, "dags", "list", PIPELINED_URL="http://127.0.0.1:9"))
        self.assert_code(0, self.client.run("profiles", "use", "bad"))
        self.assert_code(bad, self.client.run("dags", "list"))
        self.assert_code(good, self.client.run("--home", self.server.home, "dags", "list"))
        self.assert_code(0, self.client.run("profiles", "use", "--none"))
        self.assert_code(good, self.client.run("dags", "list", PIPELINED_HOME=str(self.server.home)))
        self.assert_code(2, self.client.run("--profile", "good", "--url", self.server.url, "dags", "list"))
        done = self.assert_code(3, self.client.run("--profile", "goood", "dags", "list"))
        self.assertIn('did you mean "good"', done.stderr)

    def test_a_token_goes_to_its_own_server_only(self):
        self.login("--profile", "good")
        profiles = json.loads(self.client.profiles.read_text())
        profiles["profiles"]["other"] = {"url": "http://elsewhere", "token": profiles["profiles"]["good"]["token"]}
        del profiles["profiles"]["good"]
        self.client.profiles.write_text(json.dumps(profiles))
        self.assert_code(4, self.client.run("--url", self.server.url, "dags", "list"))

    def test_profiles_are_deleted_after_a_question(self):
        self.login("--profile", "good")
        done = self.assert_code(2, self.client.run("profiles", "delete", "good"))
        self.assertIn("--yes", done.stderr)
        self.assert_code(3, self.client.run("profiles", "delete", "goof", "-y"))
        self.assert_code(0, self.client.run("profiles", "delete", "good", "-y"))
        self.assertEqual(json.loads(self.client.run("profiles", "list", "-o", "json").stdout), [])

    def test_a_broken_file_is_said(self):
        self.client.profiles.parent.mkdir(parents=True)
        self.client.profiles.write_text("{")
        done = self.assert_code(2, self.client.run("dags", "list"))
        self.assertIn("profiles.json", done.stderr)

    def test_a_password_is_not_shown_while_it_is_typed(self):
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(bin_dir() / "pipectl", ["pipectl", "login", self.server.url], self.client.environment())
        try:
            text = read_until(fd, "password of admin: ")
            os.write(fd, admin_password(self.server).encode() + b"\n")
            text += read_until(fd, "logged in at")
            self.assertNotIn(admin_password(self.server), text)
        finally:
            os.waitpid(pid, 0)
            os.close(fd)


class TlsLogin(OwnServerCase):
    @unittest.skipUnless(shutil.which("openssl"), "needs openssl to make certificates")
    def test_an_authority_of_ones_own_is_named_once(self):
        server = self.make_server(start=False, settings={"api.tls_cert": "tls.crt", "api.tls_key": "tls.key"})
        server.home.mkdir(exist_ok=True)
        make_certificate(server.home, "tls")
        server.start()
        client = new_client(self)
        password = admin_password(server) + "\n"
        refused = client.run("login", server.url, given=password)
        self.assertEqual(refused.returncode, 6, refused.stderr)
        self.assertIn("--ca-cert", refused.stderr)
        self.assertEqual(client.run("login", server.url, "--ca-cert", "/nowhere", given=password).returncode, 2)
        done = client.run("login", server.url, "--ca-cert", server.home / "tls.crt", given=password)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(client.run("dags", "list").returncode, 0, "the profile knows it")
        fresh = new_client(self)
        named = {"PIPELINED_URL": server.url, "PIPELINED_TOKEN": server.token()}
        self.assertEqual(fresh.run("dags", "list", **named).returncode, 6)
        self.assertEqual(fresh.run("dags", "list", PIPELINED_CA_CERT=str(server.home / "tls.crt"), **named).returncode, 0)


def read_until(fd, words, timeout=60):
    """What a terminal shows until `words` (a regular expression) are there."""
    text = ""
    while not re.search(words, text):
        if not select.select([fd], [], [], timeout)[0]:
            raise AssertionError(f"waited {timeout} s for {words!r}; shown so far:\n{text}")
        try:
            piece = os.read(fd, 65536)
        except OSError:  # the other end is closed
            piece = b""
        if not piece:
            raise AssertionError(f"it ended before {words!r}:\n{text}")
        text += piece.decode(errors="replace")
    return text


if __name__ == "__main__":
    main()
