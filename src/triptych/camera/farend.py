"""One target of a live stream at work: reaches its far end, sends, and tries again after a loss, in a thread of its own."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any, Literal

import av
import structlog

from triptych.camera.fragments import Ring
from triptych.camera.outlet import Disk, Outlet
from triptych.camera.outlets import OUTLETS
from triptych.camera.sites import Target
from triptych.camera.tap import Tap
from triptych.errors import Unavailable

log = structlog.get_logger()

State = Literal["connecting", "on", "reconnecting", "failed", "off"]
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=30)
STEADY = timedelta(seconds=10)
"""How long a connection holds until the next loss counts as the first again."""
LEAVE_BOUND_S = 0.7
FINAL = frozenset({"disk_full"})
"""Codes of faults that no retry mends."""


class FarEnd:
    """A target and its thread. `changed` is called, from that thread, at each change of `state` or `retries`."""

    def __init__(self, target: Target, ring: Ring, disk: Disk, changed: Callable[[], None]) -> None:
        self.target = target
        self.state: State = "connecting"
        self.retries = 0
        self._ring, self._disk, self._changed = ring, disk, changed
        self._outlet: Outlet | None = None
        self._tap: Tap | None = None
        self._leaving = threading.Event()
        self._tried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="far end", daemon=True)
        self._thread.start()

    def tried(self, bound: timedelta) -> None:
        """Wait until it is known whether the far end takes the stream, at most `bound`."""
        self._tried.wait(max(0.0, bound.total_seconds()))

    def leave(self) -> None:
        """Let it go at once where the stream goes on, or as soon as it sent all where that has ended; never waits."""
        self._leaving.set()
        if self._tap is not None:
            self._tap.close()

    def join(self, bound_s: float = LEAVE_BOUND_S) -> None:
        """Wait until it has left; hang up on a far end that takes longer than `bound_s`, which ends a search for one soon after."""
        self._leaving.set()
        self._thread.join(bound_s)
        if self._thread.is_alive():
            self.leave()
            if self._outlet is not None:
                self._outlet.close()
            self._thread.join(bound_s)

    def _run(self) -> None:
        while not self._leaving.is_set():
            begun = time.monotonic()
            fault = self._carry()
            if fault is None or (isinstance(fault, Unavailable) and fault.code in FINAL):
                self._become("off" if fault is None else "failed")
                return
            log.warning("live target lost", site=self.target.site, account=self.target.account, fault=_told(fault))
            self._become("reconnecting", 1 if time.monotonic() - begun > STEADY.total_seconds() else self.retries + 1)
            self._leaving.wait(pause_after(self.retries).total_seconds())
        self._become("off")

    def _carry(self) -> Exception | None:
        """Try once; return why the far end was lost, or None when there is nothing more to send."""
        outlet = self._outlet = _load(OUTLETS[self.target.kind])(self.target, self._disk)
        try:
            outlet.open()
            tap = self._tap = Tap(self._ring)
            self._become("on")
            outlet.carry(tap)
        except (OSError, ValueError, av.FFmpegError, Unavailable) as fault:
            return None if self._leaving.is_set() else fault
        finally:
            outlet.close()
        return None

    def _become(self, state: State, retries: int | None = None) -> None:
        self.state = state
        self.retries = self.retries if retries is None else retries
        self._tried.set()
        self._changed()


def pause_after(losses: int) -> timedelta:
    """Return how long to wait before the next try: 1, 2, 4 .. 30 s."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(losses - 1, 10)))


def _told(fault: Exception) -> str:
    """Return what may be logged of a fault: the words of a library could hold an address."""
    return fault.code if isinstance(fault, Unavailable) else type(fault).__name__


def _load(name: str) -> Any:
    """Return what a register names as `module:attribute`."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
