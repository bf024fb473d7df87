#!/usr/bin/env python3
"""Users, roles and tokens as an administrator handles them with pipectl, and what those who were let in then may do."""
import subprocess

from case import HttpError, ServerCase, bin_dir, clean_environment, main

PASSWORD = "gravel-orbit-77"


class Access(ServerCase):
    def make_user(self, name, *roles):
        words = [word for role in roles for word in ("--role", role)]
        return subprocess.run([bin_dir() / "pipectl", "--home", str(self.server.home), "users", "create", name, *words], input=PASSWORD,
                              capture_output=True, text=True, env=clean_environment({}), timeout=60)

    def log_in(self, name):
        return self.server.post("/auth/token", {"username": name, "password": PASSWORD})["access_token"]

    def assert_status(self, status, method, path, token, body=None):
        try:
            self.server.request(method, path, body, token=token)
            got = 200
        except HttpError as error:
            got = error.status
        self.assertEqual(got, status, f"{method} {path}")

    def setUp(self):
        for name in ("sales", "stock"):
            self.server.write_dag(name, f"tasks: {{a: {{bash: 'true'}}}}\n")

    def test_a_user_gets_one_dag_and_no_other(self):
        made = self.make_user("ann")
        self.assertEqual(made.returncode, 0, made.stderr)
        token = self.log_in("ann")
        self.assert_status(403, "GET", "/api/v2/dags", token)
        self.assert_exit(0, "users", "grant", "ann", "user", "--dag", "sales")
        self.assertEqual([dag["dag_id"] for dag in self.server.get("/api/v2/dags", token=token)["dags"]], ["sales"])
        self.assert_status(403, "GET", "/api/v2/dags/stock", token)
        self.assert_status(403, "GET", "/api/v2/dags/there_is_none", token)
        self.assert_status(200, "POST", "/api/v2/dags/sales/dagRuns", token, {"logical_date": None})
        self.assert_status(403, "POST", "/api/v2/dags/stock/dagRuns", token, {"logical_date": None})
        self.assertEqual({run["dag_id"] for run in self.server.get("/api/v2/dags/~/dagRuns", token=token)["dag_runs"]}, {"sales"})
        self.assert_exit(0, "users", "revoke", "ann", "user", "--dag", "sales")
        self.assert_status(403, "GET", "/api/v2/dags/sales", token)

    def test_tokens_are_made_used_and_revoked(self):
        self.assert_exit(0, "users", "create", "ci", "--service", "--role", "user")
        made = self.server.ctl_json("tokens", "create", "deploy", "--account", "ci", "--permission", "runs.trigger", "--dag", "sales")
        token = made["token"]
        self.assert_status(200, "POST", "/api/v2/dags/sales/dagRuns", token, {"logical_date": None})
        self.assert_status(403, "POST", "/api/v2/dags/stock/dagRuns", token, {"logical_date": None})
        self.assert_status(403, "GET", "/api/v2/dags/sales/dagRuns", token)
        self.assertEqual([row["name"] for row in self.server.ctl_json("tokens", "list", "--account", "ci")], ["deploy"])
        self.assert_exit(0, "tokens", "revoke", str(made["token_id"]))
        self.assert_status(403, "POST", "/api/v2/dags/sales/dagRuns", token, {"logical_date": None})

    def test_roles_are_set_and_deleted(self):
        self.assert_exit(2, "roles", "set", "starter", "--permission", "everything")
        self.assert_exit(0, "roles", "set", "starter", "--permission", "runs.read", "--permission", "runs.trigger")
        self.assertEqual(self.server.ctl_json("roles", "get", "starter")["permissions"], ["runs.read", "runs.trigger"])
        self.assertIn("op", [row["name"] for row in self.server.ctl_json("roles", "list")])
        self.assert_exit(0, "roles", "delete", "starter", "-y")
        self.assert_exit(3, "roles", "get", "starter")

    def test_the_last_admin_stays(self):
        self.assert_exit(5, "users", "disable", "admin")
        self.assert_exit(5, "users", "delete", "admin", "-y")
        self.assertEqual(self.server.ctl_json("whoami")["name"], "admin")

    def test_whoami_is_for_people(self):
        shown = self.server.ctl("whoami", "-o", "table")
        self.assertNotIn("{", shown)
        self.assertRegex(shown, r"(?m)^name     admin$")
        self.assertRegex(shown, r"permissions everywhere:\n  dags.read dags.edit ")
        self.assertLessEqual(max(map(len, shown.splitlines())), 100)
        self.make_user("ida")
        self.assert_exit(0, "users", "grant", "ida", "viewer", "--dag", "sales")
        env = {"PIPELINED_URL": self.server.url, "PIPELINED_TOKEN": self.log_in("ida")}
        done = subprocess.run([bin_dir() / "pipectl", "whoami", "-o", "table"], capture_output=True, text=True,
                              env=clean_environment(env), timeout=60)
        self.assertIn("permissions of sales:\n  dags.read", done.stdout, done.stderr)
        self.assertNotIn("everywhere", done.stdout)

    def test_a_new_password_ends_log_ins(self):
        self.make_user("bob", "viewer")
        token = self.log_in("bob")
        self.assert_status(200, "GET", "/api/v2/dags", token)
        done = subprocess.run([bin_dir() / "pipectl", "--home", str(self.server.home), "users", "passwd", "bob"], input=PASSWORD + "x",
                              capture_output=True, text=True, env=clean_environment({}), timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_status(403, "GET", "/api/v2/dags", token)


if __name__ == "__main__":
    main()
