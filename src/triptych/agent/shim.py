"""Holds the whole tree of one running program at a time: starts it, passes on what it writes, pauses it, ends it to the last process."""

import os
import select
import signal
from collections.abc import Callable
from typing import assert_never

from triptych.agent.attempt import Attempt
from triptych.agent.channel import Here, SocketChannel
from triptych.agent.ending import boot_s
from triptych.agent.spawn import Program, Spawner
from triptych.agent.tree import become_subreaper
from triptych.agent.wire import Wire
from triptych.errors import StartFailed, Unavailable
from triptych.messages import (
    Answer,
    Ask,
    Asked,
    Body,
    Ended,
    Pause,
    Paused,
    Progress,
    Refused,
    Reply,
    Resume,
    Resumed,
    Running,
    Start,
    Stop,
)
from triptych.model import End, EndReason, Fault

_CONFIRM_S = 5.0
_DESERTED_GRACE_S = 1.0
_MAX_WAIT_S = 5.0
_PAY_PAUSE_S = 0.5
_NOBODY = Here(job_id="", attempt=0, pid=0, state="", seq=0, page=0, offset=0)


class Shim:
    """Serves a line: one job at a time, the next one only when the tree of the last was verified empty (workers K10).

    `prepare` says what a `Start` means, `tidy` is called when its tree is gone.
    """

    def __init__(self, channel: SocketChannel, prepare: Callable[[Start], Program], tidy: Callable[[], None]) -> None:
        self._prepare = prepare
        self._tidy = tidy
        self._spawner = Spawner()
        self._attempt: Attempt | None = None
        self._over = _NOBODY
        self._lease_s = self._grace_s = 0.0
        self._stops: list[tuple[int, float]] = []
        self._woken, self._waker = _wake_on_child()
        self._poller = select.poll()
        self._poller.register(self._woken, select.POLLIN)
        self._wire = Wire(channel.detach(), self._poller, self._here)

    def serve(self) -> None:
        """Run jobs until the agent closes the line; with a job under way, go on until its end is kept, for whichever agent comes."""
        become_subreaper()
        while self._wire.connected or self._attempt is not None or self._wire.owes:
            self.turn()

    @property
    def busy(self) -> bool:
        """Whether it holds a tree."""
        return self._attempt is not None

    def close(self) -> None:
        """Give back every descriptor, its line's too. To be called when it is not busy."""
        self._wire.close()
        self._spawner.close()
        signal.set_wakeup_fd(-1)
        os.close(self._waker)
        os.close(self._woken)

    def turn(self) -> None:
        """Wait until something is to be done, and do it."""
        for descriptor, event in self._poller.poll(self._wait_ms()):
            if self._wire.owns(descriptor):
                self._listen(event)
            elif descriptor == self._woken:
                os.read(descriptor, 4096)
            elif self._attempt is not None:
                self._read(self._attempt, descriptor)
        if self._attempt is not None:
            self._hold_lease(self._attempt)
            self._attempt.advance()
            self._settle(self._attempt)
        self._wire.pay()
        self._wire.flush()

    def _wait_ms(self) -> float | None:
        if self._attempt is None:
            return _PAY_PAUSE_S * 1000 if self._wire.owes else None
        due = [bound - boot_s() for _, bound in self._stops]
        if not self._attempt.ending:
            due.append(self._lease_ends_s() - boot_s())
        if (wait_s := self._attempt.wait_s()) is not None:
            due.append(wait_s)
        return min(_MAX_WAIT_S, max(0.0, min(due))) * 1000 if due else None

    def _listen(self, event: int) -> None:
        for asked in self._wire.hear(event):
            self._serve(asked)
        if not self._wire.connected:
            self._stops.clear()
            if self._attempt is not None and not self._wire.findable and not self._attempt.ending:
                self._attempt.hurry(_DESERTED_GRACE_S)

    def _lease_ends_s(self) -> float:
        return self._wire.renewed_s + self._lease_s

    def _hold_lease(self, attempt: Attempt) -> None:
        """End the tree when the server was not heard of for too long: it says so at the same time by itself (workers L4)."""
        if boot_s() >= self._lease_ends_s():
            attempt.end(EndReason.WORKER_LOST, self._grace_s)

    def _here(self) -> Here:
        """Say whose tree this is to an agent that found it."""
        if self._attempt is None:
            return self._over if self._wire.owes else _NOBODY
        attempt = self._attempt
        state = "stopping" if attempt.ending else "paused" if attempt.paused else "running"
        return self._place(attempt.job_id, attempt.number, attempt.pid, state)

    def _place(self, job_id: str, attempt: int, pid: int, state: str) -> Here:
        page, offset = self._wire.position()
        seq = self._wire.seq(job_id, attempt)
        return Here(job_id=job_id, attempt=attempt, pid=pid, state=state, seq=seq, page=page, offset=offset)

    def _serve(self, asked: Asked) -> None:
        reply: Reply | None
        match asked.request:
            case Start() as start:
                reply = self._start(start)
            case Stop() as stop:
                reply = self._stop(asked.number, stop)
            case Pause():
                reply = self._pause()
            case Resume():
                reply = self._resume()
            case Ask():
                reply = Refused(code="invalid", message="a command answers no questions")
            case _:
                assert_never(asked.request)
        if reply is not None:
            self._wire.answer(asked.number, reply)

    def _start(self, start: Start) -> Reply:
        if self._attempt is not None:
            return Refused(code="conflict", message="this process runs another job")
        if self._wire.deserted:
            # The next agent may have looked for this start in the spool already, and told that it never will be.
            return Refused(code="worker_not_connected", message="worker not connected")
        try:
            program = self._prepare(start)
            self._wire.begin(start.job_id, start.attempt)
            spawned = self._spawner.spawn(program)
        except (StartFailed, Unavailable) as fault:
            self._tidy()
            self._over = self._place(start.job_id, start.attempt, 0, "stopping")
            end = End(reason=EndReason.NEVER_STARTED, fault=Fault(code=fault.code, message=fault.message))
            self._wire.report(start.job_id, start.attempt, Ended(end=end))
            return Refused(code=fault.code, message=fault.message)
        self._attempt = Attempt(start, program, spawned)
        self._lease_s, self._grace_s = start.lease_s, program.grace_s
        for source in self._attempt.taps:
            self._poller.register(source, select.POLLIN)
        self._report(self._attempt, Running(pid=self._attempt.pid, facts=dict(program.facts)))
        return Answer(data={"pid": self._attempt.pid})

    def _stop(self, number: int, stop: Stop) -> Reply | None:
        """Begin to stop, or join the stop that is under way; answered when the tree is empty or its bound is over (workers K3, K5)."""
        attempt = self._attempt
        if attempt is None or attempt.job_id != stop.job_id:
            return Answer()
        attempt.end(EndReason(stop.reason), stop.grace_s)
        self._stops.append((number, boot_s() + stop.grace_s + _CONFIRM_S))
        return None

    def _pause(self) -> Reply:
        attempt = self._attempt
        if attempt is None or attempt.ending:
            return Refused(code="job_ended", message="the job has ended or is ending")
        if not attempt.paused:
            attempt.pause()
            self._report(attempt, Paused())
        return Answer()

    def _resume(self) -> Reply:
        attempt = self._attempt
        if attempt is None or attempt.ending:
            return Refused(code="job_ended", message="the job has ended or is ending")
        if attempt.paused:
            attempt.resume()
            self._report(attempt, Resumed())
        return Answer()

    def _read(self, attempt: Attempt, source: int) -> None:
        tap = attempt.taps[source]
        for chunk in tap.read():
            self._report(attempt, chunk)
        if tap.over:
            self._poller.unregister(source)
            del attempt.taps[source]
            os.close(source)

    def _settle(self, attempt: Attempt) -> None:
        if attempt.over:
            self._finish(attempt)
            return
        overdue = [number for number, bound in self._stops if boot_s() >= bound]
        if overdue:
            self._stops = [stop for stop in self._stops if stop[0] not in overdue]
            alive = attempt.survivors()
            self._report(attempt, Progress(parts={}, facts={"survivors": alive}))
            for number in overdue:
                self._wire.answer(number, Refused(code="stop_not_confirmed", message=f"stop not confirmed: {len(alive)} alive"))

    def _finish(self, attempt: Attempt) -> None:
        for source, tap in attempt.taps.items():
            self._poller.unregister(source)
            for chunk in tap.rest():
                self._report(attempt, chunk)
        attempt.close()
        self._tidy()
        self._over = self._place(attempt.job_id, attempt.number, attempt.pid, "stopping")
        self._report(attempt, _told(attempt.ended()))
        for number, _ in self._stops:
            self._wire.answer(number, Answer())
        self._stops.clear()
        self._attempt = None

    def _report(self, attempt: Attempt, body: Body) -> None:
        self._wire.report(attempt.job_id, attempt.number, body)


def _told(ended: Ended) -> Ended:
    """Return the last report as it goes out: how a tree ended whose server was lost is nobody's to tell (workers, end reasons)."""
    if ended.end.reason is not EndReason.WORKER_LOST:
        return ended
    end = End(reason=EndReason.WORKER_LOST, fault=Fault(code="worker_lost", message="worker lost"))
    return Ended(end=end, facts=ended.facts)


def _wake_on_child() -> tuple[int, int]:
    """Return two ends of a pipe; the first is readable after a child ended."""
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return woken, waker
