"""One web socket of one who watches: pictures and events down; ack, want, drive and clock up (camera 6)."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.websockets import WebSocket, WebSocketDisconnect

from triptych.camera.parameters import Variant
from triptych.camera.pictures import read_head
from triptych.clock import to_text, to_us
from triptych.errors import TriptychError
from triptych.panels.cameras import Camera, ask
from triptych.panels.http import Role, caller, service
from triptych.panels.looks import pictures, renew

UNACKNOWLEDGED = 2
RESTARTING, NOT_ALLOWED = 1012, 1008
WORDS = 'A message must be JSON: {"ack": n}, {"want": {"fps": 1-60, "width": 16-4096, "marks": true}}, {"drive": {"pan": 0, "tilt": 0}}.'

Speed = Annotated[float, Meta(ge=-360, le=360)]


class Drive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How fast the head is to move, in degrees per second."""

    pan: Speed = 0.0
    tilt: Speed = 0.0


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message of a client. `want` null ends the pictures; `clock` is answered with the server's time."""

    ack: int | UnsetType = UNSET
    want: Variant | UnsetType | None = UNSET
    drive: Drive | UnsetType = UNSET
    clock: float | UnsetType = UNSET


_decode = msgspec.json.Decoder(Word).decode


class Room:
    """How many pictures a client may be sent: never more than two that it has not acknowledged."""

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        self._changed = asyncio.Event()
        self._changed.set()

    def take(self, sequence: int) -> None:
        """Count a picture as sent."""
        self._open.append(sequence)
        if len(self._open) >= UNACKNOWLEDGED:
            self._changed.clear()

    def give(self, sequence: int) -> None:
        """Take an acknowledgement, which is also one of every picture before."""
        if sequence in self._open:
            while self._open.popleft() != sequence:
                pass
            self._changed.set()

    async def wait(self) -> None:
        """Wait until one more may be sent."""
        await self._changed.wait()


class Viewer:
    """Serves one accepted web socket until it closes, its token is no good any more, or the server goes down.

    Without a camera it tells the events of all and shows nothing.
    """

    def __init__(self, socket: WebSocket, camera: Camera | None) -> None:
        self._socket, self._camera = socket, camera
        self._door, self._caller = service(socket), caller(socket)
        self._id = uuid4().hex
        self._room = Room()
        self._over = asyncio.Event()
        self._shown: asyncio.Task[None] | None = None
        self._driven: asyncio.Task[None] | None = None
        self._course: Drive | None = None

    async def run(self) -> None:
        """Serve."""
        after = self._door.happenings.newest
        ends = [self._start(self._hear()), self._start(self._tell(after))]
        signs = [asyncio.create_task(self._door.closing.wait()), asyncio.create_task(self._over.wait())]
        try:
            await asyncio.wait((*ends, *signs), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ends += [task for task in (self._shown, self._driven) if task is not None]
            await _cancel(*ends, *signs)
        with suppress(RuntimeError, WebSocketDisconnect):
            await self._socket.close(RESTARTING if self._door.closing.is_set() else NOT_ALLOWED)
        for one in ends:
            if not one.cancelled() and not isinstance(one.exception(), WebSocketDisconnect | None):
                one.result()

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            self._over.set()

    async def _hear(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                await self._obey(_decode(message.get("text") or message.get("bytes") or b""))
            except msgspec.MsgspecError:
                await self._complain(WORDS)

    async def _obey(self, word: Word) -> None:
        self._check()
        if word.ack is not UNSET:
            self._room.give(word.ack)
        if word.want is not UNSET:
            self._want(word.want)
        if word.drive is not UNSET:
            await self._drive(word.drive)
        if word.clock is not UNSET:
            await self._say("clock", {"asked": word.clock, "now_us": to_us(self._door.clock.now())})

    def _want(self, variant: Variant | None) -> None:
        if self._shown is not None:
            self._shown.cancel()
        self._shown = None if variant is None or self._camera is None else self._start(self._show(self._camera, variant))

    async def _show(self, camera: Camera, variant: Variant) -> None:
        """Send the newest picture whenever there is room for it: those between are dropped."""
        renewing = asyncio.create_task(renew(self._door, camera, variant, self._complain))
        try:
            async with aclosing(pictures(self._door, camera, variant)) as shown:  # type: ignore[type-var]  # an async generator
                while True:
                    await self._room.wait()
                    picture = await anext(shown)
                    self._room.take(read_head(picture).sequence)
                    await self._send(picture)
        except StopAsyncIteration:
            return
        finally:
            await _cancel(renewing)

    async def _drive(self, course: Drive) -> None:
        """Forward the newest course; one that comes while another is on its way takes the place of those between."""
        if self._camera is None or not self._caller.role.covers(Role.OPERATOR):
            await self._complain("not allowed")
            return
        self._course = course
        if self._driven is None or self._driven.done():
            self._driven = self._start(self._steer(self._camera))

    async def _steer(self, camera: Camera) -> None:
        while (course := self._course) is not None:
            self._course = None
            try:
                await ask(self._door, camera, "drive", {"driver": self._id, "pan": course.pan, "tilt": course.tilt})
            except TriptychError as fault:
                await self._complain(fault.message)

    async def _tell(self, after: int) -> None:
        """Tell how things stand, then everything that happens."""
        if self._camera is None:
            for state in list(self._door.happenings.states.values()):
                await self._send_text(state)
        else:
            await self._greet(self._camera)
        async for happened in self._door.happenings.follow(after, None if self._camera is None else self._camera.id):
            await self._send_text(happened)

    async def _greet(self, camera: Camera) -> None:
        try:
            await self._say("state", dict(await ask(self._door, camera, "state")))
        except TriptychError as fault:
            await self._complain(fault.message)

    async def _complain(self, message: str) -> None:
        await self._say("error", {"message": message})

    async def _say(self, note: str, data: dict[str, Any]) -> None:
        """Tell this client alone; what has no id is not kept."""
        where = None if self._camera is None else self._camera.id
        await self._send_text({"id": None, "camera": where, "note": note, "at": to_text(self._door.clock.now()), "data": data})

    async def _send_text(self, event: object) -> None:
        self._check()
        await self._socket.send_text(msgspec.json.encode(event).decode())

    async def _send(self, picture: bytes) -> None:
        self._check()
        await self._socket.send_bytes(picture)

    def _check(self) -> None:
        token = self._caller.token
        if token is not None and not self._door.tokens.holds(token):
            raise WebSocketDisconnect(NOT_ALLOWED)


async def _cancel(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
