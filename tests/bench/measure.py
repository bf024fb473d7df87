"""Figures and how they are taken: stamps, medians, memory and CPU of processes."""
import os
import pathlib
import statistics
import time


class Stamps:
    """The file that all tasks of a workload append to; times in seconds of CLOCK_MONOTONIC, the clock of time.monotonic()."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.clear()

    def clear(self):
        self.path.write_text("")
        os.chmod(self.path, 0o666)

    def count(self):
        return self.path.read_bytes().count(b"\n")

    def read(self):
        """[(label, seconds)] in order of time."""
        rows = (line.rsplit(" ", 1) for line in self.path.read_text().splitlines())
        return sorted(((label, int(ns) / 1e9) for label, ns in rows), key=lambda row: row[1])

    def times(self):
        return [seconds for _, seconds in self.read()]


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def rate(times):
    """Stamps per second between the first and the last."""
    return (len(times) - 1) / (times[-1] - times[0])


def handoffs(times):
    """Milliseconds from each stamp to the next."""
    return [(b - a) * 1e3 for a, b in zip(times, times[1:])]


class Figures:
    """Values of one workload over its rounds."""

    def __init__(self):
        self.values = {}
        self.units = {}
        self.notes = []

    def add(self, name, value, unit):
        self.values.setdefault(name, []).append(value)
        self.units[name] = unit

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def summary(self):
        return {name: {"unit": self.units[name], "median": round(statistics.median(values), 4), "min": round(min(values), 4),
                       "max": round(max(values), 4), "runs": len(values)} for name, values in self.values.items()}


def cpu_seconds(pids):
    total, tick = 0, os.sysconf("SC_CLK_TCK")
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / tick


def pss_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def peak_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def process_start(pid):
    """In seconds of CLOCK_MONOTONIC (to 10 ms; the machine must not have been suspended)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK") + (time.monotonic() - time.clock_gettime(time.CLOCK_BOOTTIME))
