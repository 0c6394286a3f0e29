"""How the media panel has an input looked at without a job: by a process of a worker, whose decoder is caged (media 2.2)."""

from datetime import timedelta
from uuid import uuid4

import msgspec

from triptych.kinds import AnnotateSpec
from triptych.messages import Ask
from triptych.panels.http import Service
from triptych.panels.submissions import KIND

BOUND = timedelta(seconds=45)
"""A little more than a probe gives itself."""


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker saw of an input: its duration as an offset, and what of the request it cannot serve."""

    duration: str
    warnings: tuple[str, ...] = ()


async def probe(parts: Service, spec: AnnotateSpec) -> Probed:
    """Have a worker look at the input. Raises with the code and text that a job would fail with, or `Unavailable`."""
    ask = Ask(process=f"probe:{uuid4()}", kind=KIND, spec=msgspec.to_builtins(spec), verb="probe")
    async with parts.probes:
        return msgspec.convert(await parts.engine.probe(None, ask, BOUND), Probed)
