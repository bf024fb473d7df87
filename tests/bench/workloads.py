"""The workloads. Each is a function(bench, figures, rounds); its first sentence says what it is, the rest what is reported."""
import concurrent.futures
import contextlib
import datetime
import json
import pathlib
import subprocess
import sys
import time

import measure
import yardsticks

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import followers  # noqa: E402
from live_server import HttpError, clean_environment, wait_for  # noqa: E402

FIBO = "/usr/bin/python3 -c 'f=lambda n: n if n<2 else f(n-1)+f(n-2); f({n})'"
IN_FLIGHT = 16
WORKLOADS = {}


def workload(name, rounds):
    """`rounds`: how often it is run when --runs does not say."""
    def keep(function):
        WORKLOADS[name] = (function, rounds)
        return function
    return keep


# -- DAG files ------------------------------------------------------------------------------------------------------------

def dag_text(tasks, stamp_file, max_active_tasks=IN_FLIGHT):
    """tasks: {id: (action key, value, [upstream])}"""
    lines = [f"max_active_tasks: {max_active_tasks}", f"env: {{STAMP_FILE: {stamp_file}}}", "tasks:"]
    for task_id, (action, value, upstream) in tasks.items():
        after = f", depends_on: [{', '.join(upstream)}]" if upstream else ""
        lines.append(f"  {task_id}: {{{action}: {json.dumps(value)}{after}}}")
    return "\n".join(lines) + "\n"


def chain(count, action, value):
    return {f"t{i}": (action, value, [f"t{i - 1}"] if i else []) for i in range(count)}


def fan(count, action, value):
    tasks = {"source": (action, value, [])}
    tasks.update({f"t{i}": (action, value, ["source"]) for i in range(count)})
    tasks["sink"] = (action, value, [f"t{i}" for i in range(count)])
    return tasks


def as_ninja(tasks):
    """The same graph for ninja; an exec becomes a command line."""
    def text(value):
        return value if isinstance(value, str) else " ".join(value)
    return {task: (text(value), upstream) for task, (_, value, upstream) in tasks.items()}


def framed(bench, work):
    return f"{bench.stamp} T && {work} && {bench.stamp} T.end"


# -- running them ---------------------------------------------------------------------------------------------------------

def run_once(server, stamps, dag_id, expected, timeout=300):
    """Triggers over HTTP and waits for `expected` stamps; t0 and the stamps."""
    stamps.clear()
    t0 = time.monotonic()
    run_id = server.trigger(dag_id)
    wait_for(lambda: stamps.count() >= expected, timeout, f"{expected} stamps of {dag_id} ({stamps.count()} so far)", every=0.01)
    state = server.wait_run(dag_id, run_id, 60)
    if state != "success":
        raise SystemExit(f"{dag_id} {run_id} ended as {state}: {server.ctl('tasks', 'list', dag_id, run_id)}")
    return t0, stamps.times()


def ratio(figures, name, ours, theirs):
    figures.add(name, ours / theirs, "x")


@workload("chain40", 5)
def chain40(bench, figures, rounds):
    """A chain of 40 tasks, each a Python start that computes fibo(10); total from t0 to the end of the last task."""
    tasks = chain(40, "bash", framed(bench, FIBO.format(n=10)))
    chain_workload(bench, figures, rounds, "chain40", tasks, 80)


@workload("par10", 5)
def par10(bench, figures, rounds):
    """10 independent tasks of fibo(27), 10 at a time; total and the latency from the trigger to the first start."""
    tasks = {f"t{i}": ("bash", framed(bench, FIBO.format(n=27)), []) for i in range(10)}
    with bench.server() as server:
        server.write_dag("par10", dag_text(tasks, bench.stamps.path, 10))
        run_once(server, bench.stamps, "par10", 20)
        for _ in range(rounds):
            t0, times = run_once(server, bench.stamps, "par10", 20)
            figures.add("total", times[-1] - t0, "s")
            figures.add("trigger latency", (times[0] - t0) * 1e3, "ms")
            if bench.has_ninja(figures):
                began = time.monotonic()
                figures.add("ninja total", yardsticks.ninja(bench.stamps, as_ninja(tasks), 10)[-1] - began, "s")
                ratio(figures, "ninja total / total", figures.values["ninja total"][-1], figures.values["total"][-1])


@workload("chain200", 5)
def chain200(bench, figures, rounds):
    """A chain of 200 `stamp`s (exec; also through bash): the handoff from the start of a task to the start of the next."""
    with bench.server() as server:
        for kind, value in (("exec", [bench.stamp, "T"]), ("bash", f"{bench.stamp} T")):
            tasks = chain(200, kind, value)
            dag_id = f"chain200_{kind}"
            server.write_dag(dag_id, dag_text(tasks, bench.stamps.path, 1))
            run_once(server, bench.stamps, dag_id, 200)
            for _ in range(rounds):
                t0, times = run_once(server, bench.stamps, dag_id, 200)
                steps = handoffs = measure.handoffs(times)
                for share, name in ((0.5, "p50"), (0.9, "p90"), (0.99, "p99")):
                    figures.add(f"{kind} handoff {name}", measure.quantile(steps, share), "ms")
                figures.add(f"{kind} handoff max", max(handoffs), "ms")
                figures.add(f"{kind} total", times[-1] - t0, "s")
        for _ in range(rounds):
            steps = measure.handoffs(yardsticks.spawn(bench.bin, bench.stamps, 200, 1, [bench.stamp, "T"]))
            figures.add("posix_spawn handoff p50", measure.quantile(steps, 0.5), "ms")
            figures.add("posix_spawn handoff p99", measure.quantile(steps, 0.99), "ms")
            if bench.has_ninja(figures):
                steps = measure.handoffs(yardsticks.ninja(bench.stamps, as_ninja(chain(200, "exec", [bench.stamp, "T"])), 1))
                figures.add("ninja handoff p50", measure.quantile(steps, 0.5), "ms")
            bench.commit(server, figures)


def chain_workload(bench, figures, rounds, dag_id, tasks, expected):
    with bench.server() as server:
        server.write_dag(dag_id, dag_text(tasks, bench.stamps.path, 1))
        run_once(server, bench.stamps, dag_id, expected)
        for _ in range(rounds):
            t0, _ = run_once(server, bench.stamps, dag_id, expected)
            rows = bench.stamps.read()
            starts = [at for label, at in rows if label == "T"]
            figures.add("total", rows[-1][1] - t0, "s")
            figures.add("handoff p50", measure.quantile(measure.handoffs(starts), 0.5), "ms")
            figures.add("handoff p99", measure.quantile(measure.handoffs(starts), 0.99), "ms")
            if bench.has_ninja(figures):
                began = time.monotonic()
                figures.add("ninja total", yardsticks.ninja(bench.stamps, as_ninja(tasks), 1)[-1] - began, "s")
                ratio(figures, "ninja total / total", figures.values["ninja total"][-1], figures.values["total"][-1])


@workload("wide1000", 5)
def wide1000(bench, figures, rounds):
    """A source, 1,000 `stamp`s, 16 at a time, and a sink: tasks/s from the first stamp to the last, as exec and through bash."""
    wide(bench, figures, rounds, 1000)


@workload("wide10000", 3)
def wide10000(bench, figures, rounds):
    """The same with 10,000 in the middle."""
    wide(bench, figures, rounds, 10000)


def wide(bench, figures, rounds, count):
    figures.note("the ratio to posix_spawn is that of the exec tasks: the yardstick starts `stamp` directly, too")
    with bench.server() as server:
        actions = {"exec": [bench.stamp, "T"], "bash": f"{bench.stamp} T"}
        for kind, value in actions.items():
            server.write_dag(f"wide_{kind}", dag_text(fan(count, kind, value), bench.stamps.path))
        if count <= 1000:
            run_once(server, bench.stamps, "wide_exec", count + 2)
        for _ in range(rounds):  # in turns, so that a slow moment of the machine meets all of them
            bare = measure.rate(yardsticks.spawn(bench.bin, bench.stamps, count, IN_FLIGHT, [bench.stamp, "T"]))
            figures.add("posix_spawn", bare, "tasks/s")
            rates = {}
            for kind in actions:
                t0, times = run_once(server, bench.stamps, f"wide_{kind}", count + 2, 900)
                rates[kind] = measure.rate(times)
                figures.add(kind, rates[kind], "tasks/s")
                figures.add(f"{kind} first to last stamp", times[-1] - times[0], "s")
                figures.add(f"{kind} trigger latency", (times[0] - t0) * 1e3, "ms")
            ratio(figures, "exec / posix_spawn", rates["exec"], bare)
            if bench.has_ninja(figures):
                built = measure.rate(yardsticks.ninja(bench.stamps, as_ninja(fan(count, "bash", actions["bash"])), IN_FLIGHT))
                figures.add("ninja", built, "tasks/s")
                ratio(figures, "bash / ninja", rates["bash"], built)
            bench.commit(server, figures)


@workload("many", 5)
def many(bench, figures, rounds):
    """100 DAGs, each a chain of 10 `stamp`s, triggered with up to 16 calls at once: total from t0 to the last stamp, tasks/s."""
    with bench.server() as server:
        names = [f"many{i:03}" for i in range(100)]
        tasks = chain(10, "bash", f"{bench.stamp} T")
        for name in names:
            server.write_dag(name, dag_text(tasks, bench.stamps.path), wait=False)
        wait_for(lambda: server.get("/api/v2/dags?limit=1")["total_entries"] == 100, 30, "100 DAGs to be listed")
        for warm_up in [True] + [False] * rounds:
            bench.stamps.clear()
            t0 = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                list(pool.map(server.trigger, names))
            wait_for(lambda: bench.stamps.count() >= 1000, 300, "1,000 stamps", every=0.01)
            times = bench.stamps.times()
            if not warm_up:
                figures.add("total", times[-1] - t0, "s")
                figures.add("tasks/s", measure.rate(times), "tasks/s")
            wait_for(lambda: not unfinished(server), 60, "the end of all runs")
        for _ in range(rounds):
            bare = measure.rate(yardsticks.spawn(bench.bin, bench.stamps, 1000, IN_FLIGHT, [bench.stamp, "T"]))
            figures.add("posix_spawn", bare, "tasks/s")
            if bench.has_ninja(figures):
                graph = {}
                for name in names:
                    graph.update({f"{name}_{t}": (c, [f"{name}_{u}" for u in up]) for t, (c, up) in as_ninja(tasks).items()})
                figures.add("ninja", measure.rate(yardsticks.ninja(bench.stamps, graph, 32)), "tasks/s")


def unfinished(server):
    return sum(server.get(f"/api/v2/dags/~/dagRuns?limit=1&state={state}")["total_entries"] for state in ("queued", "running"))


@workload("trigger", 3)
def trigger(bench, figures, rounds):
    """`pipectl dags run` to the first stamp, 20 times a round, on an idle server; and the same for a plain HTTP call."""
    with bench.server() as server:
        server.write_dag("one", dag_text({"t": ("exec", [bench.stamp, "T"], [])}, bench.stamps.path))
        run_once(server, bench.stamps, "one", 1)
        command = [str(bench.bin / "pipectl"), "--home", str(server.home), "dags", "run", "one"]
        for _ in range(rounds):
            by_client, by_http = [], []
            for _ in range(20):
                bench.stamps.clear()
                t0 = time.monotonic()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=clean_environment())
                wait_for(bench.stamps.count, 20, "the stamp", every=0.002)
                by_client.append((bench.stamps.times()[0] - t0) * 1e3)
                wait_for(lambda: not unfinished(server), 20, "the end of the run")
                t0, times = run_once(server, bench.stamps, "one", 1)
                by_http.append((times[0] - t0) * 1e3)
            for name, values in (("pipectl", by_client), ("HTTP call", by_http)):
                figures.add(f"{name} to first process p50", measure.quantile(values, 0.5), "ms")
                figures.add(f"{name} to first process p99", measure.quantile(values, 0.99), "ms")


@workload("ready", 5)
def ready(bench, figures, rounds):
    """Start of `pipelined standalone` to its line `ready`: in a new home, and again in the same home after a clean stop."""
    for _ in range(rounds):
        with bench.server(start=False) as server:
            t0 = time.monotonic()
            server.start()
            figures.add("first start", time.monotonic() - t0, "s")
            server.stop()
            t0 = time.monotonic()
            server.start()
            figures.add("later start", time.monotonic() - t0, "s")
            server.kill_all()
            t0 = time.monotonic()
            server.start()
            figures.add("start after kill -9 of all", time.monotonic() - t0, "s")


@workload("idle", 1)
def idle(bench, figures, rounds):
    """100 DAGs of 3 tasks that never run: from 20 s after all are listed, CPU over 30 s and memory (PSS); PostgreSQL apart."""
    tasks = dag_text(chain(3, "exec", [bench.stamp, "T"]), bench.stamps.path)
    for _ in range(rounds):
        with bench.server(start=False) as server:
            for i in range(100):
                (server.dags / f"idle{i:03}.yaml").write_text(tasks)
            server.start()
            wait_for(lambda: server.get("/api/v2/dags?limit=1")["total_entries"] == 100, 30, "100 DAGs to be listed")
            time.sleep(20)
            roles = {role: server.pids(role) for role in ("standalone", "scheduler", "api-server", "launcher")}
            ours = [pid for pids in roles.values() for pid in pids]
            database = family(server.postmaster())
            before = measure.cpu_seconds(ours), measure.cpu_seconds(database), time.monotonic()
            time.sleep(30)
            passed = time.monotonic() - before[2]
            figures.add("CPU", (measure.cpu_seconds(ours) - before[0]) / passed * 100, "% of a core")
            figures.add("PostgreSQL CPU", (measure.cpu_seconds(database) - before[1]) / passed * 100, "% of a core")
            for role, pids in roles.items():
                figures.add(f"{role} PSS", sum(map(measure.pss_mib, pids)), "MiB")
            figures.add("scheduler + API PSS", sum(measure.pss_mib(p) for r in ("scheduler", "api-server") for p in roles[r]), "MiB")
            figures.add("all but PostgreSQL PSS", sum(map(measure.pss_mib, ours)), "MiB")
            figures.add("PostgreSQL PSS", sum(map(measure.pss_mib, database)), "MiB")
            bench.leave_idle_note(figures)


def family(root):
    from live_server import processes
    table = processes()
    return [pid for pid, (ppid, _, _) in table.items() if root in (pid, ppid)]


MANY = 10000


def scheduled_dags(server, at, task):
    """MANY files with one task each, whose only slot of the year is the minute `at` (UTC)."""
    text = f"schedule: \"{at.minute} {at.hour} {at.day} {at.month} *\"\ntasks: {{a: {task}}}\n"
    for i in range(MANY):
        (server.dags / f"slot{i:05}.yaml").write_text(text)


def listed(server):
    return server.get("/api/v2/dags?limit=1")["total_entries"] == MANY


@workload("slotsidle", 1)
def slotsidle(bench, figures, rounds):
    """10,000 scheduled DAGs whose slots are hours away: from 20 s after all are listed, CPU of the scheduler over 30 s."""
    for _ in range(rounds):
        with bench.server(start=False) as server:
            scheduled_dags(server, datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=5), "{empty: true}")
            server.start()
            wait_for(lambda: listed(server), 60, "all DAGs to be listed")
            time.sleep(20)
            scheduler, database = server.pids("scheduler"), family(server.postmaster())
            before = measure.cpu_seconds(scheduler), measure.cpu_seconds(database)
            time.sleep(30)
            figures.add("scheduler CPU over 30 s", (measure.cpu_seconds(scheduler) - before[0]) * 1e3, "ms")
            figures.add("PostgreSQL CPU over 30 s", (measure.cpu_seconds(database) - before[1]) * 1e3, "ms")
            figures.add("scheduler PSS", sum(map(measure.pss_mib, scheduler)), "MiB")
    bench.leave_idle_note(figures)


@workload("slotsdue", 3)
def slotsdue(bench, figures, rounds):
    """10,000 DAGs with a slot in the same minute: runs/s from that instant until all runs are running in the database. Their
    tasks wait in a pool without slots."""
    for _ in range(rounds):
        with bench.server() as server:
            server.post("/api/v2/pools", {"name": "closed", "slots": 0})
            now = datetime.datetime.now(datetime.timezone.utc)
            at = (now + datetime.timedelta(seconds=85)).replace(second=0, microsecond=0)
            scheduled_dags(server, at, "{bash: 'true', pool: closed}")
            wait_for(lambda: listed(server), 60, "all DAGs to be listed")
            if datetime.datetime.now(datetime.timezone.utc) > at - datetime.timedelta(seconds=2):
                raise SystemExit("the DAGs were not loaded before their slot: the machine is too busy")
            time.sleep(max(0.0, at.timestamp() - time.time()))
            before = measure.cpu_seconds(server.pids("scheduler")), measure.cpu_seconds(family(server.postmaster()))
            wait_for(lambda: int(query(server, "select count(*) from dag_run where state = 'running'")) == MANY, 60, "all runs", every=0.05)
            took = time.time() - at.timestamp()
            figures.add("all running after", took, "s")
            figures.add("runs/s", MANY / took, "runs/s")
            figures.add("last start in the database after",
                        float(query(server, "select max(extract(epoch from start_date)) from dag_run")) - at.timestamp(), "s")
            figures.add("scheduler CPU", measure.cpu_seconds(server.pids("scheduler")) - before[0], "s")
            figures.add("PostgreSQL CPU", measure.cpu_seconds(family(server.postmaster())) - before[1], "s")
            bench.commit(server, figures)


def query(server, sql):
    url = json.loads((server.home / "run" / "standalone.json").read_text())["database_url"]
    return subprocess.run(["psql", url, "-qAtX", "-c", f"set search_path to pipelined; {sql}"], check=True, capture_output=True, text=True,
                          env=clean_environment()).stdout.strip()


@workload("load100k", 3)
def load100k(bench, figures, rounds):
    """A 100,000-task DAG (`exec: [/bin/true]`, one dependency each) put into the folder, triggered as soon as it is there: time
    until the first task (a `stamp`) runs, and the daemons' peak memory (VmHWM)."""
    tasks = chain(100000, "exec", ["/bin/true"])
    tasks["t0"] = ("exec", [bench.stamp, "first"], [])
    text = dag_text(tasks, bench.stamps.path)
    figures.note(f"the file has {len(text) / 1e6:.1f} MB")
    for _ in range(rounds):
        with bench.server() as server:
            bench.stamps.clear()
            fresh = server.root / "big.yaml"
            fresh.write_text(text)
            t0 = time.monotonic()
            fresh.rename(server.dags / "big.yaml")
            wait_for(lambda: started(server, "big"), 120, "the run to be accepted", every=0.02)
            accepted = time.monotonic()
            wait_for(bench.stamps.count, 120, "the first task", every=0.005)
            figures.add("first task running", bench.stamps.times()[0] - t0, "s")
            figures.add("run accepted", accepted - t0, "s")
            time.sleep(2)  # let the chain run, with the memory that this takes
            roles = ("standalone", "scheduler", "api-server", "launcher")
            peaks = {role: sum(map(measure.peak_mib, server.pids(role))) for role in roles}
            for role, peak in peaks.items():
                figures.add(f"{role} peak memory", peak, "MiB")
            figures.add("peak memory of all", sum(peaks.values()), "MiB")


def started(server, dag_id):
    try:
        return server.trigger(dag_id)
    except HttpError as error:
        if error.status == 404:
            return None
        raise


@workload("files10000", 3)
def files10000(bench, figures, rounds):
    """10,000 files of 5 tasks: from the start of the scheduler's process until all are listed, on a new database; and, after a
    restart with nothing changed, until one new file, the last by name, is listed."""
    files = {f"f{i:05}.yaml": dag_text(chain(5, "bash", f"echo {i}"), bench.stamps.path) for i in range(10000)}
    for _ in range(rounds):
        with bench.server(start=False) as server:
            for name, text in files.items():
                (server.dags / name).write_text(text)
            t0 = time.monotonic()
            server.start()
            figures.add("cold: start to ready", time.monotonic() - t0, "s")
            wait_for(lambda: server.get("/api/v2/dags?limit=1")["total_entries"] == len(files), 120, "all files to be listed", every=0.02)
            now = time.monotonic()
            figures.add("cold: start to all listed", now - t0, "s")
            figures.add("cold: scheduler's start to all listed", now - measure.process_start(server.pids("scheduler")[0]), "s")
            server.stop()
            (server.dags / "zz_probe.yaml").write_text(files["f00000.yaml"])
            t0 = time.monotonic()
            server.start()
            figures.add("unchanged: start to ready", time.monotonic() - t0, "s")
            wait_for(lambda: server.dag("zz_probe"), 60, "the new file to be listed", every=0.01)
            now = time.monotonic()
            figures.add("unchanged: start to the new file listed", now - t0, "s")
            figures.add("unchanged: scheduler's start to the new file listed",
                        now - measure.process_start(server.pids("scheduler")[0]), "s")
            fresh = server.root / "live.yaml"
            fresh.write_text(files["f00001.yaml"])
            t0 = time.monotonic()
            fresh.rename(server.dags / "zz_live.yaml")
            wait_for(lambda: server.dag("zz_live"), 60, "the file to be live", every=0.005)
            figures.add("a file saved later: live after", (time.monotonic() - t0) * 1e3, "ms")


@workload("simulate", 3)
def simulate(bench, figures, rounds):
    """A year of 500 DAGs, each a chain of 5 tasks, every 20th hourly and the others daily, through `pipectl simulate`; no server."""
    folder = bench.root / "simulated"
    folder.mkdir()
    for i in range(500):
        hour = "*" if i % 20 == 0 else i % 24
        (folder / f"d{i:03}.yaml").write_text(f'schedule: "{i % 60} {hour} * * *"\n' + dag_text(chain(5, "bash", "true"), bench.stamps.path))
    year = [str(bench.bin / "pipectl"), "simulate", str(folder), "--from", "2026-01-01", "--to", "2027-01-01", "-q"]
    for _ in range(rounds):
        t0 = time.monotonic()
        summary = json.loads(subprocess.run([*year, "--summary", "-o", "json"], check=True, capture_output=True).stdout)["summary"]
        seconds = time.monotonic() - t0
        figures.add("a year, summary", seconds, "s")
        figures.add("tasks", summary["tries"], "")
        figures.add("tasks per second", summary["tries"] / seconds, "tasks/s")
        t0 = time.monotonic()
        subprocess.run([*year, "-o", "plain"], check=True, stdout=subprocess.DEVNULL)
        figures.add("a year, every run as a line", time.monotonic() - t0, "s")


@workload("events", 3)
def events(bench, figures, rounds):
    """A chain of 200 `stamp`s with 0 and with 100 followers of the live events: handoff of the tasks, and from decision to client."""
    with bench.server() as server:
        server.write_dag("events", dag_text(chain(200, "exec", [bench.stamp, "T"]), bench.stamps.path))
        run_once(server, bench.stamps, "events", 200)
        for _ in range(rounds):
            for count in (0, 1, 100):
                following = followers.Followers(server, count, 5) if count else None
                _, times = run_once(server, bench.stamps, "events", 200)
                steps = measure.handoffs(times)
                figures.add(f"{count} followers: handoff p50", measure.quantile(steps, 0.5), "ms")
                figures.add(f"{count} followers: handoff p99", measure.quantile(steps, 0.99), "ms")
                if following is None:
                    continue
                last = server.get("/api/v2/dags/events/dagRuns?order_by=-id&limit=1")["dag_runs"][0]["dag_run_id"]
                following.until_run_ends(last)
                told = following.latencies_ms()
                following.close()
                figures.add(f"{count} followers: told p50", measure.quantile(told, 0.5), "ms")
                figures.add(f"{count} followers: told p99", measure.quantile(told, 0.99), "ms")


@workload("sensors10000", 1)
def sensors10000(bench, figures, rounds):
    """10,000 sensors that wait, 6,000 for files, 2,000 for tasks of other DAGs and 2,000 for an instant, each with a poke_interval of 60 s: until
    all wait, CPU over 60 s, and memory against the same server before; then how long a file takes to be seen."""
    def sensor(i):
        if i % 5 < 3:
            return f"file: '{bench.root}/in{i % 10}/f{{{{ run_id }}}}_{i}'"
        return f"task: {{dag_id: none, task_id: t, run_id: r{i}}}" if i % 5 == 3 else "time: 2099-01-01T00:00:00Z"
    tasks = "".join(f"  s{i}: {{sensor: {{{sensor(i)}, poke_interval: 60s}}}}\n" for i in range(1000))
    for i in range(10):
        (bench.root / f"in{i}").mkdir(exist_ok=True)
        (bench.root / f"in{i}").chmod(0o777)
    for _ in range(rounds):
        with bench.server() as server:
            for i in range(10):
                server.write_dag(f"waits{i}", "max_active_tasks: 1000\ntasks:\n" + tasks)
            time.sleep(2)
            pid = server.pids("scheduler")[0]
            before = measure.pss_mib(pid)
            t0 = time.monotonic()
            for i in range(10):
                server.trigger(f"waits{i}", run_id=f"r{i}")
            deferred = "select count(*) from task_instance where state = 'deferred'"
            wait_for(lambda: query(server, deferred) == "10000", 120, "all sensors to wait", every=0.2)
            figures.add("trigger to all waiting", time.monotonic() - t0, "s")
            time.sleep(5)
            figures.add("scheduler, memory for 10,000 that wait", measure.pss_mib(pid) - before, "MiB")
            used, database = measure.cpu_seconds([pid]), measure.cpu_seconds(family(server.postmaster()))
            time.sleep(60)
            figures.add("scheduler, CPU over 60 s", (measure.cpu_seconds([pid]) - used) / 60 * 100, "% of a core")
            figures.add("PostgreSQL, CPU over 60 s", (measure.cpu_seconds(family(server.postmaster())) - database) / 60 * 100, "% of a core")
            t0 = time.monotonic()
            (bench.root / "in0" / "fr0_0").write_text("x")
            wait_for(lambda: server.states("waits0", "r0").get("s0") == "success", 30, "a file to be seen", every=0.005)
            figures.add("file to success, as the API shows it", (time.monotonic() - t0) * 1e3, "ms")
    bench.leave_idle_note(figures)


# -- actions of the worker --------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def http_server(bench):
    """Its URL."""
    with subprocess.Popen([str(bench.bin / "bench_worker"), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


def actions_workload(bench, figures, rounds, kind, action):
    for number in range(rounds):
        command = [str(bench.bin / "bench_worker"), kind, str(bench.root / f"worker{number}"), "10000", "100"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        figures.add("actions through the worker", float(done.stdout.split()[-1]), "/s")
    stamp = [bench.stamp, "T"]
    tasks = {"source": ("exec", stamp, []), **{f"t{i}": (*action, ["source"]) for i in range(10000)},
             "sink": ("exec", stamp, [f"t{i}" for i in range(10000)])}
    with bench.server() as server:
        server.post("/api/v2/connections", {"connection_id": "own", "conn_type": "postgres", **server.own_database()})
        server.write_dag("actions", dag_text(tasks, bench.stamps.path, 100))
        run_once(server, bench.stamps, "actions", 2, 120)
        for _ in range(rounds):
            _, times = run_once(server, bench.stamps, "actions", 2, 120)
            figures.add("tasks of a run", 10000 / (times[-1] - times[0]), "/s")


@workload("http10000", 5)
def http10000(bench, figures, rounds):
    """10,000 `http` actions to a local server, 100 in flight, through the worker with its journal and logs: actions per second; and as tasks of
    one run, between two `stamp`s."""
    with http_server(bench) as url:
        actions_workload(bench, figures, rounds, "http", ("http", url))


@workload("sql10000", 5)
def sql10000(bench, figures, rounds):
    """10,000 `sql` actions of `select 1` on a local PostgreSQL, 100 in flight, through the worker: actions per second; and as tasks of one run,
    between two `stamp`s, on the PostgreSQL that keeps the run."""
    actions_workload(bench, figures, rounds, "sql", ("sql", {"connection": "own", "query": "select 1"}))
