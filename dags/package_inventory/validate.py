"""records.jsonl -> valid.jsonl and rejected.jsonl, by package.schema.json.

The DAG file runs this one as `python: {file: …}`: no command line, everything comes through the environment.
"""

import json
import os
from pathlib import Path

import json_schema
import workspace


def split(records, schema):
    """(valid, rejected), each rejected one with all its reasons."""
    valid, rejected = [], []
    for record in records:
        errors = schema.errors(record)
        if errors:
            rejected.append({"name": record.get("name"), "errors": errors})
        else:
            valid.append(record)
    return valid, rejected


def main():
    run_dir = Path(os.environ["RUN_DIR"])
    allowed = json.loads(os.environ["PIPELINED_PARAMS"])["max_rejects"]
    schema = json_schema.Schema(json.loads(Path(__file__).with_name("package.schema.json").read_text(encoding="utf-8")))

    valid, rejected = split(workspace.read_lines(run_dir / "records.jsonl"), schema)
    workspace.write_lines(run_dir / "valid.jsonl", valid)
    workspace.write_lines(run_dir / "rejected.jsonl", rejected)
    for entry in rejected:
        print(f"rejected: {entry['name']}: {'; '.join(entry['errors'])}")
    bad = len(rejected) + len((run_dir / "broken.jsonl").read_text(encoding="utf-8").splitlines())
    if bad > allowed:
        workspace.fail(f"{bad} records cannot be used, {allowed} are allowed", "accept them: -p max_rejects=" + str(bad))
    workspace.give_outputs(valid=len(valid), rejected=len(rejected))


if __name__ == "__main__":
    main()
