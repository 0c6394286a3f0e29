"""The tier of control groups: a leaf per job in the subtree of cgroup v2 that was delegated to the worker (workers K8, section 8)."""

import os
import select
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from triptych.agent import tree
from triptych.agent.tiers.subreaper import Outcast, Subreaper

CONTROLLERS = ("memory", "cpu", "pids")
_PREFIX = "triptych-"
_OWN_LEAF = "worker"
_NOTE = "cgroups"
_LOOK_AGAIN_S = 0.5
_MOST_NAME = 200


class Cgroup(Subreaper):
    """Everybody in one leaf, and below this process (contracts.Tree). `settings` are written before anybody enters, by file name."""

    name = "cgroup"

    def __init__(self, leaf: str = "", settings: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.leaf = leaf
        self.entrance = f"{leaf}/cgroup.procs"
        os.mkdir(leaf, 0o755)
        for file, text in (settings or {}).items():
            _write(f"{leaf}/{file}", text)

    def kill(self) -> bool:
        """Kill all in the leaf at one instant, and whoever left it."""
        new = super().kill()
        _write(f"{self.leaf}/cgroup.kill", "1")
        return new

    def empty(self) -> bool:
        """Return whether the kernel says that nobody is in the leaf (workers K2)."""
        return not populated(self.leaf)

    def close(self) -> None:
        """Remove the leaf."""
        with suppress(OSError):
            os.rmdir(self.leaf)

    @staticmethod
    def probe() -> None:
        """Kill by the kernel a process that left its parent and session in a leaf. Raises `OSError` with the reason if that fails."""
        tree.become_subreaper()
        leaf = f"{_find()}/{_PREFIX}probe-{os.getpid()}"
        ground = Cgroup(leaf)
        try:
            outcast = Outcast(ground.entrance)
            if not populated(leaf):
                raise OSError("the child is not in its cgroup")
            _write(f"{leaf}/cgroup.kill", "1")
            outcast.verify()
            os.wait()
            if not ground.empty():
                raise OSError("the cgroup is not empty after its end")
        finally:
            ground.kill()
            ground.close()


def settle(data_dir: str) -> tuple[str, tuple[str, ...]]:
    """Make the folder for the leaves of a worker; return it and the controllers that its leaves have.

    So that controllers can be switched on, this process moves into a leaf of its own; where others share its cgroup there are none.
    What earlier workers of this data folder left is removed as far as it is empty. Raises `OSError` with the kernel's reason.
    """
    base = _find()
    jobs = f"{base}/{_PREFIX}{crc32(data_dir.encode()):08x}"
    _clean(data_dir, jobs)
    os.makedirs(jobs, exist_ok=True)
    wanted = [name for name in CONTROLLERS if name in _words(f"{base}/cgroup.controllers")]
    try:
        if wanted:
            _move_out(base)
            _switch_on(base, wanted)
            _switch_on(jobs, wanted)
    except OSError:
        wanted = [name for name in wanted if name in _words(f"{jobs}/cgroup.controllers")]
        with suppress(OSError):
            _switch_on(jobs, wanted)
    return jobs, tuple(name for name in CONTROLLERS if name in _words(f"{jobs}/cgroup.subtree_control"))


def leaf_of(jobs: str, job_id: str, attempt: int) -> str:
    """Return the leaf of an attempt."""
    return f"{jobs}/{_file_name(job_id)}.{attempt}"


def empty(data_dir: str, job_ids: Iterable[str], patience_s: float) -> int:
    """Kill whoever is in the leaves of these jobs, wherever workers of this data folder had them, and remove the leaves.

    Return how many withstand it for `patience_s` (workers K8).
    """
    names = {_file_name(job_id) for job_id in job_ids}
    leaves = [leaf for jobs in _noted(data_dir) for leaf in _leaves(jobs) if leaf.name.rpartition(".")[0] in names]
    until = time.monotonic() + patience_s
    return sum(not _empty_leaf(str(leaf), until) for leaf in leaves)


def counts(file: str) -> dict[str, int]:
    """Return the named numbers of a cgroup's file, under "" its only one; empty where there is no such file."""
    with suppress(OSError):
        return {" ".join(names): int(value) for *names, value in map(str.split, _read(file))}
    return {}


def populated(leaf: str) -> bool:
    """Return whether anybody is in a leaf."""
    try:
        return "populated 1" in _read(f"{leaf}/cgroup.events")
    except FileNotFoundError:
        return False


def _empty_leaf(leaf: str, until: float) -> bool:
    try:
        with open(f"{leaf}/cgroup.events", "rb") as events:
            poller = select.poll()
            poller.register(events, select.POLLPRI)
            while populated(leaf):
                _write(f"{leaf}/cgroup.kill", "1")
                if (left_s := until - time.monotonic()) <= 0:
                    return False
                poller.poll(min(left_s, _LOOK_AGAIN_S) * 1000)
        os.rmdir(leaf)
    except FileNotFoundError:
        pass
    except OSError:
        return not populated(leaf)
    return True


def _find() -> str:
    """Return this process's cgroup, or the one above the leaf that `settle` made. Raises `OSError` when it was not delegated."""
    mounts = [line.split(" - ") for line in _read("/proc/self/mountinfo")]
    for left, right in mounts:
        if right.split()[0] != "cgroup2":
            continue
        top, mount = left.split()[3:5]
        own = next((line[3:] for line in _read("/proc/self/cgroup") if line.startswith("0::")), "/")
        folder = mount + ("" if own == top else own.removeprefix(top.rstrip("/")))
        folder = os.path.dirname(folder) if os.path.basename(folder) == _PREFIX + _OWN_LEAF else folder
        if not os.path.exists(f"{folder}/cgroup.events"):
            raise OSError("the worker is in the root cgroup: no subtree was delegated to it")
        if not os.path.exists(f"{folder}/cgroup.kill"):
            raise OSError("the kernel has no cgroup.kill")
        if not os.access(f"{folder}/cgroup.procs", os.W_OK):
            raise OSError("the worker's cgroup was not delegated to its account")
        return folder
    raise OSError("no cgroup v2 is mounted")


def _move_out(base: str) -> None:
    """Move every process of this group that is in `base` itself, which is this one before it has any children, to a leaf."""
    if str(os.getpid()) in _read(f"{base}/cgroup.procs"):
        own = f"{base}/{_PREFIX}{_OWN_LEAF}"
        os.makedirs(own, exist_ok=True)
        _write(f"{own}/cgroup.procs", "0")


def _switch_on(folder: str, controllers: Iterable[str]) -> None:
    for name in controllers:
        _write(f"{folder}/cgroup.subtree_control", f"+{name}")


def _noted(data_dir: str) -> list[str]:
    """Return the folders in which workers of this data folder had their leaves, as far as they are remembered."""
    with suppress(FileNotFoundError):
        return _read(f"{data_dir}/{_NOTE}")
    return []


def _clean(data_dir: str, jobs: str) -> None:
    """Remove the empty leaves of every folder that was noted, and note `jobs` and those that still hold something."""
    earlier = set(_noted(data_dir))
    for folder in earlier | {jobs}:
        for leaf in _leaves(folder):
            if not populated(str(leaf)):
                with suppress(OSError):
                    leaf.rmdir()
        with suppress(OSError):
            os.rmdir(folder)
    kept = sorted({jobs, *filter(os.path.isdir, earlier)})
    os.makedirs(data_dir, 0o700, exist_ok=True)
    Path(data_dir, _NOTE).write_text("".join(f"{folder}\n" for folder in kept))


def _file_name(job_id: str) -> str:
    return job_id if job_id.replace("-", "").isalnum() and len(job_id) <= _MOST_NAME else job_id.encode().hex()[:_MOST_NAME]


def _leaves(jobs: str) -> list[Path]:
    try:
        return [entry for entry in Path(jobs).iterdir() if entry.is_dir()]
    except OSError:
        return []


def _words(file: str) -> list[str]:
    with suppress(OSError):
        return " ".join(_read(file)).split()
    return []


def _read(file: str) -> list[str]:
    with open(file, encoding="utf-8") as opened:
        return opened.read().splitlines()


def _write(file: str, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
