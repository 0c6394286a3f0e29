"""The attempts that a worker has now: what is known of each without asking its process."""

import asyncio
from dataclasses import dataclass
from typing import Self

from triptych.agent.channel import Here
from triptych.agent.process import Process
from triptych.messages import Answer, Body, Key, Paused, Reply, Report, Resumed, Running


@dataclass(eq=False, slots=True, kw_only=True)
class Held:
    """One attempt that this worker has: `process` runs it, `started` is the reply to its start, `seq` the number of its last report.

    `state` is one of `messages.Stock`; `noted` says whether the journal knows its main process.
    """

    job_id: str
    attempt: int
    kind: str
    process: "asyncio.Future[Process]"
    started: "asyncio.Future[Reply]"
    seq: int = 0
    pid: int | None = None
    state: str = "running"
    noted: bool = False

    @property
    def key(self) -> Key:
        """Return the job's id and the attempt."""
        return self.job_id, self.attempt

    @classmethod
    def of_shim(cls, process: Process, here: Here) -> Self:
        """Return the attempt whose tree an adopted shim holds."""
        loop = asyncio.get_running_loop()
        held = cls(
            job_id=here.job_id,
            attempt=here.attempt,
            kind="command",
            process=loop.create_future(),
            started=loop.create_future(),
            seq=here.seq,
            pid=here.pid or None,
            state=here.state,
            noted=True,
        )
        held.process.set_result(process)
        held.started.set_result(Answer(data={"pid": here.pid}))
        return held

    def is_of(self, process: Process) -> bool:
        """Whether this process was given the job."""
        return self.process.done() and not self.process.exception() and self.process.result() is process

    def take(self, report: Report) -> None:
        """Follow a report of it."""
        self.seq = max(self.seq, report.seq)
        self._follow(report.body)

    def _follow(self, body: Body) -> None:
        if isinstance(body, Running):
            self.pid = body.pid
        elif isinstance(body, Paused | Resumed) and self.state != "stopping":
            self.state = "paused" if isinstance(body, Paused) else "running"
