"""The servers of scripts/notification-servers, scripts/proxies and scripts/ssh-server for tests: started, asked what has arrived, told how to behave,
stopped."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


class Sink:
    def __init__(self, kind, port=0, **environment):
        self.kind, self.port, self.environment = kind, port, environment
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"pipelined-{kind}-"))
        self.process, self.url = None, None

    def command(self):
        return [REPOSITORY / "scripts" / "notification-servers", self.kind, str(self.folder)]

    def start(self):
        env = dict(os.environ, **self.environment)
        if self.port:
            env["PORT"] = str(self.port)
        self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=env,
                                        start_new_session=True)
        word, _, url = self.process.stdout.readline().strip().partition(" ")
        if word != "ready":
            raise AssertionError(f"the {self.kind} server did not start")
        self.url = url
        self.port = int(url.rsplit(":", 1)[1])  # the same after a restart
        return self

    def stop(self):
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=10)
        self.process.stdout.close()
        self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def behave(self, **how):
        """Of a webhook; nothing: it takes everything."""
        path = self.folder / "behave"
        if not how:
            path.unlink(missing_ok=True)
            return
        (self.folder / "behave.new").write_text(json.dumps(how))
        os.replace(self.folder / "behave.new", path)

    def received(self):
        """What has arrived, in order."""
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))]

    def forget(self):
        for path in self.folder.glob("*.json"):
            path.unlink()


class Proxy(Sink):
    """A pgbouncer or nginx before `target`."""

    def __init__(self, kind, target="", **environment):
        super().__init__(kind, **environment)
        self.target = target

    def command(self):
        return [REPOSITORY / "scripts" / "proxies", self.kind, str(self.folder), *([self.target] if self.target else [])]

    def urls(self):
        """Of nginx."""
        return json.loads((self.folder / "urls.json").read_text())

    def requests(self, path):
        """Of nginx: [method, path, status, Content-Encoding] of each request for `path`."""
        lines = [line.split() for line in (self.folder / "access.log").read_text().splitlines()]
        return [line for line in lines if line[1] == path]


class SshServer(Sink):
    """An sshd that lets this user in with `folder`/key."""

    def __init__(self):
        super().__init__("ssh")

    def command(self):
        return [REPOSITORY / "scripts" / "ssh-server", str(self.folder)]

    def keys(self, **more):
        """Of an ssh task, or of a connection's extra."""
        return {"key_file": str(self.folder / "key"), "known_hosts": str(self.folder / "known_hosts"), **more}
