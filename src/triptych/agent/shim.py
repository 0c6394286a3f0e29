"""Holds the whole tree of one running program at a time: starts it, passes on what it writes, pauses it, ends it to the last process."""

import os
import select
import signal
from collections.abc import Callable
from typing import assert_never

from triptych.agent.attempt import Attempt, boot_s
from triptych.agent.channel import SocketChannel
from triptych.agent.spawn import Program, Spawner
from triptych.agent.tree import become_subreaper
from triptych.errors import ChannelClosed, StartFailed
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


class Shim:
    """Serves a channel: one job at a time, the next one only when the tree of the last was verified empty (workers K10).

    `prepare` says what a `Start` means, `tidy` is called when its tree is gone.
    """

    def __init__(self, channel: SocketChannel, prepare: Callable[[Start], Program], tidy: Callable[[], None]) -> None:
        self._channel = channel
        self._prepare = prepare
        self._tidy = tidy
        self._spawner = Spawner()
        self._attempt: Attempt | None = None
        self._stops: list[tuple[int, float]] = []
        self._sent = True
        self._woken = _wake_on_child()
        self._poller = select.poll()
        self._poller.register(channel, select.POLLIN)
        self._poller.register(self._woken, select.POLLIN)
        channel.never_wait()

    def serve(self) -> None:
        """Run jobs until the agent closes the line; then end the tree and return."""
        become_subreaper()
        try:
            while True:
                self._turn()
        except ChannelClosed:
            if self._attempt is not None:
                self._end_deserted(self._attempt)

    def _turn(self) -> None:
        for descriptor, event in self._poller.poll(self._wait_ms()):
            if descriptor == self._channel.fileno():
                self._listen(event)
            elif descriptor == self._woken:
                os.read(descriptor, 4096)
            elif self._attempt is not None:
                self._read(self._attempt, descriptor)
        if self._attempt is not None:
            self._attempt.advance()
            self._settle(self._attempt)
        self._flush()

    def _flush(self) -> None:
        sent = self._channel.flush()
        if sent is not self._sent:
            self._poller.modify(self._channel, select.POLLIN if sent else select.POLLIN | select.POLLOUT)
            self._sent = sent

    def _wait_ms(self) -> float | None:
        if self._attempt is None:
            return None
        due = [bound - boot_s() for _, bound in self._stops]
        if (wait_s := self._attempt.wait_s()) is not None:
            due.append(wait_s)
        return min(_MAX_WAIT_S, max(0.0, min(due))) * 1000 if due else None

    def _listen(self, event: int) -> None:
        if event & ~select.POLLOUT:
            for asked in self._channel.take():
                self._serve(asked)

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
            self._channel.answer(asked.number, reply)

    def _start(self, start: Start) -> Reply:
        if self._attempt is not None:
            return Refused(code="conflict", message="this process runs another job")
        try:
            program = self._prepare(start)
            spawned = self._spawner.spawn(program)
        except StartFailed as fault:
            self._tidy()
            end = End(reason=EndReason.NEVER_STARTED, fault=Fault(code=fault.code, message=fault.message))
            self._channel.report(start.job_id, start.attempt, Ended(end=end))
            return Refused(code=fault.code, message=fault.message)
        self._attempt = Attempt(start, program, spawned)
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
                self._channel.answer(number, Refused(code="stop_not_confirmed", message=f"stop not confirmed: {len(alive)} alive"))

    def _finish(self, attempt: Attempt) -> None:
        for source, tap in attempt.taps.items():
            self._poller.unregister(source)
            for chunk in tap.rest():
                self._report(attempt, chunk)
        attempt.close()
        self._tidy()
        self._report(attempt, attempt.ended())
        for number, _ in self._stops:
            self._channel.answer(number, Answer())
        self._stops.clear()
        self._attempt = None

    def _end_deserted(self, attempt: Attempt) -> None:
        """End the tree without an agent to tell."""
        attempt.close()
        attempt.hurry(_DESERTED_GRACE_S)
        poller = select.poll()
        poller.register(self._woken, select.POLLIN)
        while True:
            attempt.advance()
            if attempt.over:
                break
            if poller.poll((attempt.wait_s() or 0.0) * 1000):
                os.read(self._woken, 4096)
        attempt.close()
        self._tidy()

    def _report(self, attempt: Attempt, body: Body) -> None:
        self._channel.report(attempt.job_id, attempt.number, body)


def _wake_on_child() -> int:
    """Return a descriptor that is readable after a child ended."""
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return woken
