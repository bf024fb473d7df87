"""The pages of docs/: their examples, and the tables that say what there is."""
import re

from live_server import REPOSITORY


def page(name):
    return (REPOSITORY / "docs" / name).read_text()


def pages(folder):
    """name -> text. That of the overview is README."""
    return {path.stem: path.read_text() for path in sorted((REPOSITORY / "docs" / folder).glob("*.md"))}


def blocks(text, language):
    return [block for said, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S) if said == language]


def dags_of(text):
    """name -> text of the DAG files on a page: each says in its first line what it is called."""
    found = [re.match(r"# (?:dags/)?(\w+)\.yaml\n(.*)", block, re.S) for block in blocks(text, "yaml")]
    return {match[1]: match[2] for match in found if match and match[1] != "pipelined"}


def examples(folder):
    """name -> text of the DAG files on all pages of a folder, which have different names."""
    return {name: text for found in pages(folder).values() for name, text in dags_of(found).items()}


def section(text, title):
    """From the heading of that title to the next one of its rank, or above."""
    rank, rest = re.search(rf"^(#+) {title}\n(.*)", text, re.M | re.S).groups()
    return re.split(rf"^#{{1,{len(rank)}}} ", rest, flags=re.M)[0]


def rows(text):
    """The cells of each row of the tables `| key | value | default |`."""
    found = [[cell.strip() for cell in row.split(" | ")] for row in re.findall(r"^\| (`.*) \|$", text, re.M)]
    return [cells for cells in found if len(cells) == 3]


def code(cell):
    return re.findall(r"`([^`]+)`", cell)


def keys_of_tables(text):
    return {key for keys, _, _ in rows(text) for key in code(keys)}


def defaults_of_tables(text):
    """key -> default; several keys that share a row have as many defaults, or none."""
    return {key: given for keys, _, defaults in rows(text) for key, given in zip(code(keys), code(defaults) or [""] * len(code(keys)))}
