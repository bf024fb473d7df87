"""What the test files share: one server for a test class, or a fresh one for a test that breaks things."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from live_server import HttpError, REPOSITORY, Server, Timeout, bin_dir, clean_environment, processes, psql, wait_for  # noqa: E402,F401


class ServerCase(unittest.TestCase):
    """`self.server` is shared by the tests of the class; each uses DAGs of its own. `settings` and `variables` of the
    class are the server's."""

    settings = {}
    variables = {}
    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(settings=cls.settings, env=cls.variables, arguments=cls.arguments)
        cls.addClassCleanup(cls.server.close)
        cls.server.start()

    def assert_exit(self, code, *arguments, **options):
        done = self.server.pipectl(*arguments, **options)
        self.assertEqual(done.returncode, code, f"pipectl {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
        return done

    def run_dag(self, name, text, conf=None, timeout=60):
        """Writes the DAG, runs it once, waits for its end: the state of the run and those of its tasks."""
        self.server.write_dag(name, text)
        run_id = self.server.trigger(name, conf)
        state = self.server.wait_run(name, run_id, timeout)
        return state, self.server.states(name, run_id)


class OwnServerCase(unittest.TestCase):
    """Each test makes the servers that it needs."""

    def make_server(self, start=True, **options):
        server = Server(**options)
        self.addCleanup(server.close)
        return server.start() if start else server


class OfflineCase(unittest.TestCase):
    """pipectl in a folder of its own, with no server."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pipelined-offline-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def pipectl(self, *words, timeout=60):
        env = clean_environment({"PIPELINED_HOME": str(self.folder / "nothing"), "HOME": str(self.folder)})
        return subprocess.run([bin_dir() / "pipectl", *map(str, words)], capture_output=True, text=True, env=env, timeout=timeout)

    def file(self, text, name="dag.yaml"):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def expect(self, code, *words):
        done = self.pipectl(*words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr


def main():
    unittest.main(verbosity=2)
