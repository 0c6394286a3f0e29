"""One attempt of a command job as its shim sees it: the tree, what it wrote, what became of it and how far its end is."""

import os
import resource
from typing import Any

from triptych.agent.ending import Ending, boot_s
from triptych.agent.limits import Watchdog
from triptych.agent.spawn import Program, Spawned
from triptych.agent.taps import opened
from triptych.messages import Ended, Start
from triptych.model import End, EndReason

_LEFTOVER_GRACE_S = 1.0
_LAST_OUTPUT_S = 1.0


class Attempt:
    """A running program and all that it forks: `tree`, of which every orphan becomes a child of this process.

    Public fields: `pid` is the main process's at the host; `status` what wait(2) said of it, None until it was collected; `reason` the
    end so far; `paused` whether it stands still; `taps` the pipes still open, by descriptor.
    """

    def __init__(self, start: Start, program: Program, spawned: Spawned) -> None:
        self.job_id = start.job_id
        self.number = start.attempt
        self.pid = spawned.tree.host_pid(spawned.pid)
        self._main = spawned.pid
        self._tree = spawned.tree
        self._watchdog = Watchdog(program.plan, spawned.tree, program.leaf or None)
        self._waits = program.leftovers == "wait"
        self.status: int | None = None
        self.reason = EndReason.EXITED
        self.paused = False
        self._streams = opened(spawned, folder=program.tail_dir, cap_bytes=program.output_max_bytes)
        self.taps = {tap.source: tap for tap in self._streams}
        self._grace_s = program.grace_s
        self._left_s = program.timeout_s
        self._timeout_at: float | None = None
        self._ending: Ending | None = None
        self._step_at: float | None = None
        self._leftovers = False
        self._emptied_at: float | None = None
        self._user_s = self._system_s = 0.0
        self._peak_bytes = 0
        self._wind()

    @property
    def ending(self) -> bool:
        """Whether its end has begun."""
        return self._ending is not None or (self.status is not None and not self._waits)

    @property
    def over(self) -> bool:
        """Whether the tree is empty and all that it wrote was read, or 1 s has gone by since (workers O7)."""
        return self._emptied_at is not None and (not self.taps or boot_s() >= self._emptied_at + _LAST_OUTPUT_S)

    def advance(self) -> None:
        """Collect the dead and do what is due: time out, end what the main process left (workers K6), go on with an ending."""
        self.reap()
        if self._emptied_at is not None:
            self._step_at = self._emptied_at + _LAST_OUTPUT_S
            return
        if self.status is not None and self._ending is None and not self._waits:
            self._leftovers = True
            self._begin_end(_LEFTOVER_GRACE_S)
        elif self._timeout_at is not None and boot_s() >= self._timeout_at:
            self.end(EndReason.TIMED_OUT, self._grace_s)
        elif self._watchdog.due_s is not None and boot_s() >= self._watchdog.due_s and self._watchdog.look() and self._ending is None:
            self._begin_end(None)
        if self._ending is not None:
            self._step_at = boot_s() + self._ending.step()

    def reap(self) -> None:
        """Collect whoever died; the tree is empty when the kernel says that there are no children, and its tier agrees (workers K2)."""
        try:
            while (collected := os.wait4(-1, os.WNOHANG))[0]:
                pid, status, usage = collected
                self._user_s += usage.ru_utime
                self._system_s += usage.ru_stime
                self._peak_bytes = max(self._peak_bytes, usage.ru_maxrss * 1024)
                if pid == self._main and self.status is None:
                    self.status = status
        except ChildProcessError:
            if self._emptied_at is None and self._tree.empty():
                self._emptied_at = boot_s()

    def end(self, reason: EndReason, grace_s: float) -> None:
        """Begin to end the tree, or end it sooner; an exit collected before the first signal keeps its reason (workers K4)."""
        self.reap()
        if not self.ending:
            self.reason = reason
            self._begin_end(grace_s)
        elif self._ending is not None and boot_s() + grace_s < self._ending.force_s:
            self._begin_end(grace_s)

    def hurry(self, grace_s: float) -> None:
        """End the tree within `grace_s` from now, whatever was promised before."""
        self.reap()
        self._begin_end(grace_s)

    def pause(self) -> None:
        """Stop the whole tree and the timeout clock."""
        self._tree.freeze()
        self.paused = True
        if self._timeout_at is not None:
            self._left_s = self._timeout_at - boot_s()
            self._timeout_at = None

    def resume(self) -> None:
        """Let the whole tree go on, and the timeout clock."""
        self._tree.thaw()
        self.paused = False
        self._wind()

    def wait_s(self) -> float | None:
        """Return in how many seconds `advance` has something to do without any news, None for never."""
        due = [moment for moment in (self._timeout_at, self._watchdog.due_s) if moment is not None]
        if self._step_at is not None:
            due = [self._step_at]
        return max(0.0, min(due) - boot_s()) if due else None

    def survivors(self) -> list[int]:
        """Return the host's pids of who lives, in order (workers K5)."""
        return self._tree.survivors()

    def ended(self) -> Ended:
        """Return the last report."""
        code = os.waitstatus_to_exitcode(self.status or 0)
        end = End(
            reason=self.reason,
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            core_dumped=os.WCOREDUMP(self.status or 0),
        )
        return Ended(end=end, facts=self._facts())

    def close(self) -> None:
        """Give back the pipes that someone outside the tree still holds, and what the tree held; to be called before `ended`."""
        if self._emptied_at is not None:
            if self._watchdog.settle() and self.reason is EndReason.EXITED:
                self.reason = EndReason.OUT_OF_MEMORY
            self._tree.close()
        for source in self.taps:
            os.close(source)
        self.taps.clear()

    def _wind(self) -> None:
        if self._left_s is not None:
            self._timeout_at = boot_s() + self._left_s

    def _begin_end(self, grace_s: float | None) -> None:
        self.paused = False
        self._timeout_at = None
        self._ending = Ending(self._tree, grace_s)

    def _facts(self) -> dict[str, Any]:
        return {
            "kill_tier": self._tree.name,
            "limits_enforced": self._watchdog.told(),
            "leftovers_killed": self._tree.reached if self._leftovers else 0,
            "usage": self._usage(),
            "output": {tap.name: tap.facts() for tap in self._streams if tap.count},
        }

    def _usage(self) -> dict[str, float]:
        """Return what the tree used. The kernel counts the process that forked into a child's peak, so a peak below its own is unknown."""
        used: dict[str, float] = {"user_s": round(self._user_s, 6), "system_s": round(self._system_s, 6)}
        if "memory_bytes" in self._watchdog.peaks:
            used["peak_bytes"] = self._watchdog.peaks["memory_bytes"]
        elif self._peak_bytes > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024:
            used["peak_bytes"] = self._peak_bytes
        return used
