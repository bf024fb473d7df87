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


if __name__ == "__main__":
    main()
