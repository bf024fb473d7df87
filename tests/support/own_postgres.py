"""A PostgreSQL cluster of a test's own, which it may stop and start as it likes: not the one that pipelined keeps for itself."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile


def programs():
    """Debian's folder with initdb and pg_ctl, of the newest version."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    assert found, "PostgreSQL is not installed: scripts/packages"
    return found[-1].parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class OwnPostgres:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pipelined-postgres-"))
        os.chmod(self.folder, 0o777)
        self.data, self.port = self.folder / "data", free_port()
        self.url = f"postgres://etl@127.0.0.1:{self.port}/postgres"
        self._run("initdb", "-D", self.data, "-U", "etl", "--auth=trust", "--no-locale", "-E", "UTF8", "--no-sync")
        # A kill of its processes loses nothing that the kernel has: no fsync is needed for that.
        (self.data / "postgresql.auto.conf").write_text(
            f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\nfsync = off\nshared_buffers = 32MB\n")

    def _run(self, program, *arguments):
        as_user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        done = subprocess.run([programs() / program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              stdin=subprocess.DEVNULL, timeout=120, cwd=self.folder, check=False, **as_user)
        assert done.returncode == 0, f"{program}: exit {done.returncode}\n{done.stdout}"

    def start(self):
        self._run("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-t", 60, "start")
        return self

    def stop(self, mode="immediate"):
        """immediate: every backend is killed, as in a crash; the next start recovers."""
        self._run("pg_ctl", "-D", self.data, "-w", "-t", 60, "-m", mode, "stop")

    def psql(self, statement):
        """A process that runs the statement; its output has one line for each row, values between `|`."""
        return subprocess.Popen([programs() / "psql", self.url, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)

    def rows(self, query):
        """The rows as tuples of texts; NULL is an empty text."""
        process = self.psql(query)
        out, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
        return [tuple(line.split("|")) for line in out.splitlines()]

    def close(self):
        if (self.data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
