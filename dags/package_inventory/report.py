"""report.txt and report.html from the warehouse's summary of one run."""

import argparse
import contextlib
import html
import os
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import chart
import warehouse
import workspace

_BAR_WIDTH = 28  # characters


@dataclass
class Report:
    title: str
    facts: list = field(default_factory=list)     # (name, value)
    sections: list = field(default_factory=list)  # (section, packages, KiB), largest first
    largest: list = field(default_factory=list)   # (package, KiB, summary)
    needed: list = field(default_factory=list)    # (package, needed by, directly by)
    deepest: list = field(default_factory=list)   # (package, depth, chain)


def size(kib):
    for unit, factor in (("GiB", 1 << 20), ("MiB", 1 << 10)):
        if kib >= factor:
            return f"{kib / factor:.1f} {unit}"
    return f"{kib} KiB"


def chain(db, run_id, name):
    """The longest chain of requirements from `name` down."""
    steps = [name]
    while True:
        row = db.execute("select next_below from package_graph where run_id = ? and name = ?", (run_id, steps[-1])).fetchone()
        if not row or not row[0]:
            return steps
        steps.append(row[0])


def collect(db, run_id, top, section, findings):
    """`section`: only packages of this one are listed; "all" for every section."""
    def rows(sql):
        return db.execute(sql, {"run": run_id, "section": section, "top": top}).fetchall()

    sections = rows("select section, packages, installed_kib from section_size where run_id = :run"
                    " order by installed_kib desc, section")
    if section != "all" and section not in [name for name, *_ in sections]:
        workspace.fail(f"no installed package is in section {section!r}",
                       "there are: " + ", ".join(sorted(name for name, *_ in sections)))
    of_section = "(:section = 'all' or p.section = :section)"
    packages, kib = rows(f"select count(*), coalesce(sum(installed_kib), 0) from package p where run_id = :run and {of_section}")[0]
    # A package that is installed for two architectures is one package here: the graph is by name.
    graph = (f"from package_graph g where run_id = :run and exists"
             f" (select 1 from package p where p.run_id = g.run_id and p.name = g.name and {of_section})")
    report = Report("Installed packages" if section == "all" else f"Installed packages of section {section}")
    report.sections = sections[:top]
    report.largest = rows(f"select name, coalesce(installed_kib, 0), summary from package p where run_id = :run and {of_section}"
                          " order by 2 desc, name limit :top")
    report.needed = rows(f"select name, needed_by, direct {graph} order by needed_by desc, direct desc, name limit :top")
    report.deepest = [(name, depth, chain(db, run_id, name))
                      for name, depth in rows(f"select name, depth {graph} order by depth desc, name limit 3")]
    report.facts = [("packages", packages), ("installed size", size(kib)), ("sections", len(sections)),
                    ("requirements", rows("select count(*) from (select distinct name, architecture, kind, clause"
                                          " from dependency where run_id = :run)")[0][0]),
                    ("findings of the checks", findings), ("run", run_id)]
    return report


def as_text(report):
    lines = [report.title, "=" * len(report.title), ""]
    lines += [f"  {name:<24}{value}" for name, value in report.facts]
    lines += ["", "Size by section"]
    largest = max((kib for *_, kib in report.sections), default=0) or 1
    for section, packages, kib in report.sections:
        bar = "█" * max(1, round(_BAR_WIDTH * kib / largest))
        lines.append(f"  {section[:20]:<20} {bar:<{_BAR_WIDTH}} {size(kib):>10}  {packages} packages")
    lines += ["", "Largest packages"]
    lines += [f"  {name[:32]:<32} {size(kib):>10}  {summary[:50]}" for name, kib, summary in report.largest]
    lines += ["", "Needed by most others", f"  {'package':<32} {'in all':>10}  directly"]
    lines += [f"  {name[:32]:<32} {needed_by:>10}  {direct}" for name, needed_by, direct in report.needed]
    lines += ["", "Longest chains of requirements"]
    for name, depth, steps in report.deepest:
        lines.append(f"  {depth} steps: " + " → ".join(steps))
    return "\n".join(lines) + "\n"


def table(headings, rows):
    """Numbers are set to the right; everything is escaped."""
    def cell(value):
        number = isinstance(value, int)
        return f'<td{" class=number" if number else ""}>{html.escape(str(value))}</td>'

    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
    body = "\n".join("<tr>" + "".join(map(cell, row)) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"


def as_html(report):
    page = Template(Path(__file__).with_name("report.html.in").read_text(encoding="utf-8"))
    bars = [(section, kib, f"{size(kib)} · {packages}") for section, packages, kib in report.sections]
    return page.substitute(
        title=html.escape(report.title),
        facts="".join(f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd></div>" for name, value in report.facts),
        chart=chart.bars(bars, "Size by section"),
        largest=table(["Package", "Size", "What it is"], [(n, size(kib), summary) for n, kib, summary in report.largest]),
        needed=table(["Package", "In all", "Directly"], report.needed),
        deepest=table(["Steps", "Chain"], [(depth, " → ".join(steps)) for _, depth, steps in report.deepest]),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--top", type=int, default=10, help="rows of each list")
    parser.add_argument("--section", default="all")
    parser.add_argument("--findings", type=int, default=0)
    args = parser.parse_args()
    run_id = os.environ.get("PIPELINED_RUN_ID", "by-hand")
    with contextlib.closing(warehouse.connect(workspace.work_folder_of(args.run_dir))) as db:
        report = collect(db, run_id, args.top, args.section, args.findings)
    text_path, html_path = args.run_dir / "report.txt", args.run_dir / "report.html"
    workspace.write_whole(text_path, as_text(report))
    workspace.write_whole(html_path, as_html(report))
    print(as_text(report))
    workspace.give_outputs(text_path=str(text_path), html_path=str(html_path), packages=dict(report.facts)["packages"])


if __name__ == "__main__":
    main()
