"""Reports and consumers for the tests of the buses."""

import asyncio
from collections.abc import Callable, Sequence

from triptych.messages import Finding, Report


def make_report(job_id: str, seq: int) -> Report:
    return Report(job_id=job_id, attempt=1, seq=seq, at_us=seq, body=Finding(note="finding", data={"n": seq}))


class Taken:
    """A consumer that keeps what it takes, raises the first `faults` times, and can be waited for."""

    def __init__(self, faults: int = 0) -> None:
        self.batches: list[Sequence[Report]] = []
        self._faults = faults
        self._changed = asyncio.Condition()

    async def __call__(self, reports: Sequence[Report]) -> None:
        self.batches.append(reports)
        async with self._changed:
            self._changed.notify_all()
        if self._faults:
            self._faults -= 1
            raise RuntimeError("the store is away")

    @property
    def reports(self) -> list[Report]:
        return [report for batch in self.batches for report in batch]

    @property
    def seqs(self) -> list[int]:
        return [report.seq for report in self.reports]

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(enough)


def without_repeats(seqs: Sequence[int]) -> list[int]:
    """Return what the engine's guard lets through: every number that is higher than all before it."""
    passed: list[int] = []
    for seq in seqs:
        if not passed or seq > passed[-1]:
            passed.append(seq)
    return passed
