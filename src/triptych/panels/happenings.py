"""What happens to cameras, for everyone who watches: one reader of each camera's events and the last 1,000 of them (camera 6)."""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from triptych.contracts import Clock
from triptych.model import Json

KEPT = 1000
RETRY_PAUSE = timedelta(seconds=1)
EPOCH_BYTES = 4

log = structlog.get_logger()


class Told(msgspec.Struct, frozen=True):
    """One event as a camera's process tells it; numbers rise by one in the life of that process."""

    number: int
    note: str
    at: str
    data: dict[str, Any]


class Telling(msgspec.Struct, frozen=True):
    """The newest events of a camera's process, the newest last: each telling repeats some, since any may be lost."""

    events: tuple[Told, ...]


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One event as clients get it."""

    id: str
    camera: str
    note: str
    at: str
    data: Json


_decode = msgspec.json.Decoder(Telling).decode


def topic(camera_id: str) -> str:
    """Return the topic that a camera's events are told on."""
    return f"camera:{camera_id}:events"


class Unseen:
    """Picks out of a camera's tellings what is new. A process that took the place of another numbers from the start again."""

    def __init__(self) -> None:
        self._last: tuple[int, str] = (0, "")

    def take(self, telling: Telling) -> list[Told]:
        """Return the events that were not told before, in order."""
        events = telling.events
        goes_on = any((one.number, one.at) == self._last for one in events) or bool(events and events[0].number > self._last[0])
        new = [one for one in events if not goes_on or one.number > self._last[0]]
        if new:
            self._last = new[-1].number, new[-1].at
        return new


class Happenings:
    """The events of every camera in the order in which they came here; ids are good for the life of this server."""

    def __init__(self, randomness: Callable[[int], str] = secrets.token_hex) -> None:
        self.epoch = randomness(EPOCH_BYTES)
        self.states: dict[str, Happened] = {}
        self._ring: deque[tuple[int, Happened]] = deque(maxlen=KEPT)
        self._number = 0
        self._more = asyncio.Event()
        self._expected: set[str] = set()
        self._asked = asyncio.Event()

    @property
    def newest(self) -> int:
        """The number of the newest event."""
        return self._number

    def expect(self, camera_id: str) -> None:
        """Read this camera's events from now on, if nobody does yet; to be called before its process is."""
        if camera_id not in self._expected:
            self._expected.add(camera_id)
            self._asked.set()

    def note(self, camera_id: str, told: Told) -> None:
        """Keep an event and pass it on."""
        self._number += 1
        happened = Happened(id=f"{self.epoch}-{self._number}", camera=camera_id, note=told.note, at=told.at, data=told.data)
        self._ring.append((self._number, happened))
        if told.note == "state":
            self.states[camera_id] = happened
        self._more.set()
        self._more = asyncio.Event()

    def place(self, last_id: str | None) -> int:
        """Return the number behind an event's id: the newest one for None, 0 for an id of an earlier server, whose client missed all."""
        if last_id is None:
            return self._number
        epoch, _, number = last_id.partition("-")
        known = epoch == self.epoch and number.isascii() and number.isdecimal() and int(number) <= self._number
        return int(number) if known else 0

    async def follow(self, after: int, camera_id: str | None) -> AsyncIterator[Happened]:
        """Yield what came after the event with this number, of one camera or of all, for ever; what is no longer kept is left out."""
        while True:
            more = self._more
            for number, happened in [one for one in self._ring if one[0] > after]:
                after = number
                if camera_id in {None, happened.camera}:
                    yield happened
            await more.wait()

    async def run(self, pictures: Callable[[str], AsyncIterator[bytes]], clock: Clock) -> None:
        """Read every camera that is expected, for ever; `pictures` is how a topic is read."""
        reading: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                self._asked.clear()
                for camera_id in self._expected - reading.keys():
                    reading[camera_id] = asyncio.create_task(self._read(camera_id, pictures, clock))
                await self._asked.wait()
        finally:
            for task in reading.values():
                task.cancel()
            await asyncio.gather(*reading.values(), return_exceptions=True)

    async def _read(self, camera_id: str, pictures: Callable[[str], AsyncIterator[bytes]], clock: Clock) -> None:
        unseen = Unseen()
        while True:
            try:
                async with aclosing(pictures(topic(camera_id))) as tellings:  # type: ignore[type-var]  # an async generator on every bus
                    async for telling in tellings:
                        for event in unseen.take(_decode(telling)):
                            self.note(camera_id, event)
            except Exception:
                log.exception("events not read", camera=camera_id)
            await clock.sleep(RETRY_PAUSE)
