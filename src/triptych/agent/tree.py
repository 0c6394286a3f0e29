"""Find and signal every process below this one, or marked with a job's id; never by a bare process id (workers K8, K9)."""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass

_PR_SET_CHILD_SUBREAPER = 36
_SPREAD_S = 1.0
_GONE = (FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True, slots=True)
class Member:
    """One process, told apart from any later one with its pid by `start_ticks`: clock ticks since boot."""

    pid: int
    start_ticks: int


@dataclass(frozen=True, slots=True)
class Stat:
    """What the kernel says of a process: one-letter state, parent, and start in clock ticks since boot."""

    state: str
    parent: int
    start_ticks: int


def become_subreaper() -> None:
    """Make every orphan below this process its child."""
    if _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def stat(pid: int, proc: str = "/proc") -> Stat | None:
    """Return the state of a process, or None where there is none."""
    try:
        fields = _read(f"{proc}/{pid}/stat").rpartition(b")")[2].split()
    except _GONE:
        return None
    return Stat(state=fields[0].decode(), parent=int(fields[1]), start_ticks=int(fields[19]))


def children(pid: int, proc: str = "/proc") -> list[int]:
    """Return the pids of the children of a process, zombies too, oldest first; all pids are those of the mount `proc`."""
    if not _LISTS_CHILDREN:
        return _children_by_scan(pid, proc)
    found: list[int] = []
    with suppress(*_GONE):
        for thread in os.listdir(f"{proc}/{pid}/task"):
            with suppress(*_GONE):
                found += map(int, _read(f"{proc}/{pid}/task/{thread}/children").split())
    return found


def only_child(pid: int, proc: str) -> int | None:
    """Return the child of a process of one thread that has exactly one, dead or alive; None otherwise."""
    if _LISTS_CHILDREN:
        found = _read(f"{proc}/{pid}/task/{pid}/children").split()
        return int(found[0]) if len(found) == 1 else None
    return None


def living(root: int, proc: str) -> list[int]:
    """Return the pids of who lives below `root`, as the mount `proc` numbers them: at one look, and to be told, never to be signalled."""
    found: list[int] = []
    parents = [root]
    while parents:
        for pid in children(parents.pop(), proc):
            if (now := stat(pid, proc)) is not None and now.state not in "ZX":
                found.append(pid)
            parents.append(pid)
    return found


def walk(root: int, spared: AbstractSet[int] = frozenset()) -> Iterator[tuple[Member, int]]:
    """Yield each living process below `root` with a pidfd of it, open until the next step; parents first, nothing at or below `spared`.

    The pidfd is opened before the parent is checked, so it can only be of a process of this tree or of one that is gone.
    It is one look: what is forked meanwhile may be missed.
    """
    parents = [root]
    while parents:
        parent = parents.pop()
        for pid in children(parent):
            if pid in spared or (handle := _open(pid)) is None:
                continue
            try:
                now = stat(pid)
                if now is not None and now.parent == parent:
                    parents.append(pid)
                    if now.state not in "ZX":
                        yield Member(pid, now.start_ticks), handle
            finally:
                os.close(handle)


def members(root: int) -> set[Member]:
    """Return who lives below `root`, at one look."""
    return {member for member, _ in walk(root)}


def signal_new(root: int, known: AbstractSet[Member], *numbers: signal.Signals, spared: AbstractSet[int] = frozenset()) -> set[Member]:
    """Send signals to each process below `root` that is not `known`, at one look; return whom it reached."""
    return {member for member, handle in walk(root, spared) if member not in known and _send(handle, *numbers)}


def freeze(root: int) -> None:
    """Stop each process below `root` and wait until all stand still, for at most 1 s."""
    until = time.monotonic() + _SPREAD_S
    stopped: set[Member] = set()
    while time.monotonic() < until:
        fresh = signal_new(root, stopped, signal.SIGSTOP)
        stopped |= fresh
        if not fresh and not any(_moves(member) for member in members(root)):
            return
        time.sleep(0 if fresh else 0.001)


def thaw(root: int) -> None:
    """Let each process below `root` go on."""
    until = time.monotonic() + _SPREAD_S
    woken: set[Member] = set()
    while (fresh := signal_new(root, woken, signal.SIGCONT)) and time.monotonic() < until:
        woken |= fresh


def marked(job_ids: AbstractSet[str]) -> Iterator[tuple[Member, int]]:
    """Yield each process whose environment names one of these jobs, with a pidfd of it, open until the next step (workers K12)."""
    for name in os.listdir("/proc"):
        if not name.isdecimal() or (handle := _open(int(name))) is None:
            continue
        try:
            now = stat(int(name))
            if now is not None and now.state not in "ZX" and _job_of(int(name)) in job_ids:
                yield Member(int(name), now.start_ticks), handle
        finally:
            os.close(handle)


def kill_marked(job_ids: AbstractSet[str], patience_s: float) -> int:
    """Kill whatever still runs for these jobs, in passes until one finds nobody; return how many are left after `patience_s`."""
    until = time.monotonic() + patience_s
    while found := [_send(handle, signal.SIGKILL) for _, handle in marked(job_ids)]:
        if time.monotonic() > until:
            return len(found)
        time.sleep(0.005)
    return 0


def _job_of(pid: int) -> str | None:
    with suppress(OSError):
        for entry in _read(f"/proc/{pid}/environ").split(b"\0"):
            if entry.startswith(b"TRIPTYCH_JOB_ID="):
                return entry.partition(b"=")[2].decode(errors="replace")
    return None


def _moves(member: Member) -> bool:
    now = stat(member.pid)
    return now is not None and now.start_ticks == member.start_ticks and now.state not in "TtZX"


def _open(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _send(handle: int, *numbers: signal.Signals) -> bool:
    """Send signals in order; tell whether one reached the process, which may be gone before the next."""
    reached = False
    try:
        for number in numbers:
            signal.pidfd_send_signal(handle, number)
            reached = True
    except (ProcessLookupError, PermissionError):
        pass
    return reached


def _children_by_scan(parent: int, proc: str = "/proc") -> list[int]:
    pids = [int(name) for name in os.listdir(proc) if name.isdecimal()]
    return sorted(pid for pid in pids if (now := stat(pid, proc)) is not None and now.parent == parent)


def _read(path: str) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while data := os.read(handle, 1 << 16):
            parts.append(data)
        return b"".join(parts)
    finally:
        os.close(handle)


_LISTS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")
_prctl = ctypes.CDLL(None, use_errno=True).prctl
