"""A home with a long history in its database: how it is made, and a server over it."""
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from live_server import Server, wait_for  # noqa: E402

CHUNK = 20_000  # runs in one transaction
TASKS = 10


def add_bin_dir(parser):
    parser.add_argument("--bin-dir", default=str(HERE.parents[1] / "build" / "release" / "bin"), help="built programs")


def use_bin_dir(bin_dir):
    path = pathlib.Path(bin_dir).resolve()
    if not (path / "pipelined").exists():
        sys.exit(f"error: no pipelined in {path}\n"
                 "  cmake --preset release && cmake --build --preset release --target pipelined pipectl pipelined-launcher bench_programs")
    os.environ["PIPELINED_BIN_DIR"] = str(path)


def dag_text(number):
    lines = ["max_active_runs: 1000", f"tags: [load, team{number % 10}]", "tasks:"]
    for i in range(TASKS):
        after = f", depends_on: [t{i - 1}]" if i else ""
        lines.append(f"  t{i}: {{exec: [/bin/true], retries: 1{after}}}")
    return "\n".join(lines) + "\n"


def server(home, **options):
    """Over the home, whose DAGs lie beside its database; not started."""
    root = home / "bench"
    root.mkdir(parents=True, exist_ok=True)
    os.chmod(home, 0o755)
    return Server(root=root, home=home, **options)


class Database:
    """The server's own PostgreSQL, by psql."""

    def __init__(self, running):
        self.url = json.loads((running.home / "run" / "standalone.json").read_text())["database_url"]

    def run(self, sql, **variables):
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url]
        for name, value in variables.items():
            command += ["-v", f"{name}={value}"]
        done = subprocess.run(command, input="set search_path to pipelined; set timezone to 'UTC';\n" + sql, text=True, capture_output=True)
        if done.returncode != 0:
            raise SystemExit(f"error: {done.stderr.strip()}")
        return done.stdout.strip()


def make(home, dags, runs):
    with server(home) as running:
        for number in range(dags):
            running.write_dag(f"load_{number:04}", dag_text(number), wait=False)
        running.start()
        wait_for(lambda: running.get("/api/v2/dags?limit=1")["total_entries"] >= dags, 120, f"{dags} DAGs to be listed")
        database = Database(running)
        first = int(database.run("select coalesce(max(id), 0) + 1 from dag_run")) if runs else 1
        if first == 1:
            prepare(database)
        for begin in range(first, runs + 1, CHUNK):
            end = min(begin + CHUNK - 1, runs)
            database.run("set synchronous_commit to off;\nbegin;\n" + (HERE / "history.sql").read_text() + "commit;\n",
                         first=begin, last=end, runs=runs, dags=dags)
            print(f"\r{end:,} of {runs:,} runs", end="", flush=True)
        print("\nvacuum", flush=True)
        database.run("select setval(pg_get_serial_sequence('dag_run', 'id'), (select max(id) from dag_run));\n"
                     "update lease set last_attempt_id = (select coalesce(max(id), 0) from attempt);\n"
                     "vacuum (analyze); checkpoint;")
        print(database.run("select pg_size_pretty(pg_database_size(current_database()))"))


def prepare(database):
    """Partitions for the months of the history, which a server that had run all the time would have made."""
    database.run("""
do $$ declare month timestamptz; begin
  for i in 1..3 loop
    month := date_trunc('month', now()) - make_interval(months => i);
    execute format('create table if not exists %I partition of event for values from (%L) to (%L)',
                   'event_' || to_char(month, 'YYYY_MM'), month, month + interval '1 month');
  end loop;
end $$;""")
