"""How the limits of a command are enforced here, watched, and told: nothing is claimed that was not applied (workers section 8)."""

import math
import os
import resource
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from triptych.agent.ending import boot_s
from triptych.agent.tiers.cgroup import counts
from triptych.contracts import Tree

Means = Literal["cgroup", "rlimit", "watchdog", "output", "none"]

WATCH_EVERY_S = 0.25
_NICE = 10
_CPU_PERIOD_US = 100_000
_CPU_LAST_S = 5
"""Between SIGXCPU, which a program may handle, and SIGKILL."""
_RLIMITS = {"cpu_seconds": resource.RLIMIT_CPU, "open_files": resource.RLIMIT_NOFILE, "file_bytes": resource.RLIMIT_FSIZE}
_CONTROLLERS = {"memory_bytes": "memory", "cpu": "cpu", "processes": "pids"}
_OTHERWISE: Mapping[str, Means] = {
    "memory_bytes": "watchdog",
    "cpu": "none",
    "processes": "watchdog",
    **dict.fromkeys(_RLIMITS, "rlimit"),
    "output_max_bytes": "output",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the limits of one attempt are applied: `asked` and `means` by name, the rest what is to be done for it."""

    asked: Mapping[str, float] = field(default_factory=dict)
    means: Mapping[str, Means] = field(default_factory=dict)
    rlimits: tuple[tuple[int, int, int], ...] = ()
    nice: int = 0
    leaf: Mapping[str, str] = field(default_factory=dict)

    @property
    def watched(self) -> bool:
        """Whether this process has to look at the tree."""
        return "watchdog" in self.means.values()

    @property
    def inherited(self) -> bool:
        """Whether the program has to inherit something that this process has not."""
        return bool(self.nice or self.rlimits)

    def apply(self) -> None:
        """Take upon this process what its children inherit. Raises `OSError` or `ValueError` when the kernel refuses."""
        if self.nice:
            os.nice(self.nice)
        for which, soft, hard in self.rlimits:
            resource.setrlimit(which, (soft, hard))

    def told(self) -> dict[str, dict[str, Any]]:
        """Return what the record says from the start."""
        return {name: {"asked": value, "by": self.means[name]} for name, value in self.asked.items()}


NO_LIMITS = Plan()


def means_of(controllers: tuple[str, ...]) -> dict[str, Means]:
    """Return by which means each limit is enforced for a job whose cgroup has these controllers."""
    return {name: "cgroup" if _CONTROLLERS.get(name) in controllers else means for name, means in _OTHERWISE.items()}


def plan(asked: Mapping[str, float], controllers: tuple[str, ...]) -> Plan:
    """Return how to apply limits by name."""
    if not asked:
        return NO_LIMITS
    means = {name: by for name, by in means_of(controllers).items() if name in asked}
    return Plan(
        asked=asked,
        means=means,
        rlimits=tuple(_rlimit(name, math.ceil(asked[name])) for name in _RLIMITS if name in asked),
        nice=_NICE if means.get("cpu") == "none" else 0,
        leaf={file: text for name, by in means.items() if by == "cgroup" for file, text in _settings(name, asked[name]).items()},
    )


def keep_open_files(count: int, greatest: float | None) -> None:
    """Give this process and so every job of it `count` open files at most, which a job may raise up to `greatest`."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    top = hard if greatest is None else min(_finite(hard), int(greatest))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, _finite(top)), top))


class Watchdog:
    """Looks at what a tree uses, and at what its cgroup counted, from the start to the end of an attempt.

    `due_s` is when to look next, on the boot clock; None where there is nothing to look at.
    """

    def __init__(self, plan: Plan, tree: Tree, leaf: str | None) -> None:
        self.due_s: float | None = boot_s() + WATCH_EVERY_S if plan.watched else None
        self.peaks: dict[str, int] = {}
        self._plan = plan
        self._tree = tree
        self._leaf = leaf
        self._exceeded: str | None = None
        self._facts: dict[str, dict[str, int]] = {}

    def look(self) -> str | None:
        """Return the name of a limit that the tree exceeds, if it is one that is watched."""
        self.due_s = boot_s() + WATCH_EVERY_S
        now = self._measure()
        self.peaks = {name: max(value, self.peaks.get(name, 0)) for name, value in now.items()}
        if self._exceeded is None:
            self._exceeded = next((name for name, value in now.items() if value > self._plan.asked[name]), None)
        return self._exceeded

    def settle(self) -> bool:
        """Read what the cgroup counted, before it goes; return whether the kernel or this watchdog ended the job for its memory."""
        if self._leaf is not None:
            self._facts = _counted(self._leaf)
        killed = self._facts.get("memory_bytes", {}).get("oom_kills", 0)
        return killed > 0 or self._exceeded == "memory_bytes"

    def told(self) -> dict[str, dict[str, Any]]:
        """Return what the record says at the end: of each limit what was asked, by which means it was enforced, and what was seen."""
        told = self._plan.told()
        for name, entry in told.items():
            entry.update(self._seen(name) if entry["by"] == "watchdog" else {})
            entry.update(self._facts.get(name, {}) if entry["by"] == "cgroup" else {})
        for which, soft, _ in self._plan.rlimits:
            name = next(name for name, number in _RLIMITS.items() if number == which)
            told[name]["value"] = soft
        return told

    def _seen(self, name: str) -> dict[str, Any]:
        peak = self.peaks.get(name)
        if peak is None:
            return {}
        beyond = {"overshoot_bytes": max(0, peak - int(self._plan.asked[name]))} if name == "memory_bytes" else {}
        return {"peak": peak, "exceeded": self._exceeded == name, **beyond}

    def _measure(self) -> dict[str, int]:
        count = memory = 0
        weighed = self._plan.means.get("memory_bytes") == "watchdog"
        for pid in self._tree.members():
            count += 1
            memory += _pss_bytes(pid) if weighed else 0
        now = {"memory_bytes": memory, "processes": count}
        return {name: value for name, value in now.items() if self._plan.means.get(name) == "watchdog"}


def _rlimit(name: str, value: int) -> tuple[int, int, int]:
    which = _RLIMITS[name]
    _, hard = resource.getrlimit(which)
    soft = value if os.geteuid() == 0 and which != resource.RLIMIT_NOFILE else min(value, _finite(hard))
    return which, soft, min(soft + _CPU_LAST_S, _finite(hard)) if name == "cpu_seconds" else soft


def _finite(hard: int) -> int:
    return 2**62 if hard == resource.RLIM_INFINITY else hard


def _settings(name: str, value: float) -> dict[str, str]:
    match name:
        case "memory_bytes":
            return {"memory.max": str(int(value)), "memory.swap.max": "0", "memory.oom.group": "1"}
        case "cpu":
            return {"cpu.max": f"{max(1000, int(value * _CPU_PERIOD_US))} {_CPU_PERIOD_US}"}
        case _:
            return {"pids.max": str(int(value))}


def _counted(leaf: str) -> dict[str, dict[str, int]]:
    memory, peak, cpu = counts(f"{leaf}/memory.events"), counts(f"{leaf}/memory.peak"), counts(f"{leaf}/cpu.stat")
    tasks, turned_away = counts(f"{leaf}/pids.peak"), counts(f"{leaf}/pids.events")
    return {
        "memory_bytes": {"oom_kills": memory.get("oom_kill", 0), "peak": peak.get("", 0), "overshoot_bytes": 0},
        "cpu": {"throttled_us": cpu.get("throttled_usec", 0)},
        "processes": {"peak": tasks.get("", 0), "refused": turned_away.get("max", 0)},
    }


def _pss_bytes(pid: int) -> int:
    """Return the share of memory that a process has, in swap too: what several hold together counts once among them."""
    total = 0
    with suppress(OSError), open(f"/proc/{pid}/smaps_rollup", "rb") as rollup:
        for line in rollup:
            if line.startswith((b"Pss:", b"SwapPss:")):
                total += int(line.split()[1]) * 1024
    return total
