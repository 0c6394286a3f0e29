"""What the processes of a running system cost, read from /proc."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PPID, UTIME, STIME, CUTIME, CSTIME = 1, 11, 12, 13, 14
"""Places in /proc/PID/stat, counted after the command's name."""

MAPPING_FIELDS = 5
"""What follows the addresses of a mapping that has a name: rights, offset, device, inode, name."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its parent, its command line, and CPU seconds of its own and of children it has collected."""

    pid: int
    parent: int
    command: str
    own_s: float
    collected_s: float


def tree(root: int) -> list[Process]:
    """Return `root` and everything that descends from it, parents first."""
    known = {process.pid: process for process in map(_read, _pids()) if process is not None}
    found = [known[root]] if root in known else []
    for process in found:
        found += [other for other in known.values() if other.parent == process.pid]
    return found


def cpu_s(processes: list[Process]) -> float:
    """Return the CPU seconds of `processes`, collected children included."""
    return sum(process.own_s + process.collected_s for process in processes)


def memory_bytes(processes: list[Process]) -> int:
    """Return the proportional set size of `processes`: shared pages are counted once between them."""
    return sum(_rolled_up(process.pid, "Pss:") for process in processes)


def private_bytes(processes: list[Process]) -> int:
    """Return the memory that would be free again if `processes` ended: what no other process shares."""
    return sum(_rolled_up(process.pid, "Private_") for process in processes)


def private_mappings(pid: int) -> Counter[str]:
    """Return the private bytes of one process by what they are mapped from: `anonymous`, `[heap]` or a file's name."""
    found: Counter[str] = Counter()
    name = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        heading, *rest = line.split()
        if not heading.endswith(":"):
            name = Path(rest[-1]).name if len(rest) == MAPPING_FIELDS else "anonymous"
        elif heading.startswith("Private_"):
            found[name] += int(rest[0]) * 1024
    return found


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _read(pid: int) -> Process | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return None
    ticks = [int(stat[place]) for place in (UTIME, STIME, CUTIME, CSTIME)]
    return Process(pid, int(stat[PPID]), command, sum(ticks[:2]) / TICKS_PER_S, sum(ticks[2:]) / TICKS_PER_S)


def _rolled_up(pid: int, heading: str) -> int:
    """Return the sum of the lines that begin with `heading`, in bytes; 0 for a process that is gone."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith(heading))
