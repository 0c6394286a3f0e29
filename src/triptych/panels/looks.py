"""Looking at a camera: its pictures of one variant, and the calls that keep them coming."""

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from triptych.camera.parameters import LEASE, Variant
from triptych.errors import TriptychError
from triptych.kinds import KINDS
from triptych.panels.cameras import KIND, Camera, ask
from triptych.panels.http import Service

RENEWAL = LEASE / 5
"""How often a look is renewed: so often, since its camera's source closes 10 s after the last call, not the last viewer."""


def pictures(door: Service, camera: Camera, variant: Variant) -> AsyncIterator[bytes]:
    """Yield the newest picture of a variant each time there is one, with its head (camera/pictures.py)."""
    return door.engine.pictures(variant.topic(KINDS[KIND].process("", {"camera": camera.id})))


async def look(door: Service, camera: Camera, variant: Variant) -> None:
    """Want a variant for a while. Raises `TriptychError` where the camera cannot show it."""
    await ask(door, camera, "view", msgspec.to_builtins(variant))


async def renew(door: Service, camera: Camera, variant: Variant, complain: Callable[[str], Awaitable[None]] | None = None) -> None:
    """Keep a variant wanted until cancelled; `complain` takes why it cannot be had, each reason once."""
    told = None
    while True:
        try:
            await look(door, camera, variant)
            told = None
        except TriptychError as fault:
            if complain is not None and fault.message != told:
                await complain(fault.message)
            told = fault.message
        await door.clock.sleep(RENEWAL)
