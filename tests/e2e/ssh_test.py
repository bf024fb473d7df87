#!/usr/bin/env python3
"""Commands on another host, which is an sshd of this machine: what they see, how they end, and that none is left behind."""
import contextlib
import getpass
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from case import OwnServerCase, ServerCase, bin_dir, main, processes, wait_for
from pages import dags_of, page

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "sinks"))
from sinks import SshServer  # noqa: E402

SECRET = "s3cret-of-the-test"
VICTIM = "pwned-by-a-value"

HOSTILE = [
    "", " ", "'", "\"", "\\", "a'b\"c\\",
    f"$(touch {VICTIM})", f"`touch {VICTIM}`",
    f"; touch {VICTIM}; --", f"' ; touch {VICTIM} #", f"\n touch {VICTIM}\n",
    "a\r\nb\n", "{{ ds }}{% raw %}", "-n", "--", "~ * ? ! $HOME ${PATH} %s %00",
    "\t\u0001\u007f", "\u00fcn\u00efc\u00f6d\u00e9 \u65e5\u672c \U0001f600", "EOF\n_p_nonce=1",
]


def session_of(pid):
    """The sshd processes between a remote command and the one that listens."""
    table, found = processes(), []
    while pid in table:
        ppid, _, name = table[pid]
        if name.startswith("sshd"):
            found.append(pid)
        pid = ppid
    return found[:-1]


class Ssh:
    """For a test class with a server."""

    @classmethod
    def start_sshd(cls):
        cls.sshd = SshServer()
        cls.addClassCleanup(cls.sshd.close)
        cls.sshd.start()

    def there(self, command, **more):
        return {"host": "127.0.0.1", "port": self.sshd.port, "user": getpass.getuser(), "command": command, **self.sshd.keys(), **more}

    def begin(self, server, name, action, params=None, **keys):
        """Begins a run of a DAG of one task."""
        dag = {"params": {key: "" for key in params or {}}, "tasks": {"a": {"ssh": action, **keys}}}
        server.write_dag(name, json.dumps(dag))
        return server.trigger(name, params)

    def log(self, server, name, task="a"):
        done = server.pipectl("tasks", "logs", name, "latest", task)
        return done.stdout if done.returncode == 0 else ""

    def last_try(self, server, name, run_id, task="a"):
        return server.get(f"/api/ext/v1/dags/{name}/dagRuns/{run_id}/taskInstances/{task}/tries")["task_instances"][-1]

    def outputs(self, server, name, run_id, task="a"):
        path = f"/api/v2/dags/{name}/dagRuns/{run_id}/taskInstances/{task}/xcomEntries"
        return {row["key"]: server.get(f"{path}/{row['key']}")["value"] for row in server.get(path)["xcom_entries"]}

    def mark(self):
        """A word that is seen in the command line of whoever is given it."""
        return f"9{secrets.randbelow(10 ** 8):08}.5"

    def holders(self, mark):
        return [pid for pid, (_, arguments, _) in processes().items() if arguments[:1] == ["sleep"] and mark in arguments]

    def await_there(self, mark, number=1):
        wait_for(lambda: len(self.holders(mark)) >= number, 60, "the command to run there")

    def await_gone(self, mark):
        wait_for(lambda: not self.holders(mark), 60, "the command there to be gone")


class Commands(Ssh, ServerCase):
    settings = {"executor.grace": "1s"}
    variables = {"PIPELINED_VAR_RAW": "\udcff\udc80'$(id)"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_sshd()
        cls.server.post("/api/v2/connections", {
            "connection_id": "there", "conn_type": "ssh", "host": "127.0.0.1", "port": cls.sshd.port, "login": getpass.getuser(),
            "password": SECRET, "extra": json.dumps({"private_key": (cls.sshd.folder / "key").read_text(),
                                                     "host_key": (cls.sshd.folder / "host_key.pub").read_text()})})

    def run_task(self, name, action, params=None, **keys):
        run_id = self.begin(self.server, name, action, params, **keys)
        return self.server.wait_run(name, run_id, 120), run_id

    def expect(self, state, name, action, *words, **keys):
        """Its log has the words."""
        ended, run_id = self.run_task(name, action, **keys)
        log = self.log(self.server, name)
        self.assertEqual(ended, state, log)
        for word in words:
            self.assertIn(word, log)
        return run_id

    def test_output_and_outputs_come_back(self):
        command = "echo to stdout; echo to stderr >&2; echo '{\"rows\": 3}' > $PIPELINED_OUTPUT; printf unended"
        run_id = self.expect("success", "plain", self.there(command), "to stdout\n", "to stderr\n", "unended")
        self.assertEqual(self.outputs(self.server, "plain", run_id), {"rows": 3})

    def test_outputs_have_the_limits_of_any_command(self):
        for name, command, words in (("large", "head -c 1200000 /dev/zero | tr '\\0' x > $PIPELINED_OUTPUT", "1048576 are allowed"),
                                     ("broken", "echo nonsense > $PIPELINED_OUTPUT", "not valid JSON"),
                                     ("linked", "ln -s /etc/passwd $PIPELINED_OUTPUT", "not valid JSON")):
            ended, run_id = self.run_task(name, self.there(command))
            self.assertEqual(ended, "failed")
            last = self.last_try(self.server, name, run_id)
            self.assertEqual(last["outcome"], "bad_output")
            self.assertIn(words, last["message"])

    def test_the_exit_code_is_that_of_the_command(self):
        for code in (7, 255):
            run_id = self.expect("failed", f"code_{code}", self.there(f"exit {code}"))
            last = self.last_try(self.server, f"code_{code}", run_id)
            self.assertEqual((last["outcome"], last["exit_code"]), ("failed", code))
        ended, run_id = self.run_task("skips", self.there("exit 99"))
        self.assertEqual(self.server.states("skips", run_id), {"a": "skipped"})
        run_id = self.expect("failed", "killed", self.there("kill -KILL $$"), "killed by SIGKILL")
        self.assertEqual(self.last_try(self.server, "killed", run_id)["exit_code"], 137)

    def test_what_the_command_starts_ends_with_it(self):
        mark = self.mark()
        self.expect("success", "leaves", self.there(f"sleep {mark} & :"))
        self.await_gone(mark)
        mark = self.mark()
        self.expect("success", "leaves_session", self.there(f"setsid sleep {mark} & echo 'what left its group is not waited for'"), "is not waited for")
        for pid in self.holders(mark):
            os.kill(pid, signal.SIGKILL)

    def test_surroundings(self):
        self.expect("success", "surroundings", self.there(
            "umask; echo nice $(nice); cat; echo $A, $PIPELINED_TASK_ID; trap; "
            "[ -n \"$BASH_VERSION\" ] && echo is bash; [[ $- == *u* ]] && echo strict"),
            "0027\n", "nice 5\n", "the input\n", "of env, a\n", "is bash\n", "strict\n",
            shell=["bash", "-u"], umask="027", nice=5, stdin="the input\n", env={"A": "of env"})
        self.assertNotIn("trap --", self.log(self.server, "surroundings"), "no signal is ignored")
        self.expect("success", "other_shell", self.there("import sys; print(sys.stdin.read() + str(sys.version_info[0]))"), "x3\n",
                    shell=["python3", "-c", "{}"], stdin="x")
        size = 3_000_001
        (self.server.dags / "large.bin").write_bytes(bytes(range(256)) * (size // 256 + 1))
        self.expect("success", "from_file", self.there("wc -c"), f"{size // 256 * 256 + 256}\n", stdin={"file": "large.bin"})
        self.expect("failed", "no_shell", self.there("true"), "nosuchshell", shell=["nosuchshell"])
        self.expect("failed", "no_file", self.there("true"), "SSH100: stdin cannot be read from", stdin={"file": "missing"})

    def test_what_cannot_be_reached_says_why_and_what_to_do(self):
        other = self.sshd.folder / "other"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
        public = (other.with_suffix(".pub")).read_text().split()
        wrong = self.sshd.folder / "wrong_hosts"
        wrong.write_text(f"[127.0.0.1]:{self.sshd.port} {public[0]} {public[1]}\n")
        for name, change, code, remedy in (
                ("unreachable", {"port": 1}, "SSH101: could not connect to 127.0.0.1 port 1", "check host and port"),
                ("unknown_host", {"known_hosts": "/dev/null"}, "SSH102: the host key of 127.0.0.1", "host_key_checking: accept-new"),
                ("changed_host", {"known_hosts": str(wrong)}, "SSH103: the host key of 127.0.0.1", "somebody is in between"),
                ("wrong_key", {"key_file": str(other)}, "SSH104: 127.0.0.1", "authorized_keys"),
                ("no_key", {"key_file": "missing"}, "SSH104: key_file ", "read as the server's user")):
            run_id = self.expect("failed", name, self.there("echo it ran", **change), code, "remedy: ", remedy)
            self.assertNotIn("it ran", self.log(self.server, name))
            self.assertEqual(self.last_try(self.server, name, run_id)["exit_code"], 255)

    def test_a_new_host_is_learned_when_that_is_said(self):
        learned = self.sshd.folder / "learned hosts"
        self.expect("success", "accepts", self.there("echo it ran", known_hosts=str(learned), host_key_checking="accept-new"), "it ran")
        self.assertIn("ssh-", learned.read_text())
        self.expect("success", "unchecked", self.there("echo it ran", known_hosts="/dev/null", host_key_checking="no"), "it ran")

    def test_a_key_with_a_passphrase(self):
        locked = self.sshd.folder / "locked"
        locked.write_text((self.sshd.folder / "key").read_text())
        locked.chmod(0o600)
        subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", SECRET, "-f", locked], check=True)
        for name, passphrase, state in (("unlocks", SECRET, "success"), ("wrong_passphrase", "nonsense", "failed")):
            self.server.post("/api/v2/connections", {
                "connection_id": name, "conn_type": "ssh", "host": "127.0.0.1", "port": self.sshd.port, "login": getpass.getuser(),
                "extra": json.dumps({"private_key": locked.read_text(), "private_key_passphrase": passphrase,
                                     "host_key": (self.sshd.folder / "host_key.pub").read_text()})})
            self.expect(state, name, {"connection": name, "command": "echo it ran"})
            self.assertEqual("it ran" in self.log(self.server, name), state == "success")

    def test_what_goes_wrong_here_meanwhile_is_no_end_of_the_command(self):
        job = json.dumps(self.there("echo x; sleep 7778.5", host_key=(self.sshd.folder / "host_key.pub").read_text()))
        with open("/dev/full", "w") as full:
            done = subprocess.run([bin_dir() / "pipelined-ssh", "x"], input=job, stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        self.assertIn("SSH106: OSError", done.stderr)
        self.await_gone("7778.5")
        done = subprocess.run([bin_dir() / "pipelined-ssh", "x"], text=True, capture_output=True, env={**os.environ, "PIPELINED_OUTPUT": "/dev/full"},
                              input=json.dumps(self.there("echo '{}' > $PIPELINED_OUTPUT", host_key=(self.sshd.folder / "host_key.pub").read_text())))
        self.assertEqual(done.returncode, 1)
        self.assertIn("SSH108", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_another_user_connects(self):
        self.expect("success", "as_nobody", {"connection": "there", "command": "id -un; cat"}, getpass.getuser() + "\nthe input",
                    run_as_user="nobody", stdin="the input")
        self.expect("failed", "nobodys_key", self.there("echo it ran"), "SSH104: key_file ", run_as_user="nobody")

    def test_secrets_are_in_no_command_line_and_in_no_log(self):
        mark = self.mark()
        command = f"echo {{{{ conn.there.password }}}}, $S; cat; sleep {mark}"
        run_id = self.begin(self.server, "secret", {"connection": "there", "command": command},
                            env={"S": "{{ conn.there.password }}"}, stdin="{{ conn.there.password }}")
        self.await_there(mark)
        lines = [" ".join(arguments) for _, arguments, _ in processes().values()]
        self.assertTrue(any("pipelined-ssh" in line for line in lines))
        self.assertEqual([line for line in lines if SECRET in line or "PRIVATE KEY" in line], [])
        held = [path for path in pathlib.Path("/tmp").glob("pipelined-ssh-*/*") if SECRET in path.read_text(errors="replace")]
        self.assertEqual(held, [])
        for pid in self.holders(mark):
            os.kill(pid, signal.SIGTERM)
        self.server.wait_run("secret", run_id)
        log = self.log(self.server, "secret")
        self.assertIn("***, ***", log)
        self.assertNotIn(SECRET, log)

    def test_values_are_values(self):
        dag = {"params": {f"v{i}": "" for i in range(len(HOSTILE))}, "tasks": {}}
        show = "od -An -v -tx1 | tr -d ' \\n'"
        for i in range(len(HOSTILE)):
            value = f"{{{{ params.v{i} }}}}"
            command = (f"e=$(printf %s \"$V\" | {show}); c=$(printf %s {value} | {show}); i=$({show})\n"
                       "echo \"{\\\"env\\\": \\\"$e\\\", \\\"command\\\": \\\"$c\\\", \\\"stdin\\\": \\\"$i\\\"}\" > \"$PIPELINED_OUTPUT\"; echo there")
            dag["tasks"][f"t{i}"] = {"ssh": self.there(command), "env": {"V": value}, "stdin": value}
        self.server.write_dag("hostile", json.dumps(dag))
        run_id = self.server.trigger("hostile", {f"v{i}": value for i, value in enumerate(HOSTILE)})
        self.server.wait_run("hostile", run_id, 200)
        for i, value in enumerate(HOSTILE):
            found = self.outputs(self.server, "hostile", run_id, f"t{i}")
            expected = dict.fromkeys(("env", "command", "stdin"), value.encode().hex())
            self.assertEqual(found, expected, repr(value) + self.log(self.server, "hostile", f"t{i}"))
        self.assertFalse((pathlib.Path.home() / VICTIM).exists())

    def test_bytes_that_are_no_text(self):
        shown = "ff 80 27 24 28 69 64 29\n"
        self.expect("success", "raw", self.there("cat | od -An -tx1; printf %s \"$V\" | od -An -tx1"), shown + " " + shown,
                    stdin="{{ var.value.raw }}", env={"V": "{{ var.value.raw }}"})

    def test_where_to_cannot_be_turned_into_something_else(self):
        victim = self.server.root / VICTIM
        values = [f"-oProxyCommand=touch {victim}", f"$(touch {victim})", f"`touch${{IFS}}{victim}`", f"x;touch {victim}",
                  "a b", "a\nb", "a\r", "root@127.0.0.1", "'", "\"", "\\", "é", "|x", "ssh://127.0.0.1", "--", ""]
        for key in ("host", "user"):
            dag = {"params": {f"v{i}": "" for i in range(len(values))},
                   "tasks": {f"t{i}": {"ssh": self.there("echo it ran", **{key: f"{{{{ params.v{i} }}}}"})} for i in range(len(values))}}
            self.server.write_dag("where_" + key, json.dumps(dag))
            run_id = self.server.trigger("where_" + key, {f"v{i}": value for i, value in enumerate(values)})
            self.server.wait_run("where_" + key, run_id, 120)
            for i, value in enumerate(values):
                last = self.last_try(self.server, "where_" + key, run_id, f"t{i}")
                self.assertEqual((last["outcome"], f"ssh.{key}: " in last["message"]), ("launch_failed", True), repr(value) + str(last))
        self.assertFalse(victim.exists())

    def test_what_a_shell_or_ssh_would_misread_is_refused(self):
        self.expect("failed", "name", self.there("echo it ran"), "SSH100: env: a shell can have no variable of the name 'a-b'", env={"a-b": "x"})
        self.expect("failed", "path", self.there("echo it ran", key_file="/x/${HOME}"), "SSH100: key_file")
        self.expect("failed", "quotes", self.there("echo it ran", known_hosts="/x\" /y"), "SSH100: known_hosts")
        job = {"host": "127.0.0.1", "command": "a\0b"}
        done = subprocess.run([bin_dir() / "pipelined-ssh", "x"], input=json.dumps(job), capture_output=True, text=True)
        self.assertEqual(done.returncode, 255)
        self.assertIn("SSH100: command holds a NUL", done.stderr)

    def test_mapped_by_its_environment(self):
        action = self.there("echo \"{\\\"n\\\": \\\"$N\\\"}\" > $PIPELINED_OUTPUT")
        dag = {"tasks": {"a": {"ssh": action, "expand": {"env": [{"N": "x"}, {"N": "y"}]}}}}
        self.server.write_dag("mapped", json.dumps(dag))
        run_id = self.server.trigger("mapped")
        self.assertEqual(self.server.wait_run("mapped", run_id), "success")
        path = f"/api/v2/dags/mapped/dagRuns/{run_id}/taskInstances/a/xcomEntries/n?map_index="
        self.assertEqual([self.server.get(path + str(i))["value"] for i in (0, 1)], ["x", "y"])

    def test_example_dump(self):
        text = page("actions/ssh.md")
        key, known_hosts = self.sshd.folder / "key", self.sshd.folder / "known_hosts"
        add, = re.findall(r"^pipectl connections add .*", text, re.M)
        extra = self.server.root / "db1.json"
        extra.write_text(json.dumps({"key_file": str(key), "known_hosts": str(known_hosts)}))
        here = {"db1.json": str(extra), "db1.example.org": "127.0.0.1", "22": str(self.sshd.port), "backup": getpass.getuser()}
        self.assert_exit(0, *(here.get(word, word) for word in add.split()[1:]))
        self.server.write_dag("page", dags_of(text)["dump"])
        run_id = self.server.trigger("page", {"table": "a'b"})
        self.assertEqual(self.server.wait_run("page", run_id), "success", self.log(self.server, "page", "dump") + self.log(self.server, "page", "count"))
        self.assertEqual(self.outputs(self.server, "page", run_id, "dump"), {"bytes": 13})
        self.assertIn("13 bytes of a'b", self.log(self.server, "page", "tell"))


class FarEnds(unittest.TestCase):
    """The far end by itself, in the shells and with the tools that other hosts have."""

    @classmethod
    def setUpClass(cls):
        loader = importlib.machinery.SourceFileLoader("pipelined_ssh", str(bin_dir() / "pipelined-ssh"))
        cls.program = importlib.util.module_from_spec(importlib.util.spec_from_loader("pipelined_ssh", loader))
        loader.exec_module(cls.program)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pipelined-far-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "temp").mkdir()

    def tools(self, *names, busybox=False):
        """A PATH of nothing else."""
        path = self.folder / "bin"
        path.mkdir()
        for name in ("sh", "dd", "od", "wc", "mkdir", "rm", "kill", "sleep", "date", "cat", *names):
            if busybox or shutil.which(name):
                (path / name).symlink_to(shutil.which("busybox" if busybox else name))
        return str(path)

    def run_there(self, words, command, stop=False, path=os.defpath):
        """What it says, and what the command says."""
        job = self.program.Job(json.dumps({"host": "x", "command": command, "stdin": "the input", "shell": [shutil.which("dash")],
                                           "env": {"PATH": os.defpath}}))
        session = self.program.Session(job)
        session.prepare()
        far = subprocess.Popen([*words, session.loader], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True, env={"PATH": path, "TMPDIR": str(self.folder / "temp")})
        with far.stdin, far.stdout, far.stderr, contextlib.suppress(BrokenPipeError):
            far.stdin.write(session.to_send + b"the inputgo\n" + (b"stop\n" if stop else b""))
            far.stdin.flush()
            out, said = far.stdout.read(), far.stderr.read()
        self.addCleanup(far.wait)
        self.assertEqual(list((self.folder / "temp").iterdir()), [], "nothing is left")
        return re.sub(rf"^{session.nonce} ", "", said.decode(), flags=re.M).splitlines(), out.decode()

    def expect_the_same(self, words, path=os.defpath):
        self.assertEqual(self.run_there(words, "cat; trap; printf '{}' > $PIPELINED_OUTPUT; kill -INT $$; echo no", path=path),
                         (["hello", "ready", "output", " 7b 7d", "exit 130"], "the input"), words)
        self.assertEqual(self.run_there(words, "sleep 7777.5 & sleep 7777.5", stop=True, path=path), (["hello", "ready", "exit 143"], ""), words)

    def test_login_shells(self):
        for shell in ("dash", "bash", "zsh", "fish"):
            with self.subTest(shell):
                if shutil.which(shell) is None:
                    self.skipTest(f"there is no {shell}")
                self.expect_the_same([shutil.which(shell), "-c"])

    def test_bash_as_sh_without_setsid(self):
        path = self.tools()
        (pathlib.Path(path) / "sh").unlink()
        (pathlib.Path(path) / "sh").symlink_to(shutil.which("bash"))
        self.expect_the_same([shutil.which("bash"), "-c"], path)

    def test_neither_setsid_nor_job_control(self):
        said, out = self.run_there([shutil.which("dash"), "-c"], "echo it ran", path=self.tools())
        self.assertEqual((said, out), (["hello", "error its sh can make no process groups: install setsid there"], ""))

    @unittest.skipUnless(shutil.which("busybox"), "there is no busybox")
    def test_busybox(self):
        path = self.tools("setsid", busybox=True)
        self.expect_the_same([path + "/sh", "-c"], path)


class Ends(Ssh, OwnServerCase):
    """What happens when something is stopped, killed or started again meanwhile."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_sshd()

    def setUp(self):
        self.server = self.make_server(settings={"executor.grace": "1s"})

    def begin_sleep(self, name, trap="", **keys):
        mark = self.mark()
        run_id = self.begin(self.server, name, self.there(f"{trap}sleep {mark} & sleep {mark}; wait"), **keys)
        self.await_there(mark, 2)
        return run_id, mark

    def local(self):
        """The near ends, by their clients."""
        return [ppid for ppid, arguments, _ in processes().values() if arguments[0] == "ssh" and str(self.sshd.port) in arguments]

    def expect_lost(self, name, run_id):
        self.assertEqual(self.server.wait_run(name, run_id, 120), "failed")
        last = self.last_try(self.server, name, run_id)
        self.assertEqual(last["outcome"], "lost", last)
        self.assertIn("what became of the command there cannot be known", last["message"])

    def test_a_stop_and_a_timeout_reach_the_other_end(self):
        for name, trap in (("stop", ""), ("stubborn", "trap '' TERM; ")):
            run_id, mark = self.begin_sleep(name, trap)
            self.server.ctl("runs", "cancel", name, run_id)
            self.await_gone(mark)
            wait_for(lambda: not self.local(), 60, "the near end to end")
            wait_for(lambda: self.last_try(self.server, name, run_id)["outcome"] == "stopped", 60, "its end")
        mark = self.mark()
        run_id = self.begin(self.server, "timeout", self.there(f"sleep {mark}"), execution_timeout="3s")
        self.assertEqual(self.server.wait_run("timeout", run_id), "failed")
        self.assertEqual(self.last_try(self.server, "timeout", run_id)["outcome"], "timed_out")
        self.assertEqual(self.holders(mark), [], "it is gone when its end is known")

    def test_whoever_is_killed_here_leaves_nothing_there(self):
        run_id, mark = self.begin_sleep("near_end", retries=2, retry_delay="1s")
        for pid in self.local():
            os.kill(pid, signal.SIGKILL)
        self.await_gone(mark)
        self.expect_lost("near_end", run_id)
        self.assertEqual(self.last_try(self.server, "near_end", run_id)["try_number"], 1, "nobody knows, so it is not tried again")
        run_id, mark = self.begin_sleep("supervisor")
        for pid in self.local():
            os.kill(processes()[pid][0], signal.SIGKILL)
        self.await_gone(mark)
        self.assertEqual(self.server.wait_run("supervisor", run_id), "failed")
        self.assertEqual(self.last_try(self.server, "supervisor", run_id)["outcome"], "lost")

    def test_a_connection_that_breaks_is_lost_and_nothing_runs_on(self):
        run_id, mark = self.begin_sleep("session")
        for pid in session_of(self.holders(mark)[0]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.await_gone(mark)
        self.expect_lost("session", run_id)
        self.assertIn("SSH106", self.log(self.server, "session"))

    def test_the_far_supervisor_is_killed(self):
        run_id, mark = self.begin_sleep("far")
        table = processes()
        pid = self.holders(mark)[0]
        above = []
        while not table[pid][2].startswith("sshd"):
            above.append(pid)
            pid = table[pid][0]
        os.kill(above[-1], signal.SIGKILL)
        self.await_gone(mark)
        self.expect_lost("far", run_id)

    def test_on_lost_retry_tries_again(self):
        once = self.server.root / "once"
        mark = self.mark()
        command = f"[ -e {once} ] && exit 0; touch {once}; sleep {mark}"
        run_id = self.begin(self.server, "again", self.there(command), on_lost="retry", retries=1, retry_delay="100ms")
        self.await_there(mark)
        for pid in self.local():
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.server.wait_run("again", run_id), "success")
        self.assertEqual(self.last_try(self.server, "again", run_id)["try_number"], 2)

    def test_it_goes_on_while_the_server_is_away(self):
        gate, mark = self.server.root / "gate", self.mark()
        run_id = self.begin(self.server, "stays", self.there(
            f"sleep {mark} & until [ -e {gate} ]; do sleep 0.1; done; echo '{{\"n\": 1}}' > $PIPELINED_OUTPUT"))
        self.await_there(mark)
        self.assertEqual(self.server.stop(), 0)
        self.await_there(mark)
        self.server.start()
        gate.touch()
        self.assertEqual(self.server.wait_run("stays", run_id), "success")
        self.assertEqual(self.outputs(self.server, "stays", run_id), {"n": 1})
        self.server.kill_all()

    def test_it_ends_while_the_server_is_killed(self):
        gate = self.server.root / "gate"
        mark = self.mark()
        run_id = self.begin(self.server, "meanwhile", self.there(f"sleep {mark} & until [ -e {gate} ]; do sleep 0.1; done; exit 7"))
        self.await_there(mark)
        self.server.kill_all()
        gate.touch()
        self.await_gone(mark)
        self.server.start()
        self.assertEqual(self.server.wait_run("meanwhile", run_id), "failed")
        last = self.last_try(self.server, "meanwhile", run_id)
        self.assertEqual((last["outcome"], last["exit_code"]), ("failed", 7))


if __name__ == "__main__":
    if subprocess.run(["bash", "-c", "PATH=$PATH:/usr/sbin command -v sshd"], capture_output=True).returncode != 0:
        print("no sshd on this machine: scripts/packages test")
        sys.exit(77)
    main()
