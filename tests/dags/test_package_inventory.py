"""The steps of dags/package_inventory: their parts as functions, and the chain of them as the programs that the DAG runs."""

import contextlib
import fcntl
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

STEPS = Path(__file__).resolve().parents[2] / "dags" / "package_inventory"
sys.path.insert(0, str(STEPS))

import control_file  # noqa: E402  (the path above must come first)
import dependency_graph  # noqa: E402
import json_schema  # noqa: E402
import load  # noqa: E402
import parse  # noqa: E402
import resolution  # noqa: E402
import validate  # noqa: E402
import warehouse  # noqa: E402
import workspace  # noqa: E402


def stanza(name, version="1.0", **fields):
    given = {"Package": name, "Status": "install ok installed", "Priority": "optional", "Section": "libs",
             "Installed-Size": "10", "Architecture": "amd64", "Version": version, "Description": f"about {name}"}
    given |= {key.replace("_", "-"): value for key, value in fields.items()}
    return "".join(f"{key}: {value}\n" for key, value in given.items() if value is not None) + "\n"


def parsed(text):
    return parse.parse(text.splitlines(keepends=True))


def contents(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


class ControlFile(unittest.TestCase):
    def test_continuation_lines_belong_to_the_field_above(self):
        found = control_file.fields(1, ["Package: a", "Description: short", " long", " .", "  kept space"])
        self.assertEqual(found["Description"], "short\nlong\n\n kept space")

    def test_a_value_may_be_empty_and_hold_colons(self):
        self.assertEqual(control_file.fields(1, ["Conffiles:", " /etc/a 12", "Homepage: https://x"]),
                         {"Conffiles": "\n/etc/a 12", "Homepage": "https://x"})

    def test_a_broken_stanza_names_its_line(self):
        for lines, message in (([" x"], "line 7: a continuation"), (["Package: a", "no field"], "line 8: neither"),
                               (["Package: a", "Package: b"], "line 8: field Package stands twice")):
            with self.assertRaisesRegex(control_file.Broken, message):
                control_file.fields(7, lines)

    def test_alternatives_versions_and_architectures(self):
        target = control_file.Target
        self.assertEqual(control_file.clauses("a (>= 1:2~x) | b:any,\n c (<< 3) [amd64]"),
                         [[target("a", "", ">=", "1:2~x"), target("b", "any")], [target("c", "", "<<", "3")]])

    def test_a_broken_relation_is_refused(self):
        for text in ("a (>= )", "a b", "a (~ 1)", "| b"):
            with self.assertRaises(control_file.Broken, msg=text):
                control_file.clauses(text)

    def test_versions_sort_as_dpkg_sorts_them(self):
        ascending = ["1.0~~", "1.0~rc1", "1.0", "1.0-0.1", "1.0-1", "1.0a", "1.0+b1", "1.0.1", "1.2", "1.10", "9", "1:0.1"]
        for i, left in enumerate(ascending):
            for j, right in enumerate(ascending):
                self.assertEqual(control_file.compare_versions(left, right), (i > j) - (i < j), (left, right))

    def test_zeros_do_not_count(self):
        self.assertEqual(control_file.compare_versions("0:1.00-0", "1.0"), 0)


class Parse(unittest.TestCase):
    def test_a_corrupt_stanza_is_counted_and_hides_no_other(self):
        records, remembered, broken = parsed(stanza("a") + "Package: bad\n???\n\n" + stanza("c"))
        self.assertEqual([r["name"] for r in records], ["a", "c"])
        self.assertEqual((remembered, len(broken)), (0, 1))
        self.assertEqual(broken[0]["stanza"], "Package: bad")

    def test_removed_packages_are_only_remembered(self):
        records, remembered, _ = parsed(stanza("a", Status="deinstall ok config-files") + stanza("b"))
        self.assertEqual(([r["name"] for r in records], remembered), (["b"], 1))


class Validate(unittest.TestCase):
    schema = json_schema.Schema(json.loads((STEPS / "package.schema.json").read_text()))

    def errors(self, **fields):
        records, _, _ = parsed(stanza("a", **fields))
        valid, rejected = validate.split(records, self.schema)
        self.assertEqual(len(valid) + len(rejected), 1)
        return rejected[0]["errors"] if rejected else []

    def test_a_sound_record_passes(self):
        self.assertEqual(self.errors(Depends="b | c", Provides="v (= 1)"), [])

    def test_a_rejected_record_says_all_that_is_wrong(self):
        self.assertEqual(self.errors(Version=None, Installed_Size="ten"),
                         ["record: 'version' is missing", "installed_kib: 'ten' is not of type integer"])

    def test_names_and_versions_are_checked(self):
        self.assertRegex(self.errors(Package="Not A Name")[0], "^name: ")
        self.assertRegex(self.errors(Version="one two")[0], "^version: ")

    def test_a_keyword_that_is_not_known_is_never_ignored(self):
        with self.assertRaisesRegex(ValueError, "oneOf"):
            json_schema.Schema({"properties": {"a": {"oneOf": []}}})


class Graph(unittest.TestCase):
    def test_depth_and_reach_of_a_diamond(self):
        facts = dependency_graph.facts({"top": {"l", "r"}, "l": {"base"}, "r": {"base"}, "base": set()})
        self.assertEqual([(facts[n].depth, facts[n].needs, facts[n].needed_by, facts[n].direct) for n in ("top", "l", "base")],
                         [(2, 3, 0, 0), (1, 1, 1, 1), (0, 0, 3, 2)])

    def test_a_circle_is_one_step_and_ends(self):
        facts = dependency_graph.facts({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()})
        self.assertEqual({n: facts[n].depth for n in facts}, {"a": 2, "b": 1, "c": 1, "d": 0})
        self.assertEqual((facts["b"].needs, facts["b"].needed_by), (2, 2))  # the circle's other member counts
        self.assertEqual((facts["a"].next_below, facts["c"].next_below, facts["d"].next_below), ("b", "d", None))

    def test_a_package_that_requires_itself(self):
        self.assertEqual(dependency_graph.facts({"a": {"a"}})["a"].depth, 0)

    def test_a_chain_longer_than_the_stack(self):
        chain = {i: {i + 1} for i in range(5000)} | {5000: set()}
        self.assertEqual(dependency_graph.facts(chain)[0].depth, 5000)


class Warehouse(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.db = warehouse.connect(self.folder.name)
        self.addCleanup(self.db.close)

    def fill(self, text, run_id="r", digest="d", keep_runs=30):
        return load.load(self.db, run_id, parsed(text)[0], digest, keep_runs)

    def test_the_same_run_twice_changes_nothing(self):
        text = stanza("a", Depends="b | c, d (>= 1)", Provides="v (= 1), v (= 1)") + stanza("b")
        self.assertTrue(self.fill(text))
        before = contents(warehouse.path_in(self.folder.name))
        self.assertFalse(self.fill(text))
        self.assertEqual(contents(warehouse.path_in(self.folder.name)), before)

    def test_a_run_with_other_records_replaces_its_rows_and_only_its_own(self):
        self.fill(stanza("a") + stanza("b"), run_id="one")
        self.fill(stanza("a"), run_id="two")
        self.fill(stanza("c"), run_id="one", digest="new")
        self.assertEqual(self.db.execute("select run_id, name from package order by 1").fetchall(), [("one", "c"), ("two", "a")])

    def test_a_duplicate_leaves_the_warehouse_as_it_was(self):
        self.fill(stanza("a"))
        with self.assertRaises(sqlite3.IntegrityError):
            self.fill(stanza("b") + stanza("b"), digest="new")
        self.assertEqual(self.db.execute("select name from package").fetchall(), [("a",)])

    def test_old_runs_leave_with_all_their_rows(self):
        for number in range(4):
            self.fill(stanza("a", Depends="b", Provides="v"), run_id=str(number), keep_runs=2)
        for table in ("package", "dependency", "provided"):
            self.assertEqual(self.db.execute(f"select distinct run_id from {table}").fetchall(), [("2",), ("3",)])

    def test_requirements_are_met_by_version_and_by_provider(self):
        self.fill(stanza("a", Depends="b (>= 2), mta, mta (>= 1), ver (>= 1) | gone, b:any", Pre_Depends="ver (>> 9)")
                  + stanza("b", "1:0.1") + stanza("postfix", Provides="mta, ver (= 3)"))
        met = {clause: names for _, clause, names in resolution.Installed(self.db, "r").clauses()}
        self.assertEqual(met, {"b (>= 2)": ["b"], "mta": ["postfix"], "mta (>= 1)": [], "ver (>= 1) | gone": ["postfix"],
                               "b": ["b"], "ver (>> 9)": []})


class Steps(unittest.TestCase):
    """The programs, one after the other, with the environment that a try has."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.work = Path(self.folder.name, "work")
        self.status = Path(self.folder.name, "status")

    def step(self, program, *arguments, expect=0, **environment):
        output = Path(self.folder.name, "outputs.json")
        output.unlink(missing_ok=True)
        environment = {"PIPELINED_RUN_ID": "manual__2026-01-01T06:00:00+00:00", "PIPELINED_OUTPUT": str(output),
                       "PIPELINED_PARAMS": '{"max_rejects": 0}', "PATH": os.environ["PATH"],
                       "PYTHONDONTWRITEBYTECODE": "1", **environment}
        ended = subprocess.run([sys.executable, STEPS / program, *map(str, arguments)], env=environment,
                               capture_output=True, text=True, timeout=60, check=False)
        self.log = ended.stdout + ended.stderr
        self.assertEqual(ended.returncode, expect, self.log)
        return json.loads(output.read_text()) if output.exists() else {}

    def extract(self, text):
        self.status.write_text(text)
        outputs = self.step("extract.py", "--work-dir", self.work, "--status", self.status)
        return outputs, outputs["run_dir"]

    def load_all(self, text):
        _, run_dir = self.extract(text)
        self.step("parse.py", run_dir)
        self.step("validate.py", RUN_DIR=run_dir)
        self.step("load.py", run_dir)
        return run_dir

    def test_the_whole_way(self):
        hostile = stanza("evil", Description="<script>alert(1)</script> & more", Installed_Size="4096", Section="web")
        run_dir = self.load_all(stanza("liba") + stanza("app", Depends="liba (>= 1) | gone, loop") +
                                stanza("loop", Depends="app") + hostile)
        counted = self.step("checks.py", "counts", run_dir, "--extracted", 4)
        self.assertEqual(counted, {"rows": 4, "findings": 0})
        self.assertEqual(self.step("checks.py", "dependencies", run_dir)["clauses"], 3)
        self.assertEqual(self.step("checks.py", "sizes", run_dir)["total_kib"], 4126)
        first = self.step("aggregate.py", run_dir)
        self.assertEqual(first, self.step("aggregate.py", run_dir))
        outputs = self.step("report.py", run_dir, "--top", 2)
        self.assertEqual(outputs["packages"], 4)
        self.assertIn("1 steps: loop → liba", Path(outputs["text_path"]).read_text())
        page = Path(outputs["html_path"]).read_text()
        self.assertNotIn("<script", page)
        self.assertNotRegex(page, r"(src|href)=|@import|url\(")
        chart = ElementTree.fromstring(page[page.index("<svg"):page.index("</svg>") + 6])
        widths = [float(bar.get("width")) for bar in chart.iter("rect")]
        self.assertEqual((len(widths), widths), (2, sorted(widths, reverse=True)))

    def test_a_lock_that_is_taken_means_try_again(self):
        _, run_dir = self.extract(stanza("a1"))
        self.step("parse.py", run_dir)
        self.step("validate.py", RUN_DIR=run_dir)
        with open(self.work / "warehouse.lock", "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertEqual(self.step("load.py", run_dir, expect=75), {})
            self.assertIn("locked by", self.log)
        self.assertTrue(self.step("load.py", run_dir)["written"])
        self.assertFalse(self.step("load.py", run_dir)["written"])

    def test_rejects_fail_the_run_unless_allowed(self):
        _, run_dir = self.extract(stanza("good") + "Package: bad\n???\n\n" + stanza("worse", Installed_Size="-1"))
        self.assertEqual(self.step("parse.py", run_dir), {"records": 2, "remembered": 0, "broken": 1})
        self.step("validate.py", RUN_DIR=run_dir, expect=1)
        self.assertIn("max_rejects=2", self.log)
        allowed = self.step("validate.py", RUN_DIR=run_dir, PIPELINED_PARAMS='{"max_rejects": 2}')
        self.assertEqual(allowed, {"valid": 1, "rejected": 1})
        self.step("load.py", run_dir)
        self.step("checks.py", "counts", run_dir, "--extracted", 3, "--left-out", 2)
        self.step("checks.py", "counts", run_dir, "--extracted", 3, "--left-out", 1, expect=1)

    def test_an_unmet_requirement_is_named(self):
        run_dir = self.load_all(stanza("app", Depends="gone (>= 2)"))
        self.step("checks.py", "dependencies", run_dir, expect=1)
        self.assertIn("app requires gone (>= 2), which nothing installed meets", self.log)
        self.assertEqual(self.step("checks.py", "dependencies", run_dir, "--tolerate", 1)["findings"], 1)

    def test_an_absurd_size_is_named(self):
        run_dir = self.load_all(stanza("huge", Installed_Size="99999999999"))
        self.step("checks.py", "sizes", run_dir, expect=1)
        self.assertIn("huge", self.log)

    def test_a_missing_or_empty_database_is_an_error_not_an_empty_report(self):
        self.step("extract.py", "--work-dir", self.work, "--status", "/nonexistent", expect=1)
        self.status.write_text("")
        self.step("extract.py", "--work-dir", self.work, "--status", self.status, expect=1)

    def test_a_section_that_does_not_exist_is_an_error_that_lists_them(self):
        run_dir = self.load_all(stanza("a1"))
        self.step("aggregate.py", run_dir)
        self.step("report.py", run_dir, "--section", "mars", expect=1)
        self.assertIn("there are: libs", self.log)

    def test_folders_are_private_and_run_ids_cannot_leave_them(self):
        self.status.write_text(stanza("a1"))
        outputs = self.step("extract.py", "--work-dir", self.work, "--status", self.status, PIPELINED_RUN_ID="../../x")
        self.assertEqual(Path(outputs["run_dir"]).parent, self.work / "runs")
        self.assertEqual(self.work.stat().st_mode & 0o777, 0o700)
        shared = Path(self.folder.name, "shared")
        shared.mkdir()
        shared.chmod(0o777)
        self.step("extract.py", "--work-dir", shared, "--status", self.status, expect=1)
        self.assertEqual((shared.stat().st_mode & 0o777, list(shared.iterdir())), (0o777, []))
        self.assertNotEqual(workspace.folder_name("a/b"), workspace.folder_name("a_b"))

    def test_clean_up_keeps_the_run_and_shrinks_the_earlier_ones(self):
        runs = [Path(self.step("extract.py", "--work-dir", self.work, "--status", self.status, PIPELINED_RUN_ID=f"r{i}")["run_dir"])
                for i in range(3) if self.status.write_text(stanza("a1"))]
        os.utime(runs[0], (1, 1))
        foreign = self.work / "runs" / "of-another-program"
        foreign.mkdir()
        removed = self.step("clean_up.py", "--work-dir", self.work, "--keep-runs", 2, PIPELINED_RUN_ID="r2")
        self.assertEqual(removed, {"files_removed": 1, "folders_removed": 1})
        self.assertEqual([(run.exists(), (run / "status").exists()) for run in runs], [(False, False), (True, False), (True, True)])
        self.assertTrue(foreign.exists())

    def test_the_backup_is_a_warehouse_of_its_own(self):
        run_dir = self.load_all(stanza("a1"))
        self.assertGreater(self.step("backup.py", run_dir)["bytes"], 0)
        self.assertEqual(contents(self.work / "backup.db"), contents(self.work / "warehouse.db"))


if __name__ == "__main__":
    unittest.main()
