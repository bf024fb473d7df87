"""The promise, and who checks it: a DAG whose tasks write down their own starts and ends, and what must be true of that file."""
import collections
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

# One write per line to a file opened for appending: the order of the lines is the order of what happened, whatever clocks say.
TASK = """echo "start $PIPELINED_RUN_ID $PIPELINED_TASK_ID $PIPELINED_TRY_NUMBER $$" >> {file}
sleep {seconds}
echo '{{"said": "{name}"}}' > $PIPELINED_OUTPUT
echo "end $PIPELINED_RUN_ID $PIPELINED_TASK_ID $PIPELINED_TRY_NUMBER $$" >> {file}"""


def layered_dag(layers, width, file, seconds, random, max_active_tasks=16):
    """Each task waits for up to three of the layer above and needs their outputs; `seconds`: the range of what a task takes."""
    lines = [f"max_active_tasks: {max_active_tasks}", "tasks:"]
    for layer in range(layers):
        for place in range(width):
            upstream = [f"t{layer - 1}_{i}" for i in sorted(random.sample(range(width), min(3, width)))] if layer else []
            body = TASK.format(file=file, seconds=f"{random.uniform(*seconds):.3f}", name=f"t{layer}_{place}")
            body = "\n".join([f"test {{{{ tasks.{name}.said }}}} = {name} || exit 9" for name in upstream] + [body])
            lines.append(f"  t{layer}_{place}:")
            lines.append(f"    depends_on: [{', '.join(upstream)}]")
            lines.append("    bash: |")
            lines += ["      " + line for line in body.split("\n")]
    return "\n".join(lines) + "\n"


def breaches(text, run_ids, task_ids):
    """Every way in which the record breaks the promise, in words; empty: it was kept. All runs must have succeeded."""
    events = collections.defaultdict(list)
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) != 5 or words[0] not in ("start", "end"):
            found.append(f"a line that no task writes: {line!r}")
            continue
        events[words[1], words[2]].append((words[0], words[3], words[4]))
    for run_id in run_ids:
        for task_id in task_ids:
            found += breaches_of_task(f"{run_id} {task_id}", events.pop((run_id, task_id), []))
    found += [f"{run} {task}: nobody asked for it" for run, task in events]
    return found


def breaches_of_task(name, events):
    if not events:
        return [f"{name}: lost, never started"]
    starts = [event for event in events if event[0] == "start"]
    ends = [event for event in events if event[0] == "end"]
    found = []
    if len(ends) > 1:
        found.append(f"{name}: ended well {len(ends)} times: {events}")
    if len(starts) > len(ends):
        found.append(f"{name}: started and cut off {len(starts) - len(ends)} times: {events}")
    under_way = 0
    for word, _, _ in events:
        under_way += 1 if word == "start" else -1
        if under_way > 1:
            found.append(f"{name}: two attempts at once: {events}")
            break
    return found
