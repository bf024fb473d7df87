"""The format of dpkg's database: stanzas of `Field: value`, and what stands in their dependency fields."""

import re
from dataclasses import dataclass

_FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)")
_TARGET = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9+._-]*)"
    r"(?::(?P<arch>[a-z0-9-]+))?"
    r"\s*(?:\(\s*(?P<relation><<|<=|=|>=|>>|<|>)\s*(?P<version>[0-9A-Za-z][^\s)]*)\s*\))?"
    r"\s*(?:\[[^]]*\])?\s*(?:<[^>]*>\s*)*$"
)
_OLD_RELATIONS = {"<": "<=", ">": ">="}  # what the deprecated forms mean


class Broken(ValueError):
    """A stanza or a field that cannot be read; the text says where and why."""


@dataclass(frozen=True)
class Target:
    """One alternative of a dependency, or one provided name."""

    name: str
    arch: str = ""  # "any", "native" or an architecture
    relation: str = ""
    version: str = ""


def stanzas(lines):
    """Yields (number of the first line, lines) per stanza; blank lines separate them."""
    first, stanza = 0, []
    for number, line in enumerate(lines, start=1):
        line = line.rstrip("\r\n")
        if line.strip():
            first = first if stanza else number
            stanza.append(line)
        elif stanza:
            yield first, stanza
            stanza = []
    if stanza:
        yield first, stanza


def fields(first_line, stanza):
    """A stanza as a dict. A line that begins with white space continues the field above it; ` .` is an empty line."""
    found, name = {}, None
    for number, line in enumerate(stanza, start=first_line):
        if line[0] in " \t":
            if name is None:
                raise Broken(f"line {number}: a continuation line without a field above it")
            rest = line[1:]
            found[name] += "\n" + ("" if rest.strip() == "." else rest)
            continue
        match = _FIELD.fullmatch(line)
        if not match:
            raise Broken(f"line {number}: neither `Field: value` nor a continuation: {line[:60]!r}")
        name = match[1]
        if name in found:
            raise Broken(f"line {number}: field {name} stands twice")
        found[name] = match[2]
    return found


def target(text):
    match = _TARGET.match(text.strip())
    if not match:
        raise Broken(f"not a package relation: {text.strip()[:60]!r}")
    relation = match["relation"] or ""
    return Target(match["name"], match["arch"] or "", _OLD_RELATIONS.get(relation, relation), match["version"] or "")


def clauses(text):
    """`a (>= 1) | b, c` as [[a >= 1, b], [c]]: every clause must be met, by any one of its alternatives."""
    parts = (part for part in text.replace("\n", " ").split(",") if part.strip())
    return [[target(alternative) for alternative in part.split("|")] for part in parts]


def compare_versions(left, right):
    """-1, 0 or 1, in Debian's order: epoch, upstream version, revision; `~` sorts before the end."""
    for a, b in zip(_split_version(left), _split_version(right)):
        order = (a > b) - (a < b) if isinstance(a, int) else _compare_part(a, b)
        if order:
            return order
    return 0


def _split_version(version):
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, ""
    return int(epoch) if epoch.isdigit() else 0, upstream, revision


def _compare_part(left, right):
    # Cut into text, number, text, number …; a part that ends first is as if followed by an empty text.
    a, b = (re.findall(r"(\D*)(\d*)", part) for part in (left, right))
    for i in range(max(len(a), len(b))):
        (a_text, a_number) = a[i] if i < len(a) else ("", "")
        (b_text, b_number) = b[i] if i < len(b) else ("", "")
        a_key, b_key = _text_key(a_text), _text_key(b_text)
        if a_key != b_key:
            return -1 if a_key < b_key else 1
        a_value, b_value = int(a_number or 0), int(b_number or 0)
        if a_value != b_value:
            return -1 if a_value < b_value else 1
    return 0


def _text_key(text):
    # `~` before the end (0), the end before letters, letters before all else.
    return [-1 if c == "~" else ord(c) if c.isalpha() else ord(c) + 256 for c in text] + [0]


def satisfies(installed, relation, wanted):
    order = compare_versions(installed, wanted)
    return {"<<": order < 0, "<=": order <= 0, "=": order == 0, ">=": order >= 0, ">>": order > 0}[relation]
