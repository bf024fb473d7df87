"""Snapshot -> records.jsonl (one package per line) and broken.jsonl (stanzas that cannot be read, with the reason)."""

import argparse
from dataclasses import astuple
from pathlib import Path

import control_file
import workspace

# A package in one of these states has its files unpacked; the others are only remembered (their settings, their selection).
PRESENT = {"installed", "triggers-pending", "triggers-awaited", "unpacked", "half-configured"}


def record(found):
    """The part of a stanza that the warehouse keeps, typed. Fields that are missing are left out: the schema decides."""
    status = found.get("Status", "").split()
    parsed = {
        "name": found.get("Package"),
        "version": found.get("Version"),
        "architecture": found.get("Architecture"),
        "section": found.get("Section", "unknown"),
        "priority": found.get("Priority", "unknown"),
        "source": found.get("Source", found.get("Package", "")).split(" ")[0],
        "summary": found.get("Description", "").split("\n")[0],
        "essential": found.get("Essential") == "yes",
        "state": status[2] if len(status) == 3 else None,
    }
    if "Installed-Size" in found:
        size = found["Installed-Size"]
        parsed["installed_kib"] = int(size) if size.isdigit() else size
    for key, field in (("depends", "Depends"), ("pre_depends", "Pre-Depends")):
        parsed[key] = [[list(astuple(t)) for t in clause] for clause in control_file.clauses(found.get(field, ""))]
    parsed["provides"] = [list(astuple(clause[0])) for clause in control_file.clauses(found.get("Provides", ""))]
    return {key: value for key, value in parsed.items() if value is not None}


def parse(lines):
    """(records, remembered, broken): `remembered` counts packages that are not present on the machine."""
    records, remembered, broken = [], 0, []
    for first_line, stanza in control_file.stanzas(lines):
        try:
            parsed = record(control_file.fields(first_line, stanza))
        except control_file.Broken as error:
            broken.append({"stanza": stanza[0][:80], "line": first_line, "reason": str(error)})
            continue
        if parsed.get("state", "installed") in PRESENT:
            records.append(parsed)
        else:
            remembered += 1
    return records, remembered, broken


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run_dir", type=Path)
    run_dir = parser.parse_args().run_dir
    # Packages of long ago may hold other encodings: a strange byte in a description must not cost the record.
    with open(run_dir / "status", encoding="utf-8", errors="replace", newline="\n") as lines:
        records, remembered, broken = parse(lines)
    workspace.write_lines(run_dir / "records.jsonl", records)
    workspace.write_lines(run_dir / "broken.jsonl", broken)
    for entry in broken:
        print(f"broken: {entry['stanza']!r}: {entry['reason']}")
    workspace.give_outputs(records=len(records), remembered=remembered, broken=len(broken))


if __name__ == "__main__":
    main()
