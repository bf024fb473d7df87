"""The folder tree is the architecture: modules include downwards only, each third-party library stays behind its door, and
clocks are read in one place."""

import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^">]+)[">]', re.M)
DEPENDS = re.compile(r"pipelined_module\((\w+)\s*(?:DEPENDS\s+([\w\s]*?))?\s*(?:PRIVATE_LIBS[^)]*)?\)")

# Header prefix -> the modules that may include it.
DOORS = {
    "pqxx/": {"store"},
    "libpq": {"store", "worker"},
    "curl/": {"smtp", "notify", "worker"},
    "sqlite3": {"worker"},
    "yaml-cpp/": {"dagfile", "config"},
    "cpprest/": {"http"},
    "pplx/": {"http"},
    "boost/": {"api"},
    "zlib.h": {"api"},
    "CLI/": {"cli", "apps"},
    "sodium": {"secrets"},
    "libical/": {"zoneinfo"},
    "nlohmann/": {"schema"},
    "re2/": {"schema"},
    "cjose/": {"oidc"},
    "openssl/": {"base", "api", "http"},
    "spdlog/": {"base"},
    "prometheus/": {"metrics"},
}
# The modules that decide without I/O.
PURE = {"model", "timetable", "lifecycle", "template", "engine"}
CLOCKS = re.compile(
    r"\b(system_clock|steady_clock|high_resolution_clock)::now|\bclock_gettime\s*\(|\bgettimeofday\s*\(|(?<![\w.:>])time\s*\(\s*(nullptr|NULL|0|&)"
)
IMPURE_HEADERS = {"fstream", "filesystem", "random", "thread", "mutex", "unistd.h", "fcntl.h"}


def source_files():
    for top in ("src", "include/pipelined"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in (".h", ".cc", ".c") and path.is_file():
                yield path.relative_to(ROOT / top).parts[0], path


def includes(path):
    return [name for _, name in INCLUDE.findall(path.read_text())]


def dependencies():
    direct = {}
    for path in (ROOT / "src").glob("*/CMakeLists.txt"):
        for name, depends in DEPENDS.findall(path.read_text()):
            direct[name] = set(depends.split())
    closed = {}

    def close(name):
        if name not in closed:
            closed[name] = set()
            for below in direct.get(name, ()):
                closed[name] |= {below} | close(below)
        return closed[name]

    for name in list(direct):
        close(name)
    return closed


def order():
    text = (ROOT / "CMakeLists.txt").read_text()
    return re.search(r"foreach\(module ([\w\s]+)\)", text).group(1).split()


class Structure(unittest.TestCase):
    def test_modules_include_downwards_only(self):
        allowed = dependencies()
        wrong = []
        for module, path in source_files():
            for name in includes(path):
                parts = name.split("/")
                other = parts[1] if parts[0] == "pipelined" else parts[0] if len(parts) > 1 and (ROOT / "src" / parts[0]).is_dir() else None
                if other is None or other == module:
                    continue
                if module != "apps" and other not in allowed.get(module, set()):
                    wrong.append(f"{path.relative_to(ROOT)} includes {name}, but {module} does not stand on {other}")
        self.assertEqual(wrong, [])

    def test_modules_stand_only_on_those_listed_before_them(self):
        place = {name: i for i, name in enumerate(order())}
        for name, below in dependencies().items():
            for other in below:
                self.assertLess(place[other], place[name], f"{name} stands on {other}")

    def test_private_headers_stay_in_their_module(self):
        wrong = []
        for module, path in source_files():
            for name in includes(path):
                parts = name.split("/")
                if parts[0] != "pipelined" and parts[0] != module and (ROOT / "src" / name).is_file():
                    wrong.append(f"{path.relative_to(ROOT)} includes {name}")
        self.assertEqual(wrong, [])

    def test_third_party_libraries_stay_behind_their_doors(self):
        wrong = []
        for module, path in source_files():
            for name in includes(path):
                for prefix, doors in DOORS.items():
                    if name.startswith(prefix) and module not in doors:
                        wrong.append(f"{path.relative_to(ROOT)} includes <{name}>: only {', '.join(sorted(doors))} may")
        self.assertEqual(wrong, [])

    def test_public_headers_are_free_of_heavy_libraries(self):
        for path in sorted((ROOT / "include").rglob("*.h")):
            for name in includes(path):
                self.assertFalse(name.startswith(("pqxx/", "yaml-cpp/", "cpprest/", "boost/", "CLI/", "nlohmann/")), f"{path} includes <{name}>")

    def test_no_clock_is_read_outside_base(self):
        wrong = []
        for module, path in source_files():
            # The launcher is a program of its own that stands on nothing; its supervisors time their commands.
            if module == "base" or "executor/launcher" in str(path):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if CLOCKS.search(line.split("//")[0]):
                    wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
        self.assertEqual(wrong, [])

    def test_pure_modules_do_no_io(self):
        wrong = []
        for module, path in source_files():
            if module in PURE:
                wrong += [f"{path.relative_to(ROOT)} includes <{name}>" for name in includes(path) if name in IMPURE_HEADERS]
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
