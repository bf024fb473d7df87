"""What the figures are held against, measured beside them: bare posix_spawn, ninja, a bare PostgreSQL commit."""
import os
import pathlib
import shutil
import subprocess
import tempfile

POSTGRES_PROGRAMS = ["/usr/lib/postgresql/15/bin"]


def spawn(bin_dir, stamps, count, in_flight, command):
    """Runs `command` (a list) `count` times; the times of their stamps."""
    stamps.clear()
    env = dict(os.environ, STAMP_FILE=str(stamps.path))
    subprocess.run([bin_dir / "spawn_yardstick", str(count), str(in_flight), *command], env=env, check=True, stdout=subprocess.DEVNULL)
    return stamps.times()


def ninja_missing():
    return None if shutil.which("ninja") else "no ninja on this machine: apt-get install ninja-build"


def ninja(stamps, graph, jobs):
    """Runs the graph {task: (command text, [upstream tasks])}; the times of its stamps."""
    stamps.clear()
    with tempfile.TemporaryDirectory(prefix="bench-ninja-") as folder:
        lines = ["rule task", "  command = $run", ""]
        for task, (command, upstream) in graph.items():
            lines.append(f"build {task}: task {' '.join(upstream)}")
            lines.append("  run = " + command.replace("$", "$$"))
        (pathlib.Path(folder) / "build.ninja").write_text("\n".join(lines) + "\n")
        subprocess.run(["ninja", "-j", str(jobs), "--quiet"], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, STAMP_FILE=str(stamps.path)))
    return stamps.times()


def commit_ms(database_url, seconds=2):
    """Milliseconds of one UPDATE of one row and its commit, one client; None and why when it cannot be measured."""
    folder = next((pathlib.Path(p) for p in POSTGRES_PROGRAMS if (pathlib.Path(p) / "pgbench").exists()), None)
    pgbench = shutil.which("pgbench") or (folder and folder / "pgbench")
    psql = shutil.which("psql")
    if not pgbench or not psql:
        return None, "no pgbench or psql on this machine: no bare commit measured"
    quiet = dict(check=True, capture_output=True, text=True)
    subprocess.run([psql, database_url, "-qc", "create table if not exists public.bench_commit (id int primary key, n int); "
                    "insert into public.bench_commit values (1, 0) on conflict do nothing"], **quiet)
    with tempfile.NamedTemporaryFile("w", suffix=".sql", prefix="bench-") as script:
        script.write("update public.bench_commit set n = n + 1 where id = 1;\n")
        script.flush()
        done = subprocess.run([pgbench, "-n", "-c", "1", "-T", str(seconds), "-f", script.name, database_url], **quiet)
    subprocess.run([psql, database_url, "-qc", "drop table public.bench_commit"], **quiet)
    for line in done.stdout.splitlines():
        if line.startswith("latency average"):
            return float(line.split("=")[1].split()[0]), None
    return None, "pgbench gave no latency"
