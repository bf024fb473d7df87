#!/usr/bin/env python3
"""What comes from outside (params, conf, outputs, variables, connections) in the commands of tasks: hostile values are never executed and arrive
as they were or are refused by name; variables and connections are looked up when a try is launched; secrets are seen nowhere.

SINKS is a table: what else takes values (requests, queries, mails, remote commands) is a class more."""
import json
import os
import pathlib
import shutil
import subprocess
import textwrap
import types
import urllib.parse

from case import HttpError, OfflineCase, ServerCase, bin_dir, clean_environment, main
from vault_test import CommandLines, texts_of

# `X` stands for a command that leaves a trace; see hostile().
TEMPLATES = {
    "plain": "plain", "empty": "", "blank": " ", "blanks": "  a  b  ", "words": "two words", "single": "it's", "double": 'say "x"',
    "both": "'\"'\"", "all_quotes": "\"'`\\", "backslash": "a\\", "backslashes": "\\\\\\", "dollar": "$", "variable": "$HOME ${PATH} $$ $0",
    "command": "$(X)", "backticks": "`X`", "semicolon": "; X", "and_then": "&& X", "or_else": "|| X", "pipe": "| X", "background": "& X &",
    "newline": "a\nX\nb", "newline_first": "\nX", "carriage": "a\r\nX\r\n", "tab": "a\tb", "quote_out": "'; X; '", "double_out": '"; X; "',
    "sql": "'; drop table x; --", "sql_comment": "x;--", "sql_union": "' or '1'='1", "comment": "# X", "redirect": "> TRACE/redirected",
    "here": "EOF\nX\nEOF", "here_end": "END_OF_TEXT", "glob": "*", "tilde": "~root", "brace": "{a,b}", "history": "!!", "arithmetic": "$((1+1))",
    "array": "a[$(X)]", "ansi": "$'\\x41'", "option": "-rf", "long_option": "--help", "jinja": "{{ 7 * 7 }}", "jinja_block": "{% for x in [1] %}X{% endfor %}",
    "jinja_comment": "{# x #}", "jinja_conn": "{{ conn.canary.password }}", "format": "%s%n %d {0} {x}", "header": "a\r\nX-Injected: 1",
    "escape": "\x1b[31mred\x1b]0;title\x07", "controls": "\x01\x02\x7f", "unicode": "ä € 😀 \u202e", "wide": "\u2028\u2029\ufeff",
    "json": '{"a": ["b"]}', "yaml": "- a: &x\n  b: *x", "xml": "<!--<x/>-->", "path": "../../etc/passwd", "url": "http://a/?b#c@d", "number": "1e999",
    "none_text": "None", "long": "A" * 60_000, "many_quotes": "'" * 3_000,
}


def hostile(trace):
    """name -> value. Whoever executes one leaves a file in `trace`."""
    return {name: text.replace("X", f"touch {trace}/{name}").replace("TRACE", str(trace)) for name, text in TEMPLATES.items()}


def tries_of(server, dag, run, task):
    """What is told of the tries of a task."""
    return str(server.get(f"/api/ext/v1/dags/{dag}/dagRuns/{urllib.parse.quote(run, safe='')}/taskInstances/{task}/tries"))


# -- where values come from --------------------------------------------------------------------------------------------------------------------

class Source:
    name = ""
    tasks = ""  # of the DAG, before those of the sink

    def expression(self, value):
        raise NotImplementedError

    def prepare(self, server, values):
        pass

    def environment(self, values):
        """The same for a run without a server."""
        return {}

    def conf(self, values):
        return {}


class Params(Source):
    name = "params"

    def expression(self, value):
        return f"params.v.{value}"

    def conf(self, values):
        return {"v": values}


class Conf(Source):
    name = "conf"

    def expression(self, value):
        return f"dag_run.conf.w['{value}']"

    def conf(self, values):
        return {"w": values}


class Outputs(Source):
    name = "outputs"
    tasks = "  give: {bash: 'cp \"$ROOT/outputs.json\" \"$PIPELINED_OUTPUT\"'}\n"

    def expression(self, value):
        return f"tasks.give.v.{value}"

    def prepare(self, server, values):
        (server.root / "outputs.json").write_text(json.dumps({"v": values}))


class Variables(Source):
    name = "variables"

    def expression(self, value):
        return f"var.value.v_{value}"

    def prepare(self, server, values):
        for name, value in values.items():
            server.post("/api/v2/variables", {"key": f"v_{name}", "value": value})

    def environment(self, values):
        return {f"AIRFLOW_VAR_V_{name.upper()}": value for name, value in values.items()}


class Connections(Source):
    """Each of its texts; which one a value goes to is told by its place in the list."""
    name = "connections"
    fields = ("host", "login", "schema", "password", "extra")

    def __init__(self):
        self.field = {name: self.fields[i % len(self.fields)] for i, name in enumerate(TEMPLATES)}
        self.field["empty"] = "extra"  # elsewhere an empty text is none

    def expression(self, value):
        field = self.field[value]
        return f"conn.c_{value}." + ("extra_dejson.x" if field == "extra" else field)

    def prepare(self, server, values):
        for name, value in values.items():
            field = self.field[name]
            value = json.dumps({"x": value}) if field == "extra" else value
            server.post("/api/v2/connections", {"connection_id": f"c_{name}", "conn_type": "generic", field: value})

    def environment(self, values):
        return {f"PIPELINED_CONN_C_{name.upper()}": json.dumps({
            "conn_type": "generic", self.field[name]: {"x": value} if self.field[name] == "extra" else value})
            for name, value in values.items()}

    def is_secret(self, value):
        return self.field[value] == "password"


# -- where values go ----------------------------------------------------------------------------------------------------------------------------

class Sink:
    """The task that takes a value, and what has arrived of it."""
    name = ""
    refuses = set()  # values that cannot stand there, and fail the try

    def task(self, key, expression):
        """YAML of the task's keys, indented by four."""
        raise NotImplementedError

    def arrived(self, server, dag, run, task, key):
        path = server.root / "out" / key
        return path.read_bytes().decode() if path.exists() else None

    def takes(self, source, value):
        return True


class Bash(Sink):
    def __init__(self, name, script):
        self.name, self.script = name, script

    def task(self, key, expression):
        script = self.script.replace("KEY", key).replace("EXPR", "{{ " + expression + " }}")
        return "    bash: |\n" + textwrap.indent(script, "      ") + "\n"


class Nested(Bash):
    """Behind a dot, which the shell does not cut off as it does line ends."""

    def arrived(self, server, dag, run, task, key):
        text = super().arrived(server, dag, run, task, key)
        return text[:-1] if text is not None else None


class HereDocument(Bash):
    refuses = {"here_end"}  # it would end the text

    def arrived(self, server, dag, run, task, key):
        text = super().arrived(server, dag, run, task, key)
        return text[:-1] if text is not None and text.endswith("\n") else text


class Environment(Sink):
    name = "env"

    def task(self, key, expression):
        return f"    env: {{V: \"{{{{ {expression} }}}}\"}}\n    bash: 'record {key} \"$V\"'\n"


# Of all values those that other shells, and standard input, could take for something else.
TELLING = {"plain", "empty", "both", "all_quotes", "backslash", "variable", "command", "backticks", "newline_first", "carriage", "quote_out",
           "double_out", "sql_comment", "here", "ansi", "jinja", "array", "unicode", "long"}


class Few:
    def takes(self, source, value):
        return value in TELLING


class Shell(Few, Bash):
    """A script for another shell, at every place of a word."""

    def __init__(self, shell):
        super().__init__(shell, "set -- x\nprintf %s EXPR > \"$ROOT/out/KEY.bare\"\nprintf '%s' \"$1EXPR\" > \"$ROOT/out/KEY.behind\"\n"
                                "cat > \"$ROOT/out/KEY.here\" <<END_OF_TEXT\n$1:EXPR\nEND_OF_TEXT\nrecord KEY \"EXPR\"")

    def task(self, key, expression):
        return super().task(key, expression) + f"    shell: {self.name}\n"

    def takes(self, source, value):
        return super().takes(source, value) and value != "long"  # four times it is more than a command line may have

    def arrived(self, server, dag, run, task, key):
        text, path = super().arrived(server, dag, run, task, key), server.root / "out"
        others = [(path / f"{key}.{way}").read_bytes().decode() for way in ("bare", "behind", "here") if text is not None]
        return text if others in ([], [text, f"x{text}", f"x:{text}\n"]) else repr(others)


class StandardInput(Few, Sink):
    name = "stdin"

    def task(self, key, expression):
        return f"    stdin: \"{{{{ {expression} }}}}\"\n    bash: 'cat > \"$ROOT/out/{key}\"'\n"


class PythonCode(Few, Sink):
    """Code takes values from its environment and from standard input; they do not stand in it."""
    name = "python"

    def task(self, key, expression):
        code = f"import os, sys; text = sys.stdin.buffer.read(); assert text == os.environb[b'V']; open(os.environ['ROOT'] + '/out/{key}', 'wb').write(text)"
        return f"    stdin: \"{{{{ {expression} }}}}\"\n    env: {{V: \"{{{{ {expression} }}}}\"}}\n    python: {{code: \"{code}\"}}\n"


class Exec(Sink):
    name = "exec"

    def task(self, key, expression):
        return f"    exec: [record, {key}, \"{{{{ {expression} }}}}\"]\n"

    def takes(self, source, value):
        return not (isinstance(source, Connections) and source.is_secret(value))  # refused: see the test of secrets


class Log(Bash):
    """Printed: the file, and an answer of the API that can be read."""

    def arrived(self, server, dag, run, task, key):
        path = pathlib.Path(server.home) / "logs" / f"dag_id={dag}" / f"run_id={run}" / f"task_id={task}" / "attempt=1.log"
        text = path.read_bytes().decode()
        answer = server.get(f"/api/v2/dags/{dag}/dagRuns/{urllib.parse.quote(run, safe='')}/taskInstances/{task}/logs/1")
        assert "<<<" in json.dumps(answer), answer
        begin, end = text.find("<<<"), text.rfind(">>>")
        return text[begin + 3:end] if 0 <= begin < end else None

    def takes(self, source, value):
        return not (isinstance(source, Connections) and source.is_secret(value))  # masked


SOURCES = (Params(), Conf(), Outputs(), Variables(), Connections())
SINKS = (
    Bash("bare", "record KEY EXPR"),
    Bash("double_quoted", 'record KEY "EXPR"'),
    Bash("single_quoted", "record KEY 'EXPR'"),
    Nested("nested", 'record KEY "$(printf %s. EXPR | sed \'$ s/.$//\'; printf .)"'),
    HereDocument("here_document", 'cat > "$ROOT/out/KEY" <<END_OF_TEXT\nEXPR\nEND_OF_TEXT'),
    Environment(),
    Exec(),
    Log("log", "printf '<<<%s>>>\\n' EXPR"),
    Shell("sh"),
    *([Shell("dash")] if shutil.which("dash") else []),
    StandardInput(),
    PythonCode(),
)
RECORD = '#!/bin/sh\nprintf %s "$2" > "$ROOT/out/$1"\n'


def dag_of(dag, source, sink, values):
    """A DAG that gives each value to a task of its own; value -> the name under which it arrives."""
    tasks = {}
    text = "params:\n  v: {type: object, default: {}}\n" if isinstance(source, Params) else ""
    text += "tasks:\n" + source.tasks
    for value in values:
        if not sink.takes(source, value):
            continue
        tasks[value] = f"{dag}.{value}"
        text += f"  t_{value}:\n" + ("    depends_on: [give]\n" if source.tasks else "")
        text += sink.task(tasks[value], source.expression(value))
    return text, tasks


def make_places(root):
    for folder in ("out", "trace", "bin"):
        (root / folder).mkdir()
    (root / "bin" / "record").write_text(RECORD)
    (root / "bin" / "record").chmod(0o755)
    return {"ROOT": str(root), "PATH": f"{root}/bin:{os.environ['PATH']}"}


class HostileValuesWithoutServer(OfflineCase):
    """The same through `pipectl dags test`: variables and connections are those of the environment, and may be no UTF-8."""

    def run_flow(self, text, conf, environment, options=("--quiet",)):
        path = self.file(text)
        env = clean_environment({"PIPELINED_HOME": str(self.folder / "nothing"), "HOME": str(self.folder)})
        env.update(environment)
        command = [str(bin_dir() / "pipectl"), "dags", "test", str(path), "--conf", json.dumps(conf), *options]
        return subprocess.run(command, capture_output=True, text=True, errors="replace", env=env, timeout=240, stdin=subprocess.DEVNULL)

    def test_values_arrive_or_are_refused(self):
        places = make_places(self.folder)
        values = hostile(self.folder / "trace")
        here = types.SimpleNamespace(root=self.folder)
        for source in SOURCES:
            for sink in SINKS:
                if isinstance(sink, Log):
                    continue
                with self.subTest(source=source.name, sink=sink.name):
                    source.prepare(here, values) if isinstance(source, Outputs) else None
                    text, tasks = dag_of("local", source, sink, values)
                    done = self.run_flow(text, source.conf(values), {**places, **source.environment(values)})
                    arrived = {value: sink.arrived(here, "", "", "", key) for value, key in tasks.items()}
                    wrong = {value: text for value, text in arrived.items() if text != values[value]}
                    self.assertLessEqual(set(wrong), sink.refuses, f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
                    self.assertEqual(set(wrong.values()) - {None}, set(), "what does not arrive whole must not arrive at all")
                    self.assertEqual(list((self.folder / "trace").iterdir()), [], "a value was executed")
                    for path in (self.folder / "out").iterdir():
                        path.unlink()

    def test_rows_choose_no_commands(self):
        """What is mapped over is data, whatever its columns are called."""
        places = make_places(self.folder)
        trace = self.folder / "trace"
        rows = {"bash": f"touch {trace}/bash; id -un", "exec": ["touch", f"{trace}/exec"], "working_dir": str(trace),
                "env": {"BASH_ENV": f"$(touch {trace}/env)"}}
        for task in ('bash: "record bash {{ item.file }}"', 'exec: [record, exec, "{{ item.file }}"]'):
            text = f'params: {{rows: []}}\ntasks:\n  a:\n    {task}\n    expand_kwargs: "{{{{ params.rows }}}}"\n'
            kind, other = ("bash", "exec") if task.startswith("bash") else ("exec", "bash")
            for key in (kind, "env", "working_dir"):
                with self.subTest(task=kind, key=key):
                    done = self.run_flow(text, {"rows": [{"file": "b", key: rows[key]}]}, places, options=())
                    self.assertIn(f"an element from outside the file may not give {key}, a key of the task", done.stdout + done.stderr)
                    self.assertEqual([*trace.iterdir(), *(self.folder / "out").iterdir()], [], "a row was executed")
            done = self.run_flow(text, {"rows": [{"file": "b", other: rows[other]}]}, places)
            self.assertEqual((self.folder / "out" / kind).read_text(), "b", done.stdout + done.stderr)
            (self.folder / "out" / kind).unlink()
            self.assertEqual(list(trace.iterdir()), [])

    def test_variables_of_a_row_run_nothing(self):
        places = make_places(self.folder)
        trace = self.folder / "trace"
        text = ('params: {envs: []}\ntasks:\n  a:\n    bash: "echo $WORD; record done $WORD"\n'
                '    expand: {env: "{{ params.envs }}"}\n')
        (self.folder / "rc").write_text(f"touch {trace}/rc\n")
        for name, value in (("BASH_FUNC_echo%%", f"() {{ touch {trace}/function; }}"), ("BASH_ENV", str(self.folder / "rc")),
                            ("LD_PRELOAD", "/nowhere.so"), ("WORD=x", "y")):
            with self.subTest(name=name):
                done = self.run_flow(text, {"envs": [{name: value}]}, places, options=())
                self.assertIn(f'may not set the variable "{name}"', done.stdout + done.stderr)
                self.assertEqual([*trace.iterdir(), *(self.folder / "out").iterdir()], [])
        done = self.run_flow(text, {"envs": [{"WORD": "$(id)"}]}, places)
        self.assertEqual((self.folder / "out" / "done").read_text(), "$(id)", done.stdout + done.stderr)

    def test_python_takes_values_as_the_docs_say(self):
        places = make_places(self.folder)
        values = {name: value for name, value in hostile(self.folder / "trace").items() if name != "long"}  # a variable has them all
        values |= {"yes": True, "nothing": None, "deep": {"a": [1.5, "\U0001f600'''\\"]}, "end": "\\"}
        code = ("import json, os\n"
                "values = json.loads(r'''{{ params.v | tojson }}''')\n"
                "assert values == json.loads(os.environ['PIPELINED_PARAMS'])['v']\n"
                "open(os.environ['ROOT'] + '/out/all', 'w').write(json.dumps(values))\n")
        text = "params:\n  v: {type: object, default: {}}\ntasks:\n  a:\n    python:\n      code: |\n" + textwrap.indent(code, " " * 8)
        for written, warnings in ((text, 0), (text.replace("r'''", "'''"), 1), (text.replace(" | tojson", ""), 1)):
            checked = subprocess.run([str(bin_dir() / "pipectl"), "dags", "validate", str(self.file(written))], capture_output=True, text=True)
            self.assertEqual((checked.stdout + checked.stderr).count("warning DAG066"), warnings, checked.stdout + checked.stderr)
        done = self.run_flow(text, {"v": values}, places)
        self.assertEqual(json.loads((self.folder / "out" / "all").read_text()), values, done.stdout + done.stderr)
        self.assertEqual(list((self.folder / "trace").iterdir()), [])

    def test_bytes_that_are_no_text_arrive(self):
        places = make_places(self.folder)
        raw = b"\xff\xfe\xc3(\xed\xa0\x80 ' \" $(touch x)"
        text = "tasks:\n  a: {bash: 'record bare {{ var.value.raw }}'}\n  b: {exec: [record, exec, '{{ var.value.raw }}']}\n"
        text += "  c: {bash: 'record sh {{ var.value.raw }}', shell: sh}\n  d: {bash: 'cat > $ROOT/out/stdin', stdin: '{{ var.value.raw }}'}\n"
        text += "  e: {bash: 'record dash \"{{ var.value.raw }}\"', shell: dash}\n" if shutil.which("dash") else ""
        self.run_flow(text, {}, {**places, "AIRFLOW_VAR_RAW": os.fsdecode(raw)})
        for name in ("bare", "exec", "sh", "stdin", *(["dash"] if shutil.which("dash") else [])):
            self.assertEqual((self.folder / "out" / name).read_bytes(), raw)


class HostileValues(ServerCase):
    settings = {"core.parallelism": 32}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        root = cls.server.root
        # The tasks' environment is the server's: it is started again with what they need.
        cls.server.stop()
        cls.server.extra_env.update(make_places(root))
        cls.server.start()
        cls.values = hostile(root / "trace")
        cls.server.post("/api/v2/connections", {"connection_id": "canary", "conn_type": "generic", "password": "never-shown"})

    def traces(self):
        return sorted(path.name for path in (self.server.root / "trace").iterdir())

    def flow(self, source, sink):
        dag = f"{source.name}_{sink.name}"
        text, tasks = dag_of(dag, source, sink, self.values)
        self.server.write_dag(dag, text)
        run = self.server.trigger(dag, source.conf(self.values))
        self.server.wait_run(dag, run, 240)
        rows = self.server.tasks(dag, run)
        refused = {}
        for value, key in tasks.items():
            if rows[f"t_{value}"]["state"] == "success":
                arrived = sink.arrived(self.server, dag, run, f"t_{value}", key)
                self.assertEqual(arrived, self.values[value], f"{dag}: {value}")
            else:
                refused[value] = self.why(dag, run, f"t_{value}")
        return refused

    def why(self, dag, run, task):
        return tries_of(self.server, dag, run, task)

    def test_values_arrive_or_are_refused(self):
        for source in SOURCES:
            source.prepare(self.server, self.values)
            for sink in SINKS:
                with self.subTest(source=source.name, sink=sink.name):
                    refused = self.flow(source, sink)
                    self.assertLessEqual(set(refused), sink.refuses, refused)
                    self.assertEqual(self.traces(), [], "a value was executed")

    def test_places_where_nothing_can_be_quoted_refuse(self):
        places = {"backticks": "record k `echo EXPR`", "parameter": 'record k "${X:-EXPR}"', "arithmetic": "record k $((EXPR))",
                  "dollar": "record k $EXPR", "backslash": "record k \\EXPR"}
        text = "params:\n  v: {type: string, default: x}\ntasks:\n"
        for name, script in places.items():
            text += f"  {name}:\n    bash: |\n      {script.replace('EXPR', '{{ params.v }}')}\n"
        self.server.write_dag("places", text)
        run = self.server.trigger("places", {"v": self.values["command"]})
        self.assertEqual(self.server.wait_run("places", run), "failed")
        self.assertEqual(set(self.server.states("places", run).values()), {"failed"})
        self.assertEqual(self.traces(), [])

    def test_a_nul_is_refused_by_name(self):
        self.server.write_dag("nul", "params: {v: {type: string, default: x}}\ntasks: {t: {bash: 'record nul {{ params.v }}'}}\n")
        with self.assertRaises(HttpError) as refused:
            run = self.server.trigger("nul", {"v": "a\x00b"})
            self.assertEqual(self.server.wait_run("nul", run), "failed")
            raise HttpError(422, "a task that failed")
        self.assertIn(refused.exception.status, (400, 422))
        for path, body in (("variables", {"key": "nul", "value": "a\x00b"}),
                           ("connections", {"connection_id": "nul", "conn_type": "x", "password": "a\x00b"})):
            try:
                self.server.post(f"/api/v2/{path}", body)
            except HttpError as error:
                self.assertIn(error.status, (400, 422))
        text = "tasks:\n"
        for name, expression in (("var", "var.value.get('nul', 'none')"), ("con", "(conn.get('nul') or {'password': 'none'}).password")):
            text += f"  {name}: {{bash: \"record nul_{name} {{{{ {expression} }}}}\"}}\n"
        self.server.write_dag("nul_values", text)
        run = self.server.trigger("nul_values")
        self.server.wait_run("nul_values", run)
        for name, state in self.server.states("nul_values", run).items():
            arrived = (self.server.root / "out" / f"nul_{name}")
            self.assertTrue(state == "failed" or arrived.read_text() == "none", f"{name}: {state}")

    def test_a_template_without_end_is_ended(self):
        bombs = {"nested_ranges": "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}",
                 "large_range": "{{ range(10 ** 18) | list }}", "repeated_text": "{{ 'x' * 10 ** 12 }}", "repeated_list": "{{ [0] * 10 ** 12 }}",
                 "doubling": "{% set x = 'xxxxxxxx' %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}", "power": "{{ 9 ** 9 ** 9 }}",
                 "replaced": "{{ ('a' * 1000000) | replace('a', 'b' * 1000000) }}", "padded": "{{ '%999999999d' % 1 }}",
                 "formatted": "{{ '{:>999999999}'.format('x') }}", "macro": "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
                 "joined": "{{ ([params.v] * 100000) | join('y' * 100000) }}", "centered": "{{ 'x'.center(10 ** 12) }}"}
        text = "params: {v: {type: string, default: x}}\ntasks:\n"
        for name, bomb in bombs.items():
            text += f"  {name}: {{bash: {json.dumps('echo ' + bomb)}}}\n"
        text += "  fine: {bash: 'true'}\n"
        self.server.write_dag("bombs", text)
        run = self.server.trigger("bombs")
        self.server.wait_run("bombs", run, 60)
        self.assertEqual(self.server.states("bombs", run), {**{name: "failed" for name in bombs}, "fine": "success"})


SECRET = {name: f"{name}-vQ8 zK'3x" for name in ("password", "token", "nested")}
DAG = """
tasks:
  bash:
    bash: |
      echo "user {{ conn.warehouse.login }} password {{ conn.warehouse.password }}"
      echo {{ var.value.api_token }} {{ conn.warehouse.extra_dejson.api_key }}
      set -x; : {{ conn.warehouse.password }}
      sleep 0.3
  env:
    env: {PGPASSWORD: "{{ conn.warehouse.password }}", TOKEN: "{{ var.value.api_token }}"}
    bash: sleep 0.3; printenv PGPASSWORD TOKEN; env | grep -c PIPELINED_SCRIPT || true
  python:
    python: {code: "import os, sys, time; time.sleep(0.3); print({{ conn.warehouse.password | tojson }}, 'PIPELINED_SCRIPT' in os.environ)"}
  exec: {exec: [echo, "{{ conn.warehouse.password }}"]}
  folder: {working_dir: "/tmp/{{ conn.warehouse.password }}", bash: "true"}
  wrong: {bash: "echo {{ conn.warehouse.password | ds }}"}
  asked: {when: "{{ conn.warehouse.password != '' }}", bash: "true"}
"""


class ValuesOfTasks(ServerCase):
    variables = {"PIPELINED_VAR_ORDER": "own", "AIRFLOW_VAR_ORDER": "airflow", "AIRFLOW_VAR_ORDER2": "airflow",
                 "PIPELINED_CONN_OUTER": "postgres://ann:outer-vQ8zK3x@outer-host:5432/x"}
    settings = {"core.variables_file": "variables.json", "core.connections_file": "connections.json"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        home = pathlib.Path(cls.server.home)
        (home / "variables.json").write_text('{"order": "file", "order2": "file", "order3": "file"}')
        (home / "connections.json").write_text('{"filed": "http://file-host:81", "outer": "http://file-host"}')
        for key in ("order", "order2", "order3", "order4"):
            cls.server.post("/api/v2/variables", {"key": key, "value": "database"})
        cls.server.post("/api/v2/variables", {"key": "api_token", "value": SECRET["token"]})
        cls.server.post("/api/v2/connections", {"connection_id": "warehouse", "conn_type": "postgres", "login": "ann",
                                                "password": SECRET["password"], "extra": json.dumps({"api_key": SECRET["nested"]})})

    def log(self, dag, run, task):
        """What pipectl says of it, also when there is none."""
        done = self.server.pipectl("tasks", "logs", dag, run, task)
        return done.stdout + done.stderr

    def test_the_environment_comes_before_files_and_those_before_the_database(self):
        state, _ = self.run_dag("order", "tasks: {t: {bash: 'echo {{ var.value.order }} {{ var.value.order2 }} {{ var.value.order3 }} "
                                         "{{ var.value.order4 }} {{ conn.outer.host }} {{ conn.filed.host }}:{{ conn.filed.port }}'}}")
        self.assertEqual(state, "success")
        run = self.server.runs("order")[0]["dag_run_id"]
        self.assertIn("own airflow file database outer-host file-host:81", self.log("order", run, "t"))

    def test_a_value_is_looked_up_when_the_try_is_launched(self):
        self.server.post("/api/v2/variables", {"key": "late", "value": "old"})
        self.server.write_dag("late", "tasks: {a: {bash: 'while [ ! -e %s/go ]; do sleep 0.05; done'}, "
                                      "t: {depends_on: [a], bash: 'echo it is {{ var.value.late }}'}}" % self.server.root)
        run = self.server.trigger("late")
        self.server.wait_task("late", run, "a", "running")
        self.server.request("PATCH", "/api/v2/variables/late", {"key": "late", "value": "new"})
        (self.server.root / "go").touch()
        self.assertEqual(self.server.wait_run("late", run), "success")
        self.assertIn("it is new", self.log("late", run, "t"))

    def test_what_is_missing_fails_the_try_and_the_next_one_may_find_it(self):
        self.server.write_dag("missing", "tasks: {t: {retries: 1, retry_delay: 2s, bash: 'echo it is {{ var.value.made_later }}'}, "
                                         "u: {bash: 'echo {{ conn.nowhere.host }}'}}")
        run = self.server.trigger("missing")
        self.server.wait_task("missing", run, "t", "up_for_retry")
        told = tries_of(self.server, "missing", run, "t") + tries_of(self.server, "missing", run, "u")
        self.assertIn('there is no variable "made_later" (make it: pipectl variables set made_later VALUE', told)
        self.assertIn('there is no connection "nowhere" (make it: pipectl connections add nowhere', told)
        self.server.post("/api/v2/variables", {"key": "made_later", "value": "here"})
        self.server.wait_run("missing", run)
        self.assertEqual(self.server.states("missing", run), {"t": "success", "u": "failed"})

    def test_a_vault_that_does_not_answer_delays_its_tasks_and_nobody_else(self):
        self.server.write_dag("reads", "tasks: {t: {bash: 'echo {{ var.value.order4 }}'}}\n")
        self.server.write_dag("maps", "tasks: {t: {expand: {item: \"{{ [var.value.order4] }}\"}, bash: 'echo {{ item }}'}}\n")
        led = self.server.log.read_text().count("leading with epoch")
        with self.server.locked("variable"):
            waiting = {dag: self.server.trigger(dag) for dag in ("reads", "maps")}
            stopped = self.server.trigger("reads")
            state, _ = self.run_dag("other", "tasks: {t: {bash: 'true'}}\n", timeout=20)
            self.assertEqual(state, "success")
            self.assertEqual(self.server.states("reads", waiting["reads"]), {"t": "running"})
            self.server.ctl("runs", "cancel", "reads", stopped)
            self.assertEqual(self.server.wait_run("reads", stopped, timeout=20), "failed")
        for dag, run in waiting.items():
            self.assertEqual(self.server.wait_run(dag, run, timeout=20), "success")
            self.assertEqual({task["try_number"] for task in self.server.tasks(dag, run).values()}, {1})
        text = self.server.log.read_text()
        self.assertEqual(text.count("leading with epoch"), led, "the scheduler led all the while")
        self.assertIn("tasks wait until their variables and connections can be read", text)

    def test_a_conf_is_checked_wherever_it_is_given(self):
        form = {"type": "string", "enum": ["eu", "us"], "title": "Region", "description": "where", "examples": ["eu"], "section": "Place",
                "values_display": {"eu": "Europe"}}
        limits = {"type": "object", "properties": {"rows": {"type": "array", "items": {"multipleOf": 5}}}, "additionalProperties": False}
        params = {"region": {**form, "default": "eu"}, "limits": {**limits, "default": {}}}
        self.server.write_dag("checked", "schedule: '@daily'\nstart_date: '2026-01-01'\ncatchup: false\n"
                              f"params: {json.dumps(params)}\ntasks: {{t: {{bash: 'true'}}}}\n")
        shown = self.server.get("/api/v2/dags/checked/details")["params"]["region"]
        self.assertEqual((shown["value"], shown["schema"], shown["description"]), ("eu", form, "where"))
        conf = {"region": "mars", "limits": {"rows": [5, 7], "more": 1}}
        wrong = ["/region", "/limits/rows/1", "/limits/more"]
        for path, body in (("dags/checked/dagRuns", {"logical_date": None, "conf": conf}),
                           ("backfills", {"dag_id": "checked", "from_date": "2026-01-01T00:00:00Z", "to_date": "2026-01-02T00:00:00Z",
                                          "dag_run_conf": conf})):
            with self.assertRaises(HttpError) as refused:
                self.server.post(f"/api/v2/{path}", body)
            self.assertEqual(refused.exception.status, 400)
            answer = json.loads(refused.exception.body)
            self.assertEqual([error["pointer"] for error in answer["errors"]], wrong)
            for text in ('params.region: "mars" is not one of "eu", "us"', "params.limits.rows[1]: must be a multiple of 5, not 7",
                         "params.limits.more: is not known here"):
                self.assertIn(text, answer["detail"])
        done = self.assert_exit(2, "dags", "run", "checked", "--conf", json.dumps(conf))
        self.assertIn("params.limits.rows[1]", done.stderr)
        state, _ = self.run_dag("asks", f"tasks: {{t: {{trigger_dag: {{dag_id: checked, conf: {json.dumps(conf)}}}}}}}\n")
        self.assertEqual(state, "failed")
        self.assertIn("params.limits.rows[1]", tries_of(self.server, "asks", self.server.runs("asks")[0]["dag_run_id"], "t"))
        self.assertEqual([run for run in self.server.runs("checked") if run["run_type"] != "scheduled"], [])

    def test_a_schema_that_is_none_is_found_when_the_file_is_loaded(self):
        path = self.server.write_dag("broken_schema", "params: {a: {type: string, maxLength: many}}\ntasks: {t: {bash: 'true'}}\n", wait=False)
        done = self.assert_exit(1, "dags", "validate", path)
        self.assertIn("the schema of a is not valid: maxLength must be a whole number", done.stdout + done.stderr)

    def test_outputs_keep_their_types(self):
        outputs = {"n": 7, "f": 1.5, "big": 2 ** 62, "t": "ä \"x\"", "none": None, "list": [1, [2]], "map": {"a": {"b": True}}, "return_value": [3]}
        (self.server.root / "typed.json").write_text(json.dumps(outputs))
        script = ("echo {{ tasks.give.n + 1 }} {{ tasks.give.f * 2 }} {{ tasks.give.big + 1 }} {{ tasks.give.none is none }} "
                  "{{ tasks.give.list[1][0] }} {{ tasks.give.map.a.b }} {{ ti.xcom_pull('give')[0] }} {{ tasks.give.t }}")
        state, _ = self.run_dag("typed", "tasks:\n  give: {bash: 'cp %s/typed.json \"$PIPELINED_OUTPUT\"'}\n"
                                "  take: {depends_on: [give], bash: %s}\n" % (self.server.root, json.dumps(script)))
        self.assertEqual(state, "success")
        run = self.server.runs("typed")[0]["dag_run_id"]
        self.assertIn('8 3.0 4611686018427387905 True 2 True 3 ä "x"', self.log("typed", run, "take"))
        quoted = urllib.parse.quote(run, safe="")
        entries = f"/api/v2/dags/typed/dagRuns/{quoted}/taskInstances/give/xcomEntries"
        for key, value in outputs.items():
            self.assertEqual(self.server.get(f"{entries}/{key}?stringify=false")["value"], value)
        bad = {"array": "[1]", "broken": "{", "large": json.dumps({"x": "y" * (1 << 20)}), "nul": '{"a\\u0000": 1}'}
        for name, text in bad.items():
            (self.server.root / f"{name}.json").write_text(text)
        _, states = self.run_dag("bad_outputs", "tasks:\n" + "".join(
            f"  {name}: {{bash: 'cp {self.server.root}/{name}.json \"$PIPELINED_OUTPUT\"'}}\n" for name in bad))
        self.assertEqual(states, {name: "failed" for name in bad})

    def test_secrets_are_seen_nowhere(self):
        self.server.write_dag("secrets", DAG)
        with CommandLines() as lines:
            run = self.server.trigger("secrets")
            self.server.wait_run("secrets", run)
        states = self.server.states("secrets", run)
        self.assertEqual({name for name, state in states.items() if state == "failed"}, {"exec", "folder", "wrong"}, states)
        self.assertIn("user ann password ***", self.log("secrets", run, "bash"))
        self.assertIn("*** ***", self.log("secrets", run, "bash"))
        self.assertIn("***\n***\n0", self.log("secrets", run, "env"))
        self.assertIn("*** False", self.log("secrets", run, "python"))
        shown = "".join(tries_of(self.server, "secrets", run, task) for task in states)
        self.assertIn("a password or another secret may not stand here", shown)
        rendered = self.server.ctl("tasks", "render", "secrets", run, "bash")
        self.assertIn("***", rendered)
        quoted = urllib.parse.quote(run, safe="")
        answers = [json.dumps(self.server.get(path)) for path in
                   (f"/api/v2/dags/secrets/dagRuns/{quoted}/taskInstances", "/api/v2/eventLogs?limit=100", "/api/v2/dags/secrets/details",
                    f"/api/v2/dags/secrets/dagRuns/{quoted}/taskInstances/wrong/tries")]
        everything = "\n".join([*answers, rendered, shown, self.server.log.read_text(errors="replace"),
                                *(self.log("secrets", run, task) for task in states)])
        written = [path for path, _ in ((p, t) for p, t in texts_of(self.server.home)
                                        if any(secret.encode() in t for secret in SECRET.values()))]
        for name, secret in SECRET.items():
            self.assertNotIn(secret, everything, name)
            self.assertFalse([line for line in lines.seen if secret.encode() in line], f"{name} on a command line")
        self.assertEqual(written, [])


if __name__ == "__main__":
    main()
