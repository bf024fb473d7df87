#!/usr/bin/env python3
"""Two servers on one home, port or socket: the second says what is taken and how to go on; the first does not notice. And a server
whose own log can no longer be written."""
import pathlib
import subprocess
import tempfile

from case import OwnServerCase, bin_dir, clean_environment, main


class Taken(OwnServerCase):
    def second(self, first, home, *words, env=None):
        """Its exit code and what it said. It ends by itself."""
        command = [str(bin_dir() / "pipelined"), *words, "--home", str(home)]
        if words[0] == "standalone":
            command += ["--dags", str(first.dags)]
        done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(env), timeout=90)
        self.assertEqual(done.stdout, "")
        self.assertIn("metadatabase", first.ctl("health"))
        return done.returncode, done.stderr

    def other_home(self):
        server = self.make_server(start=False)
        server.launch = None  # only its folder is used, and cleaned up
        return server.home

    def test_the_home(self):
        first = self.make_server()
        code, said = self.second(first, first.home, "standalone", "--port", "0")
        self.assertEqual(code, 5)
        self.assertIn(f"already runs on {first.home}", said)
        self.assertIn(first.url, said)
        first.post("/api/v2/variables", {"key": "after", "value": "1"})

    def test_the_port(self):
        first = self.make_server()
        port = first.url.rpartition(":")[2]
        for home, role in ((first.home, "api-server"), (self.other_home(), "standalone")):
            code, said = self.second(first, home, role, "--port", port)
            self.assertEqual(code, 5, said)
            self.assertIn(f"port {port} on 127.0.0.1 is in use", said)
            self.assertIn("--port", said)

    def test_the_socket(self):
        folder = tempfile.TemporaryDirectory(prefix="pipelined-sock-")
        self.addCleanup(folder.cleanup)
        env = {"PIPELINED__API__SOCKET": folder.name + "/api"}
        first = self.make_server(settings={"api.socket": env["PIPELINED__API__SOCKET"]})
        code, said = self.second(first, self.other_home(), "standalone", "--port", "0", env=env)
        self.assertEqual(code, 5, said)
        self.assertIn(f"a server listens on {folder.name}/api", said)
        self.assertIn("api.socket", said)
        self.assertTrue(pathlib.Path(env["PIPELINED__API__SOCKET"]).is_socket())

    def test_a_log_that_is_full_stops_nothing(self):
        server = self.make_server(start=False)
        server.log = pathlib.Path("/dev/full")
        server.log_tail = lambda lines=0: "(none)"
        server.start()
        for i in range(50):  # each is a line
            server.post("/api/v2/variables", {"key": f"v{i}", "value": "1"})
        server.write_dag("full", "tasks: {a: {empty: true}}")
        self.assertEqual(server.wait_run("full", server.trigger("full")), "success")
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    main()
