"""Files as media jobs of one server: submitted together, watched, and cancelled when nobody waits for them any more."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import msgspec

from triptych.cli.client import Client
from triptych.cli.findings import View
from triptych.cli.gauges import Gauges
from triptych.cli.printing import printable, tell
from triptych.errors import TriptychError

JOBS = "/api/ai/jobs"
REFUSED = 2
POLL_S = 0.2
CANCEL_BOUND_S = 4.0
WATCHED = 8
"""Of so many files at a time it is asked how far they are."""
INPUT = "inputUri"
NOT_BELOW_ROOTS = frozenset({"inputUri is outside the media roots", "input not found"})
GONE = "job_not_found"


class Made(msgspec.Struct, frozen=True):
    """A new job."""

    name: str
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Order:
    """A file as it was named, its URI, and its job: its name, and whether it has ended."""

    file: str
    uri: str
    job: str = ""
    ended: bool = False
    refused: bool = False

    @property
    def waits(self) -> bool:
        """Whether its job was submitted and has not ended."""
        return bool(self.job) and not self.ended

    def refuse(self, reason: str) -> None:
        """Tell why it is not measured."""
        self.refused = True
        tell(f"{self.file}: {reason}")


class Batch:
    """The jobs of some files, between `async with` and its end, which cancels those that have not ended."""

    def __init__(self, client: Client, orders: Sequence[Order], gauges: Gauges) -> None:
        self._client = client
        self.orders = orders
        self._gauges = gauges

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        waiting = [order.job for order in self.orders if order.waits]
        if waiting:
            tell("cancelling what has not ended")
            cancels = [asyncio.ensure_future(self._client.post(f"{JOBS}/{name}:cancel")) for name in waiting]
            done, late = await asyncio.wait(cancels, timeout=CANCEL_BOUND_S)
            for cancel in late:
                cancel.cancel()
            if late or any(cancel.exception() for cancel in done):
                tell("the server did not confirm that all of it is cancelled")

    async def submit(self, body: dict[str, object]) -> None:
        """Submit every file with what `body` asks. A refused file is told and stops no other; a refused `body` raises `TriptychError`."""
        warnings: dict[str, None] = {}
        for order in self.orders:
            if order.refused:
                continue
            try:
                warnings |= dict.fromkeys((await self._submit(order, body)).warnings)
            except TriptychError as fault:
                if fault.field != INPUT:
                    raise
                order.refuse(_mended(fault.message, order))
        for warning in warnings:
            tell(warning)

    async def ended(self, order: Order) -> tuple[bytes, View] | None:
        """Return the job of a file once it has ended, as bytes and read; None if there is none."""
        if order.refused:
            return None
        try:
            await self._wait(order)
            body = await self._client.get(f"{JOBS}/{order.job}")
        except TriptychError as fault:
            if fault.code != GONE:
                raise
            order.ended = True
            order.refuse("its job was deleted")
            return None
        return body, self._client.decode(body, View)

    async def _submit(self, order: Order, body: dict[str, object]) -> Made:
        """Submit a file; a Ctrl-C meanwhile does not lose the name of the job that is made."""
        submitting = asyncio.ensure_future(self._client.post(JOBS, {INPUT: order.uri, **body}, key=str(uuid4())))
        try:
            made = self._client.decode(await asyncio.shield(submitting), Made)
        except asyncio.CancelledError:
            order.job = self._client.decode(await submitting, Made).name
            raise
        order.job = made.name
        return made

    async def _wait(self, order: Order) -> None:
        waiting = asyncio.ensure_future(self._client.ended(order.job))
        try:
            with self._gauges.shown():
                while not waiting.done():
                    if self._gauges.seen:
                        self._gauges.show(*await self._watched())
                    await asyncio.wait({waiting}, timeout=POLL_S if self._gauges.seen else None)
            waiting.result()
            order.ended = True
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    async def _watched(self) -> tuple[list[tuple[str, View]], int]:
        """Return how far the first files are that have not ended, and how many more there are."""
        live: list[tuple[str, View]] = []
        for order in self.orders:
            if order.waits and len(live) < WATCHED:
                view = self._client.decode(await self._client.get(f"{JOBS}/{order.job}"), View)
                order.ended = view.ended
                live += [] if view.ended else [(order.file, view)]
        return live, sum(order.waits for order in self.orders) - len(live)


def _mended(reason: str, order: Order) -> str:
    """Return why a server refuses a file, and how to mend it where the file lies here."""
    path = Path(order.uri)
    if reason not in NOT_BELOW_ROOTS or not path.is_absolute() or not path.is_file():
        return reason
    return f"lies in no media root of the server: start it with --media-root {printable(str(path.parent))}, or measure without it: --local"
