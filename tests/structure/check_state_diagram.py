"""One table of states: the transition tables of the headers, the diagrams and tables of docs/architecture.md and the words in
the SQL CHECKs say the same."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIFECYCLE = ROOT / "include/pipelined/lifecycle"
ARROW = re.compile(r"^\s*(\w+)\s*-->\s*(\w+)\s*:\s*(\w+)\s*$")
ROW = re.compile(r"^\|\s*`(\w+)`\s*\|\s*`(\w+)`\s*\|\s*`(\w+)`\s*\|", re.M)


def snake(enumerator):
    """kUpForRetry -> up_for_retry"""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", enumerator[1:]).lower()


def transitions(header, struct, enums):
    """The (from, event, to) triples of a constexpr table."""
    state, event = enums
    triple = re.compile(rf"{struct}{{{state}::(k\w+), {event}::(k\w+), {state}::(k\w+)}}")
    return [tuple(snake(word) for word in found) for found in triple.findall(header)]


def words(header, enum):
    body = re.search(rf"enum class {enum} : [\w:]+ {{(.*?)}};", header, re.S).group(1)
    body = re.sub(r"//.*", "", body)
    return [snake(word) for word in re.findall(r"k\w+", body)]


def section(text, title):
    """What stands under a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(title)}$(.*?)(?=^#+ |\Z)", text, re.S | re.M)
    return found.group(1) if found else ""


def diagram(text):
    """The arrows of a section's stateDiagram; [*] is where things begin and end, no transition."""
    block = re.search(r"```mermaid\nstateDiagram-v2\n(.*?)```", text, re.S)
    found = [ARROW.match(line) for line in block.group(1).splitlines()] if block else []
    return [(arrow.group(1), arrow.group(3), arrow.group(2)) for arrow in found if arrow]


def check(sql, column, first):
    """The words of `column in ('first', …)` in the migrations."""
    lists = re.findall(rf"\b{column} in \(([^)]*'{first}'[^)]*)\)", sql)
    return [re.findall(r"'(\w+)'", text) for text in lists]


class StateDiagram(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.task_header = (LIFECYCLE / "task_state.h").read_text()
        cls.run_header = (LIFECYCLE / "run_state.h").read_text()
        cls.tasks = transitions(cls.task_header, "TaskTransition", ("TaskState", "TaskEvent"))
        cls.runs = transitions(cls.run_header, "RunTransition", ("RunState", "RunEvent"))
        page = (ROOT / "docs/architecture.md").read_text()
        cls.task_section, cls.run_section = section(page, "Task states"), section(page, "Run states")
        ups = sorted((ROOT / "src/store/migrations").glob("*.up.sql"))
        cls.sql = "\n".join(path.read_text() for path in ups)

    def test_every_line_of_the_tables_was_read(self):
        self.assertEqual(len(self.tasks), self.task_header.count("TaskTransition{"))
        self.assertEqual(len(self.runs), self.run_header.count("RunTransition{"))
        self.assertGreater(len(self.tasks), 0)
        self.assertGreater(len(self.runs), 0)

    def test_task_diagram_is_the_table(self):
        self.assertEqual(sorted(diagram(self.task_section)), sorted(self.tasks))

    def test_task_table_of_the_docs_is_the_table(self):
        self.assertEqual(ROW.findall(self.task_section), self.tasks)

    def test_run_diagram_is_the_table(self):
        self.assertEqual(sorted(diagram(self.run_section)), sorted(self.runs))

    def test_run_table_of_the_docs_is_the_table(self):
        self.assertEqual(ROW.findall(self.run_section), self.runs)

    def test_stored_task_states_are_all_but_none(self):
        stored = set(words(self.task_header, "TaskState")) - {"none"}
        self.assertIn(stored, [set(found) - {"none"} for found in check(self.sql, "state", "up_for_retry")])

    def test_finished_task_states_are_the_dated_ones(self):
        finished = re.search(r"IsFinished\(TaskState state\) {(.*?)}", self.task_header, re.S).group(1)
        finished = {snake(word) for word in re.findall(r"TaskState::(k\w+)", finished)}
        dated = re.findall(r"constraint task_instance_end check \(\(end_date is not null\) = \(state in \(([^)]*)\)", self.sql)
        self.assertEqual([set(re.findall(r"'(\w+)'", text)) for text in dated], [finished])

    def test_only_a_late_decision_and_people_leave_a_finished_state(self):
        finished = {"success", "failed", "skipped", "upstream_failed", "removed"}
        by_hand = {"cleared", "marked_success", "marked_failed", "marked_skipped"}
        self.assertEqual([t for t in self.tasks if t[0] in finished and t[1] not in by_hand],
                         [("upstream_failed", "skipped", "skipped")])

    def test_stored_run_states_are_the_words_of_run_state(self):
        self.assertIn(set(words(self.run_header, "RunState")), [set(found) for found in check(self.sql, "state", "queued")])

    def test_stored_run_types_are_the_words_of_run_type(self):
        types = set(words(self.run_header, "RunType"))
        self.assertIn(types, [set(found) for found in check(self.sql, "type", "scheduled")])


if __name__ == "__main__":
    unittest.main()
