"""A real `pipelined standalone` in a temporary home, as a user would run it: for tests/e2e, tests/chaos and tests/bench.

Programs are taken from $PIPELINED_BIN_DIR. Nothing here sleeps for a fixed time to let something happen: wait_for() polls.
"""
import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
POLL_SECONDS = 0.05


def bin_dir():
    given = os.environ.get("PIPELINED_BIN_DIR")
    return pathlib.Path(given) if given else REPOSITORY / "build" / "dev" / "bin"


class Timeout(AssertionError):
    pass


def wait_for(condition, timeout=20.0, what="the condition", every=POLL_SECONDS):
    """The first true value of condition(); Timeout names what was waited for and the last value seen."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Timeout(f"waited {timeout:g} s for {what}; last seen: {value!r}")
        time.sleep(every)


class HttpError(Exception):
    def __init__(self, status, body):
        super().__init__(f"HTTP {status}: {body[:500]}")
        self.status = status
        self.body = body


def processes():
    """pid -> (ppid, arguments, name of the program) of all processes that can be read."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError, IndexError, ValueError):
            stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
            name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
            if rest[0] == "Z":
                continue
            arguments = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
            found[int(entry)] = (int(rest[1]), [a.decode(errors="replace") for a in arguments], name)
    return found


def psql():
    return shutil.which("psql") or str(next(pathlib.Path("/usr/lib/postgresql").glob("*/bin/psql")))


def clean_environment(extra=None):
    """Ours without anything that would lead a program to another server or a proxy."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PIPELINED") and not k.lower().endswith("_proxy")}
    env.update(extra or {})
    return env


class Server:
    def __init__(self, root=None, home=None, settings=None, env=None, arguments=()):
        """`settings`: {"executor.log_cap": "1MiB"}, given through the environment."""
        self.root = pathlib.Path(root or tempfile.mkdtemp(prefix="pipelined-e2e-"))
        os.chmod(self.root, 0o755)  # the database's user has to pass
        self.owns_root = root is None
        self.home = pathlib.Path(home) if home else self.root / "home"
        self.dags = self.root / "dags"
        self.dags.mkdir(exist_ok=True)
        self.settings = dict(settings or {})
        self.extra_env = dict(env or {})
        self.arguments = list(arguments)
        self.process = None
        self.url = None
        self.log = self.root / "server.log"

    # -- life ---------------------------------------------------------------------------------------------------------

    def environment(self):
        env = clean_environment(self.extra_env)
        for name, value in self.settings.items():
            env["PIPELINED__" + name.replace(".", "__").upper()] = str(value)
        return env

    def command(self, *more):
        return [str(bin_dir() / "pipelined"), "standalone", "--home", str(self.home), "--dags", str(self.dags), "--port", "0",
                *self.arguments, *more]

    def launch(self, *more):
        """Starts the daemon and does not wait."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(*more), stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
                                            env=self.environment(), start_new_session=True)
        return self

    def await_ready(self, timeout=60):
        """Reads the line `ready URL`; fails with the log's end when the daemon ends before."""
        deadline, text = time.monotonic() + timeout, b""
        while b"\n" not in text:
            readable, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 4096) if readable else b""
            if not piece:
                code = self.process.poll() if not readable else self.process.wait(timeout=30)
                raise AssertionError(f"no line `ready URL` (exit code {code}, stdout {text!r}); the log ends:\n{self.log_tail()}")
            text += piece
        word, _, url = text.decode().split("\n")[0].partition(" ")
        assert word == "ready", f"first line on stdout: {text!r}"
        self.url = url.strip()
        return self

    def start(self, *more, timeout=60):
        return self.launch(*more).await_ready(timeout)

    def stop(self, timeout=40):
        """A clean stop; returns the exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=timeout)
        self.process.stdout.close()
        self.process = None
        return code

    def database_url(self):
        """Of its private cluster."""
        return json.loads((self.home / "run" / "standalone.json").read_text())["database_url"]

    @contextlib.contextmanager
    def locked(self, table):
        """While it lasts nobody else reads the table."""
        session = subprocess.Popen([psql(), "-X", "-q", "-A", "-t", self.database_url()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   env=clean_environment(), text=True)
        try:
            session.stdin.write(f"begin; lock table pipelined.{table} in access exclusive mode; select 'locked';\n")
            session.stdin.flush()
            if session.stdout.readline().strip() != "locked":
                raise AssertionError(f"{table} could not be locked")
            yield
        finally:
            session.stdin.close()  # which ends the transaction
            session.wait(timeout=10)
            session.stdout.close()

    def own_database(self):
        """Its private cluster, as the fields of a connection."""
        parts = urllib.parse.urlsplit(self.database_url())
        more = dict(urllib.parse.parse_qsl(parts.query))
        return {"host": parts.hostname or more["host"], "login": parts.username or more.get("user"),
                "schema": parts.path.strip("/") or more.get("dbname")}

    def pids(self, role):
        """Of this home: standalone, scheduler, api-server, notifier, launcher, worker or postgres."""
        table = processes()
        ours = {pid: arguments[1] for pid, (_, arguments, _) in table.items()
                if len(arguments) > 3 and os.path.basename(arguments[0]) == "pipelined" and self._is_home(arguments)}
        if role == "launcher":
            schedulers = {pid for pid, name in ours.items() if name == "scheduler"}
            return [pid for pid, (ppid, _, name) in table.items() if ppid in schedulers and name.startswith("pipelined-launc")]
        if role == "worker":
            return [pid for pid in self._noted_workers() if table.get(pid, (0, [], ""))[2].startswith("pipelined-worke")]
        if role == "postgres":
            pid = self.postmaster()
            return [pid] if pid in table else []
        return [pid for pid, name in ours.items() if name == role]

    def _noted_workers(self):
        for path in (self.home / "attempts" / "worker").glob("w-*"):
            with contextlib.suppress(OSError, ValueError):
                if path.is_file():
                    yield int(path.read_text())

    def _is_home(self, arguments):
        return any(word == "--home" and os.path.realpath(value) == os.path.realpath(self.home)
                   for word, value in zip(arguments, arguments[1:]))

    def postmaster(self):
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int((self.home / "postgres" / "data" / "postmaster.pid").read_text().split("\n")[0])
            if "postgres" in os.readlink(f"/proc/{pid}/exe"):
                return pid
        return None

    def kill(self, *roles, how=signal.SIGKILL):
        """Sends a signal to all processes of the roles at once; returns what was hit."""
        hit = []
        targets = [(role, pid) for role in roles for pid in self.pids(role)]
        for role, pid in targets:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
                hit.append(role)
        return hit

    def kill_all(self):
        self.kill("standalone", "scheduler", "api-server", "notifier", "launcher", "worker", "postgres")
        self.reap()

    def reap(self):
        if self.process is not None:
            self.process.wait(timeout=30)
            self.process.stdout.close()
            self.process = None

    def close(self):
        """Stops what runs and removes every trace."""
        with contextlib.suppress(Exception):
            self.stop()
        for _ in range(50):
            if not self.kill("standalone", "scheduler", "api-server", "notifier", "launcher", "worker", "postgres"):
                break
            time.sleep(POLL_SECONDS)
        with contextlib.suppress(Exception):
            self.reap()
        if self.owns_root:
            cluster = os.path.realpath(self.home / "postgres")
            if cluster.startswith("/var/lib/pipelined/clusters/"):
                shutil.rmtree(cluster, ignore_errors=True)
            shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def log_tail(self, lines=30):
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return "(no log)"

    # -- DAG files ----------------------------------------------------------------------------------------------------

    def write_dag(self, name, text, wait=True):
        """Puts `name`.yaml in place with one rename; with `wait` returns when the DAG is listed."""
        path = self.dags / f"{name}.yaml"
        fresh = self.root / f"{name}.yaml.new"
        fresh.write_text(text)
        os.replace(fresh, path)
        if wait and self.process is not None:
            wait_for(lambda: self.dag(name), 20, f"DAG {name} to be listed")
        return path

    def dag(self, dag_id):
        """The DAG as the API shows it, or None."""
        try:
            return self.get(f"/api/v2/dags/{dag_id}")
        except HttpError as error:
            if error.status == 404:
                return None
            raise

    # -- client -------------------------------------------------------------------------------------------------------

    def pipectl(self, *arguments, timeout=120, env=None):
        """Returns subprocess.CompletedProcess with text."""
        command = [str(bin_dir() / "pipectl"), "--home", str(self.home), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout, env=clean_environment(env),
                              stdin=subprocess.DEVNULL)

    def ctl(self, *arguments, timeout=120):
        """pipectl that has to succeed; its stdout."""
        done = self.pipectl(*arguments, timeout=timeout)
        assert done.returncode == 0, f"pipectl {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def ctl_json(self, *arguments):
        return json.loads(self.ctl(*arguments, "-o", "json"))

    def token(self):
        return (self.home / "secrets" / "local-token").read_text().strip()

    def request(self, method, path, body=None, timeout=30, token=None, accept="application/json"):
        """The decoded answer; HttpError for 4xx and 5xx; OSError when there is no server."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": accept}
        credential = self.token() if token is None else token
        if credential:
            headers["Authorization"] = "Bearer " + credential
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout) as answer:
                text = answer.read().decode()
                return json.loads(text) if "json" in answer.headers.get("Content-Type", "") and text else text
        except urllib.error.HTTPError as error:
            raise HttpError(error.code, error.read().decode(errors="replace")) from None

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body, **options):
        return self.request("POST", path, body, **options)

    # -- runs ---------------------------------------------------------------------------------------------------------

    def trigger(self, dag_id, conf=None, run_id=None):
        """Starts a run over REST; its id."""
        body = {"logical_date": None, "conf": conf or {}}
        if run_id:
            body["dag_run_id"] = run_id
        return self.post(f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"]

    def run(self, dag_id, run_id):
        return self.get(f"/api/v2/dags/{dag_id}/dagRuns/{urllib.parse.quote(run_id, safe='')}")

    def runs(self, dag_id):
        return self.get(f"/api/v2/dags/{dag_id}/dagRuns?limit=100")["dag_runs"]

    def wait_run(self, dag_id, run_id, timeout=60):
        """Waits for its end; the state. A database or an API server that comes back meanwhile is waited for, too."""
        def ended():
            try:
                state = self.run(dag_id, run_id)["state"]
            except OSError:
                return None
            except HttpError as error:
                if error.status != 503:
                    raise
                return None
            return state if state in ("success", "failed") else None
        return wait_for(ended, timeout, f"the end of {dag_id} {run_id}")

    def tasks(self, dag_id, run_id):
        """task id ("id[2]" of an instance) -> task instance, all pages."""
        def name(row):
            return row["task_id"] if row["map_index"] < 0 else f"{row['task_id']}[{row['map_index']}]"
        found, path = {}, f"/api/v2/dags/{dag_id}/dagRuns/{urllib.parse.quote(run_id, safe='')}/taskInstances"
        while True:
            page = self.get(f"{path}?limit=100&offset={len(found)}")
            found.update({name(row): row for row in page["task_instances"]})
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                return found

    def states(self, dag_id, run_id):
        return {task_id: row["state"] for task_id, row in self.tasks(dag_id, run_id).items()}

    def wait_task(self, dag_id, run_id, task_id, *states, timeout=30):
        def there():
            state = self.states(dag_id, run_id).get(task_id)
            return state if state in states else None
        return wait_for(there, timeout, f"{task_id} to be {' or '.join(states)}")
