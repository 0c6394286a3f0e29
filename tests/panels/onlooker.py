"""A camera that a test plays, and a client that looks at it over a web socket of the real server."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from panels.system import running_system
from triptych.camera.parameters import Variant
from triptych.camera.pictures import Head, read_head, wrap
from triptych.dashboard import pages
from triptych.messages import Answer, Ask, Refused
from triptych.panels.camera import PANEL
from triptych.panels.happenings import topic

PROCESS = "camera:default"
BOUND_S = 10
STATE = {"state": "idle", "camera": "default"}


class Played:
    """The default camera, as its process would be: answers asks, shows pictures, tells events."""

    def __init__(self, system):
        self.system, self.bus, self.asks, self.refusals, self.number = system, system.worker.bus, [], {}, 0
        system.worker.on_ask = self.answer

    async def answer(self, request: Ask):
        self.asks.append((request.verb, dict(request.data)))
        if request.verb in self.refusals:
            return self.refusals[request.verb]
        return Answer(data=STATE if request.verb == "state" else {})

    def refuse(self, verb, message):
        self.refusals[verb] = Refused(code="unavailable", message=message)

    async def show(self, sequence, variant=Variant(), body=b"jpeg"):  # noqa: B008 - it is frozen
        await self.bus.show(variant.topic(PROCESS), wrap(Head(sequence, 1, 4, 2), body))

    async def tell(self, note, data):
        self.number += 1
        event = {"number": self.number, "note": note, "at": "2026-01-01T00:00:00.000000Z", "data": data}
        await self.bus.show(topic("default"), json.dumps({"events": [event]}).encode())

    async def asked(self, verb, count=1):
        """Wait until it was asked for `verb` so often; return what each ask brought."""
        return await until(lambda: len(found := [data for name, data in self.asks if name == verb]) >= count and found)

    async def watched(self, variant=Variant(), by=1):  # noqa: B008 - it is frozen
        """Wait until so many look at a variant."""
        await until(lambda: len(self.bus._slots.get(variant.topic(PROCESS), ())) >= by)


async def until(condition):
    async with asyncio.timeout(BOUND_S):
        while not (found := condition()):
            await asyncio.sleep(0.001)
        return found


class Client:
    """The client's end of one web socket."""

    def __init__(self, line):
        self.line = line

    async def say(self, **word):
        await self.line.send(json.dumps(word))

    async def hear(self):
        async with asyncio.timeout(BOUND_S):
            message = await self.line.recv()
        return json.loads(message) if isinstance(message, str) else message

    async def event(self, note):
        """Return the next event of this kind."""
        while isinstance(event := await self.hear(), bytes) or event["note"] != note:
            pass
        return event

    async def picture(self):
        """Return the sequence of the next picture."""
        while not isinstance(message := await self.hear(), bytes):
            pass
        return read_head(message).sequence

    async def closed(self):
        """Hear all there is; return the code that the line closes with."""
        with suppress(ConnectionClosed):
            while True:
                await self.hear()
        return self.line.close_code

    async def settled(self):
        """Wait until the server has taken everything said so far."""
        await self.say(clock=1)
        await self.event("clock")


@asynccontextmanager
async def watching(folder, **settings):
    """Give a running server, its played camera, and a function that opens web sockets."""
    async with running_system(folder, (PANEL, pages.PANEL), **settings) as system:
        await system.worker.announce(slots={"camera": 8})
        service = system.door.app.service
        reading = asyncio.create_task(service.happenings.run(service.engine.pictures, service.clock))

        @asynccontextmanager
        async def opened(query="", **how):
            url = f"ws://127.0.0.1:{system.door.port}/api/stream/ws{query}"
            async with connect(url, compression=None, **how) as line:
                yield Client(line)

        try:
            yield system, Played(system), opened
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
