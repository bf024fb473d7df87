#!/usr/bin/env python3
"""What comes from outside in commands on another host: the values and sources of values_test.py, in the script, the environment and the standard
input. Nothing is executed, and each value arrives as it was."""
import hashlib
import json

from case import ServerCase, main
from ssh_test import Ssh
from values_test import Params, SOURCES, hostile, make_places

SEPARATOR = "\n-- next --\n"


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def shell(lines):
    """A script that gives what `lines` (name -> words) print as outputs, as digests."""
    steps = [f"d=$({words} | sha256sum); out=\"$out\\\"{name}\\\": \\\"${{d%% *}}\\\", \"" for name, words in lines.items()]
    return "out=\n" + "\n".join(steps) + "\nprintf '{\"digests\": { %s } }' \"${out%, }\" > \"$PIPELINED_OUTPUT\"\n"


class HostileValuesOverSsh(Ssh, ServerCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.stop()
        cls.server.extra_env.update(make_places(cls.server.root))  # of the task that gives outputs
        cls.server.start()
        cls.start_sshd()
        cls.values = hostile(cls.server.root / "trace")

    def tasks_of(self, source):
        given = {name: "{{ " + source.expression(name) + " }}" for name in self.values}
        return {
            "script": {"ssh": self.there(shell({name: f"printf %s {text}" for name, text in given.items()}))},
            "quoted": {"ssh": self.there(shell({name: f"printf %s \"{text}\"" for name, text in given.items()}))},
            "env": {"ssh": self.there(shell({name: f"printf %s \"$V_{name}\"" for name in given})),
                    "env": {f"V_{name}": text for name, text in given.items()}},
            "stdin": {"ssh": self.there(shell({"all": "cat"})), "stdin": SEPARATOR.join(given.values())},
        }

    def check(self, source):
        source.prepare(self.server, self.values)
        dag = {"params": {"v": {"type": "object", "default": {}}}} if isinstance(source, Params) else {}
        tasks = self.tasks_of(source)
        if source.tasks:
            for task in tasks.values():
                task["depends_on"] = ["give"]
            tasks["give"] = {"bash": "cp \"$ROOT/outputs.json\" \"$PIPELINED_OUTPUT\""}
        self.server.write_dag(source.name, json.dumps({**dag, "tasks": tasks}))
        run_id = self.server.trigger(source.name, source.conf(self.values))
        self.server.wait_run(source.name, run_id, 200)
        each = {name: digest(value) for name, value in self.values.items()}
        whole = {"all": digest(SEPARATOR.join(self.values.values()))}
        for task, expected in (("script", each), ("quoted", each), ("env", each), ("stdin", whole)):
            with self.subTest(source=source.name, task=task):
                found = self.outputs(self.server, source.name, run_id, task)
                self.assertEqual(found.get("digests"), expected, self.log(self.server, source.name, task)[-2000:])

    def test_values_arrive_and_none_is_executed(self):
        for source in SOURCES:
            self.check(source)
        self.assertEqual([path.name for path in (self.server.root / "trace").iterdir()], [])


if __name__ == "__main__":
    main()
