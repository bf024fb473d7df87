#!/usr/bin/env python3
"""How commands are started: stdin, shell, umask, nice and environments of Python, with the built programs. Packages are wheels that the
tests make, so that nothing here needs a network; the daemon passes PIP_… on to its tasks. The examples of docs/actions that are commands are executed here, too."""
import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import textwrap
import unittest
import zipfile

from case import OfflineCase, ServerCase, bin_dir, clean_environment, main, wait_for
from pages import blocks, examples, page

VENV = bin_dir() / "pipelined-venv"


def make_wheel(folder, name, version="1.0", code="", requires=()):
    """The smallest wheel there is: one module, which says its version."""
    info = f"{name}-{version}.dist-info"
    files = {f"{name}.py": f"VERSION = {version!r}\n{code}",
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
                                 + "".join(f"Requires-Dist: {one}\n" for one in requires),
             f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    record = "".join(f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}\n"
                     for path, text in files.items()) + f"{info}/RECORD,,\n"
    path = pathlib.Path(folder) / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(file, text)
    return path


# A sdist whose build waits for `go`, so that a test can be there in the middle of `pip install`; it builds itself, and needs no backend.
SLOW_BACKEND = '''
import os, sys, time
sys.path.insert(0, {support!r})
def build_wheel(folder, settings=None, metadata=None):
    with open({trace!r}, "a") as trace:
        trace.write(str(os.getpid()) + "\\n")
    while not os.path.exists({go!r}):
        time.sleep(0.02)
    from commands_test import make_wheel
    return make_wheel(folder, "slow").name
'''


def make_slow_sdist(folder, trace, go):
    import io
    import tarfile
    backend = SLOW_BACKEND.format(support=str(pathlib.Path(__file__).resolve().parent), trace=str(trace), go=str(go))
    files = {"PKG-INFO": "Metadata-Version: 2.1\nName: slow\nVersion: 1.0\n", "backend.py": backend,
             "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'}
    with tarfile.open(pathlib.Path(folder) / "slow-1.0.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"slow-1.0/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


class Commands(ServerCase):
    variables = {"GREETING": "of the server"}

    def log(self, dag, run_id, task, attempt=1):
        """Nothing for a command that was never started."""
        path = self.server.home / "logs" / f"dag_id={dag}" / f"run_id={run_id}" / f"task_id={task}" / f"attempt={attempt}.log"
        return path.read_text() if path.exists() else ""

    def run_tasks(self, name, tasks, conf=None, expect="success", head=""):
        """task -> its log."""
        self.server.write_dag(name, head + "tasks:\n" + textwrap.indent(textwrap.dedent(tasks), "  "))
        run_id = self.server.trigger(name, conf)
        state = self.server.wait_run(name, run_id, 120)
        states = self.server.states(name, run_id)
        logs = {task: self.log(name, run_id, task) for task, how in states.items() if how in ("success", "failed")}
        self.assertEqual(state, expect, logs)
        return logs

    def why(self, dag, task):
        run_id = self.server.runs(dag)[-1]["dag_run_id"]
        return json.dumps(self.server.get(f"/api/ext/v1/dags/{dag}/dagRuns/{run_id}/taskInstances/{task}/tries"))

    def test_stdin(self):
        (self.server.dags / "in.txt").write_text("of the file\n")
        logs = self.run_tasks("stdin", r'''
            text: {bash: "cat", stdin: "a {{ params.x }}\n"}
            program: {exec: [cat, -A], stdin: "{{ params.x }}\r\n"}
            code: {python: {code: "import sys; print(repr(sys.stdin.read()))"}, stdin: "{{ params.x }}"}
            file: {bash: "cat", stdin: {file: "{{ params.name }}.txt"}}
            nothing: {bash: "cat; echo end"}
            empty: {bash: "cat; echo end", stdin: ""}
            ''', {"x": "'$(reboot)' \u20ac"}, head="params: {x: y, name: in}\n")
        self.assertEqual(logs, {"text": "a '$(reboot)' \u20ac\n", "program": "'$(reboot)' M-bM-^BM-,^M$\n", "code": repr("'$(reboot)' \u20ac") + "\n",
                                "file": "of the file\n", "nothing": "end\n", "empty": "end\n"})

    def test_stdin_that_cannot_be_read_fails_the_try_and_says_why(self):
        os.mkfifo(self.server.dags / "fifo")
        self.addCleanup((self.server.dags / "fifo").unlink)
        cases = {"missing": ("no", "No such file"), "fifo": ("fifo", "no regular file"), "folder": (".", "Is a directory")}
        tasks = "".join(f"  {task}: {{bash: cat, stdin: {{file: {path}}}}}\n" for task, (path, _) in cases.items())
        self.server.write_dag("no_stdin", "tasks:\n" + tasks)
        self.assertEqual(self.server.wait_run("no_stdin", self.server.trigger("no_stdin")), "failed")
        for task, (path, reason) in cases.items():
            self.assertRegex(self.why("no_stdin", task), f"cannot read stdin from {re.escape(path)}: .*{reason}")

    def test_a_secret_on_stdin_is_read_and_not_shown(self):
        self.server.post("/api/v2/connections", {"connection_id": "door", "conn_type": "generic", "password": "sesame-4711"})
        logs = self.run_tasks("secret_stdin", '''
            t: {bash: 'read -r word; echo "<$word>"; [ "$word" = sesame-4711 ]', stdin: "{{ conn.door.password }}\\n"}
            z: {bash: '[ {{ conn.door.password }} = sesame-4711 ] && echo {{ conn.door.password }} && [ -z "$PIPELINED_SCRIPT" ]', shell: sh}
            ''')
        self.assertEqual(logs, {"t": "<***>\n", "z": "***\n"})

    def test_stdin_feeds_on_when_the_daemon_is_killed(self):
        text = "".join(f"{i}\n" for i in range(100_000))
        (self.server.dags / "many.txt").write_text(text)
        (self.server.root / "go").unlink(missing_ok=True)
        halves = 'head -c 1000 > "$OUT"; touch "$OUT.half"; until [ -e "$GO" ]; do sleep 0.05; done; cat >> "$OUT"'
        self.server.write_dag("feeds", f"env: {{GO: {self.server.root}/go}}\ntasks:\n"
                              """  give: {python: {code: "import json, os; json.dump({'text': open('many.txt').read()}, open(os.environ['PIPELINED_OUTPUT'], 'w'))"}}\n"""
                              f"  text: {{depends_on: give, bash: '{halves}', stdin: '{{{{ tasks.give.text }}}}', env: {{OUT: {self.server.root}/of_text}}}}\n"
                              f"  file: {{bash: '{halves}', stdin: {{file: many.txt}}, env: {{OUT: {self.server.root}/of_file}}}}\n")
        run_id = self.server.trigger("feeds")
        for name in ("of_text", "of_file"):
            wait_for((self.server.root / f"{name}.half").exists, 60, f"{name} to be half read")
        self.server.kill("standalone", "scheduler", "api-server", "notifier", "launcher")
        self.server.reap()
        (self.server.root / "go").touch()
        self.server.start()
        self.assertEqual(self.server.wait_run("feeds", run_id, 120), "success")
        self.assertEqual({row["try_number"] for row in self.server.tasks("feeds", run_id).values()}, {1})
        for name in ("of_text", "of_file"):
            self.assertEqual((self.server.root / name).read_text(), text, name)

    def test_shells(self):
        tasks = '''
            plain: {bash: 'echo {{ params.x }}; set -o | grep -c "errexit.*on" || true'}
            strict: {bash: 'false | true; echo not reached', shell: [bash, -euo, pipefail]}
            sh: {bash: 'echo {{ params.x }} "{{ params.x }}"; echo "${BASH_VERSION-}"', shell: sh}
            placed: {bash: 'echo {{ params.x }} "$0" "$1"', shell: [bash, -u, -c, "{}", name, word]}
            '''
        if shutil.which("zsh"):
            tasks += '''zsh: {bash: 'echo "$X" "${ZSH_VERSION:+is zsh}"', shell: zsh, env: {X: "{{ params.x }}"}}
            '''
        logs = self.run_tasks("shells", tasks, {"x": "a  'b'; id;"}, "failed", head="params: {x: y}\n")
        self.assertEqual(logs["plain"], "a  'b'; id;\n0\n")
        self.assertEqual(logs["strict"], "")
        self.assertEqual(logs["sh"], "a  'b'; id; a  'b'; id;\n\n")
        self.assertEqual(logs["placed"], "a  'b'; id; name word\n")
        self.assertEqual(logs.get("zsh", "a  'b'; id; is zsh\n"), "a  'b'; id; is zsh\n")

    def test_umask_and_nice(self):
        logs = self.run_tasks("modes", '''
            b: {bash: 'umask; nice; touch made; stat -c %a made', umask: 027, nice: 7, working_dir: ROOT}
            e: {exec: [sh, -c, 'umask; nice'], umask: "077", nice: 19}
            p: {python: {code: "import os; print(oct(os.umask(0)), os.nice(0))"}, umask: 0o22, nice: 3}
            '''.replace("ROOT", str(self.server.root)), head="default_args: {nice: 1}\n")
        self.assertEqual(logs, {"b": "0027\n7\n640\n", "e": "0077\n19\n", "p": "0o22 3\n"})

    @unittest.skipUnless(os.geteuid() != 0, "root may")
    def test_an_ordinary_user_is_told_that_it_may_not_be_less_nice(self):
        self.run_tasks("less_nice", "t: {bash: nice, nice: -5}", expect="failed")
        self.assertIn("needs a server that runs as root", self.why("less_nice", "t"))

    @unittest.skipUnless(os.geteuid() == 0, "only root may")
    def test_root_may_be_less_nice(self):
        self.assertEqual(self.run_tasks("less_nice", "t: {bash: nice, nice: -5}"), {"t": "-5\n"})


class WheelCase(ServerCase):
    """pip sees the wheels of the test, and no index."""

    @classmethod
    def setUpClass(cls):
        cls.wheels = pathlib.Path(tempfile.mkdtemp(prefix="pipelined-wheels-"))
        cls.addClassCleanup(shutil.rmtree, cls.wheels, ignore_errors=True)
        cls.wheels.chmod(0o755)
        for version in ("1.0", "2.0"):
            make_wheel(cls.wheels, "tiny", version)
        make_wheel(cls.wheels, "small", requires=["tiny"])
        make_slow_sdist(cls.wheels, cls.wheels / "builds", cls.wheels / "go")
        cls.variables = {"PIP_FIND_LINKS": str(cls.wheels), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", "PIP_NO_CACHE_DIR": "1"}
        super().setUpClass()
        cls.venvs = cls.server.home / "venvs"

    log = Commands.log
    run_tasks = Commands.run_tasks


class Environments(WheelCase):
    def tool(self, *words, expect=0):
        done = subprocess.run(["python3", VENV, *words, "--folder", str(self.venvs)] if words[0] != "run" else ["python3", VENV, *words],
                              capture_output=True, text=True, env=clean_environment(self.variables), timeout=120, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout

    def listed(self):
        """requirements -> key"""
        return {words: key for key, _, words in (line.split("\t") for line in self.tool("list").splitlines())}

    def builds(self):
        return list((self.venvs / "builds").iterdir())

    def test_one_for_each_set_of_requirements(self):
        code = "import tiny, sys; print(tiny.VERSION, sys.prefix != sys.base_prefix)"
        (self.server.dags / "needs.txt").write_text("# of the file\ntiny == 1.0\n")
        logs = self.run_tasks("once", f'''
            a: {{python: {{code: "{code}", requirements: ["tiny == 1.0"]}}}}
            b: {{python: {{code: "{code}", requirements: needs.txt}}}}
            c: {{python: {{code: "{code}", requirements: ["tiny == 1.0  # the same"]}}}}
            d: {{python: {{code: "{code}", requirements: [tiny>1]}}}}
            plain: {{python: {{code: "import importlib.util as u; print(u.find_spec('tiny'))"}}}}
            path: {{python: {{code: "import os, subprocess, sys; assert subprocess.check_output(['python', '-c', 'import sys; print(sys.prefix)'], text=True).strip() == sys.prefix == os.environ['VIRTUAL_ENV']; print('PIPELINED_REQUIREMENTS' in os.environ)", requirements: [tiny>1]}}}}
            ''')
        self.assertEqual({task: log.splitlines()[-1] for task, log in logs.items()},
                         {"a": "1.0 True", "b": "1.0 True", "c": "1.0 True", "d": "2.0 True", "plain": "None", "path": "False"})
        for words in ("tiny == 1.0", "tiny>1"):
            self.assertEqual(sum(f"environment {self.listed()[words][:12]} is ready" in log for log in logs.values()), 1, logs)
        again = self.run_tasks("again", f'a: {{python: {{code: "{code}", requirements: [tiny == 1.0]}}}}')
        self.assertEqual(again, {"a": "1.0 True\n"})

    def test_what_the_wheels_need_comes_along(self):
        logs = self.run_tasks("needs", 'a: {python: {code: "import small, tiny; print(tiny.VERSION)", requirements: [small]}}')
        self.assertEqual(logs["a"].splitlines()[-1], "2.0")

    def test_nothing_in_the_folder_of_the_task_gets_in_the_way(self):
        folder = self.server.dags / "strange"
        folder.mkdir()
        for name in ("venv", "random", "json", "pip", "logging"):
            (folder / f"{name}.py").write_text("raise SystemExit('this is not the module')\n")
        (folder / "own.py").write_text("import tiny; print(tiny.VERSION)")
        logs = self.run_tasks("strange_task", 'a: {working_dir: strange, umask: 0, env: {PYTHONPATH: X, PIP_TARGET: /nowhere, PIP_USER: "1"}, '
                              'python: {file: own.py, requirements: [tiny == 1.0, small == 1.0]}}\n'
                              'b: {python: {code: x, requirements: [./strange]}, depends_on: a}'.replace("X", str(folder)), expect="failed")
        self.assertEqual(logs["a"].splitlines()[-1], "1.0", logs)
        self.assertIn("./strange", logs["b"], "a path there would mean another thing in each folder")
        for path in (self.venvs, self.venvs / "builds", *self.builds()):
            self.assertEqual(path.stat().st_mode & 0o022, 0, f"{path}: others may write what is run from there")

    def test_wrong_requirements_fail_with_the_words_of_pip(self):
        logs = self.run_tasks("wrong", 'a: {python: {code: "1", requirements: [nosuchthing==9]}}\nb: {python: {code: "1", requirements: ["not ! one"]}}',
                              expect="failed")
        self.assertIn("No matching distribution found for nosuchthing==9", logs["a"])
        self.assertIn("pipelined-venv: error: pip install failed (exit code 1); the environment is not kept", logs["a"])
        self.assertIn("Invalid requirement", logs["b"])
        self.assertFalse({"nosuchthing==9", "not ! one"} & set(self.listed()))
        keys = set(self.listed().values())
        self.assertEqual([path.name for path in self.builds() if path.name.partition("-")[0] not in keys], [])

    def slow_dag(self, dag, tasks=1, retries=0):
        (self.wheels / "go").unlink(missing_ok=True)
        (self.wheels / "builds").unlink(missing_ok=True)
        task = f"{{python: {{code: 'import slow; print(slow.VERSION)', requirements: [slow, tiny>0.{dag[-1]}]}}}}"
        self.server.write_dag(dag, f"default_args: {{retries: {retries}, retry_delay: 0s}}\ntasks:\n"
                              + "".join(f"  t{i}: {task}\n" for i in range(tasks)))
        run_id = self.server.trigger(dag)
        wait_for(lambda: lines_of(self.wheels / "builds"), 120, "pip to build")
        return run_id

    def test_two_at_once_wait_for_one_pip(self):
        run_id = self.slow_dag("both1", tasks=2)
        wait_for(lambda: any("waiting for it" in self.log("both1", run_id, task) for task in ("t0", "t1")), 60, "one to wait")
        (self.wheels / "go").touch()
        self.assertEqual(self.server.wait_run("both1", run_id, 120), "success")
        self.assertEqual(len(lines_of(self.wheels / "builds")), 1)
        logs = [self.log("both1", run_id, task) for task in ("t0", "t1")]
        self.assertEqual([log.splitlines()[-1] for log in logs], ["1.0", "1.0"])
        self.assertEqual(sum("making environment" in log for log in logs), 1)

    def build(self):
        """The process that pip builds with."""
        return int(lines_of(self.wheels / "builds")[-1])

    def test_a_try_killed_in_the_middle_of_pip_leaves_nothing_behind(self):
        run_id = self.slow_dag("killed2", retries=1)
        os.killpg(os.getpgid(self.build()), signal.SIGKILL)
        wait_for(lambda: len(lines_of(self.wheels / "builds")) == 2, 120, "the next try to build")
        self.assertNotIn("slow, tiny>0.2", self.listed(), "half an environment is none")
        (self.wheels / "go").touch()
        self.assertEqual(self.server.wait_run("killed2", run_id, 120), "success")
        self.assertEqual(self.log("killed2", run_id, "t0", 2).splitlines()[-1], "1.0")
        keys = set(self.listed().values())
        self.assertEqual(len(self.builds()), len(keys), [path.name for path in self.builds()])

    def test_the_daemon_may_be_killed_meanwhile(self):
        run_id = self.slow_dag("daemon3")
        self.server.kill("standalone", "scheduler", "api-server", "notifier", "launcher")
        self.server.reap()
        self.server.start()
        (self.wheels / "go").touch()
        self.assertEqual(self.server.wait_run("daemon3", run_id, 120), "success")
        self.assertEqual(self.log("daemon3", run_id, "t0").splitlines()[-1], "1.0")
        self.assertEqual(len(lines_of(self.wheels / "builds")), 1)

    def test_a_cancelled_run_ends_pip_too(self):
        (self.wheels / "go").unlink(missing_ok=True)
        (self.wheels / "builds").unlink(missing_ok=True)
        self.server.write_dag("late4", "tasks: {t: {python: {code: '1', requirements: [slow, small]}}}\n")
        run_id = self.server.trigger("late4")
        wait_for(lambda: lines_of(self.wheels / "builds"), 120, "pip to build")
        pid = self.build()
        self.server.ctl("runs", "cancel", "late4", run_id)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 60, "the build to end")
        wait_for(lambda: len(self.builds()) == len(self.listed()), 60, "what was half made to go")

    def test_list_and_remove(self):
        hold = self.server.root / "hold"
        hold.touch()
        self.server.write_dag("removal", self.removal_dag(hold))
        run_id = self.server.trigger("removal")
        wait_for(pathlib.Path(f"{hold}.begun").exists, 120, "the task to run")
        wait_for(lambda: self.server.states("removal", run_id)["gone"] == "success", 120, "the other one to end")
        listed = self.listed()
        self.assertEqual(self.tool("remove", "--unused-for", "1"), "", "all of them were used just now")
        self.assertEqual(self.listed(), listed)
        (self.venvs / "builds" / ("0" * 32 + "-dead")).mkdir()  # of a try that was killed and never came again
        said = self.tool("remove", "--unused-for", "0")
        self.assertIn(f"{listed['tiny, small==1.0']} is in use", said)
        self.assertIn(listed["small==1.0, tiny"], said.splitlines())
        self.assertEqual(list(self.listed()), ["tiny, small==1.0"])
        self.assertEqual(len(self.builds()), 1)
        hold.unlink()
        self.assertEqual(self.server.wait_run("removal", run_id, 60), "success", "it had its environment to the end")
        wait_for(lambda: self.tool("remove", "--unused-for", "0") == listed["tiny, small==1.0"] + "\n", 20, "it to be unused")
        self.assertEqual(self.listed(), {})
        self.assertEqual(self.run_tasks("removed", 'a: {python: {code: "import tiny; print(tiny.VERSION)", requirements: [tiny, small==1.0]}}')["a"]
                         .splitlines()[-1], "2.0")

    @staticmethod
    def removal_dag(hold):
        return f'''
tasks:
  kept:
    python:
      requirements: [tiny, small==1.0]
      code: |
        import os, time, tiny
        open("{hold}.begun", "w").close()
        while os.path.exists("{hold}"):
            time.sleep(0.05)
  gone: {{python: {{code: "import tiny", requirements: [small==1.0, tiny]}}}}
'''

    def test_an_environment_of_ones_own(self):
        own = self.server.root / "own"
        subprocess.run(["python3", "-m", "venv", "--without-pip", own], check=True, timeout=120)
        logs = self.run_tasks("own", f'''
            a: {{python: {{code: "import sys; print(sys.prefix)", venv: "{{{{ params.env }}}}"}}}}
            b: {{python: {{code: "import sys; print(sys.prefix)", venv: own}}, working_dir: {self.server.root}}}
            c: {{python: {{code: "1", venv: /no/such}}}}
            ''', {"env": str(own)}, expect="failed", head="params: {env: x}\n")
        self.assertEqual((logs["a"], logs["b"]), (f"{own}\n", f"{own}\n"))
        run_id = self.server.runs("own")[-1]["dag_run_id"]
        self.assertIn("no such command: /no/such/bin/python", json.dumps(self.server.get(f"/api/ext/v1/dags/own/dagRuns/{run_id}/taskInstances/c/tries")))

    @unittest.skipUnless(os.geteuid() == 0, "only root may switch users")
    def test_another_user_has_other_environments(self):
        import pwd
        home = pwd.getpwnam("nobody").pw_dir
        if os.path.isdir(home):
            self.skipTest(f"{home} is there")
        logs = self.run_tasks("other_user", 'a: {run_as_user: nobody, python: {code: "1", requirements: [tiny]}, env: {XDG_CACHE_HOME: X}}'
                              .replace("X", str(self.server.root)), expect="failed")
        self.assertIn(f"environments cannot be kept in {home}/.cache/pipelined/venvs", logs["a"])

    def test_offline_too(self):
        case = OfflineCase("setUp")
        case.setUp()
        self.addCleanup(case.doCleanups)
        path = case.file("tasks: {a: {python: {code: 'import tiny; print(tiny.VERSION)', requirements: [tiny]}}}\n")
        env = clean_environment({**self.variables, "PIPELINED_HOME": str(case.folder / "nothing"), "XDG_CACHE_HOME": str(case.folder)})
        for _ in range(2):
            done = subprocess.run([bin_dir() / "pipectl", "dags", "test", path], capture_output=True, text=True, env=env, timeout=120,
                                  stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("2.0", done.stdout)
        self.assertEqual(len(list((case.folder / "pipelined" / "venvs" / "builds").iterdir())), 1)


class Page(WheelCase):
    """The examples of commands in docs/actions as they stand there; only the place of an environment is replaced."""

    examples = examples("actions")

    def run_example(self, name, *replaced, **conf):
        """task -> its log."""
        text = self.examples[name]
        for said, here in replaced:
            self.assertIn(said, text)
            text = text.replace(said, here)
        self.server.write_dag(name, text)
        run_id = "of_page"
        self.server.post(f"/api/v2/dags/{name}/dagRuns", {"logical_date": "2026-01-31T00:00:00Z", "dag_run_id": run_id, "conf": conf})
        state = self.server.wait_run(name, run_id, 120)
        logs = {task: self.log(name, run_id, task) for task in self.server.states(name, run_id)}
        self.assertEqual(state, "success", logs)
        return logs

    def program(self, name, script):
        path = self.server.dags / name
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)

    def test_example_count_words(self):
        (self.server.dags / "words.txt").write_text("it's\nits\nwell, it's it's\n")
        self.assertEqual(self.run_example("count_words"), {"count": "", "tell": "it's stands in 2 lines\n"})

    @unittest.skipUnless(shutil.which("fish"), "fish is not there")
    def test_example_shells(self):
        (self.server.dags / "it's; here.txt").write_text("c\nb\na\nd\n")
        self.assertEqual(self.run_example("shells"), {"strict": "a\nb\nc\n", "posix": "it's; here\n", "placed": "an argument\n", "fish": "it's; here\n"})

    def test_example_exact_words(self):
        self.program("count", 'echo "{\\"letters\\": ${#2}}" > "$PIPELINED_OUTPUT"\n')
        title = "it's; $(date) *"
        self.assertEqual(self.run_example("exact_words"), {"say": f"{title}|two words|", "sort": "9\n10\n", "count": "", "tell": f"{len(title)} letters\n"})

    def test_example_inputs(self):
        self.server.post("/api/v2/connections", {"connection_id": "shop", "conn_type": "generic", "password": "open-4711"})
        self.program("login", '[ "$1" = open-4711 ] && echo "as $1"\n')
        (self.server.dags / "in").mkdir()
        (self.server.dags / "in" / "2026-01-31.csv").write_text("1\n2\n")
        self.assertEqual(self.run_example("inputs"), {"text": hashlib.sha256(b"2026-01-31\n").hexdigest() + "  -\n", "secret": "as ***\n", "file": "2\n"})

    def test_example_modes(self):
        self.assertEqual(self.run_example("modes"), {"shared": "", "polite": "10\n"})
        self.assertEqual((self.server.dags / "shared.csv").stat().st_mode & 0o777, 0o640)

    def test_example_top_rows(self):
        report, = blocks(page("actions/python.md"), "python")
        (self.server.dags / "report.py").write_text(report)
        self.assertEqual(self.run_example("top_rows", top=3), {"rows": "", "report": "3 rows\n"})

    def test_example_environments(self):
        own = self.server.root / "own"
        subprocess.run(["python3", "-m", "venv", "--without-pip", own], check=True, timeout=120)
        (self.server.dags / "report.py").write_text("import os, importlib.util as u; print(bool(u.find_spec('tiny')), os.environ['VIRTUAL_ENV'])\n")
        (self.server.dags / "requirements.txt").write_text("tiny == 1.0\n")
        last = {task: log.splitlines()[-1] for task, log in self.run_example("environments", ("/srv/envs/report", str(own))).items()}
        self.assertEqual(last["own"], f"False {own}")
        self.assertRegex(last["made"], f"^True {self.server.home}/venvs/builds/")
        self.assertEqual(last["listed"], last["made"])


if __name__ == "__main__":
    main()
