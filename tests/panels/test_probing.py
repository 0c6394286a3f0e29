"""How an input is looked at without a job: through the engine, a few at a time."""

import asyncio

import pytest

from triptych.errors import TriptychError, Unavailable
from triptych.kinds import AnnotateSpec
from triptych.messages import Answer, Refused
from triptych.panels import probing
from triptych.panels.http import MOST_PROBES
from triptych.panels.probing import Probed, probe

SPEC = AnnotateSpec(input_uri="a.mp4", features=("AUDIO_FORMAT",))


async def test_no_more_than_a_few_inputs_are_looked_at_at_once(system) -> None:
    asked, go = [], asyncio.Event()

    async def look(ask):
        asked.append(ask.process)
        await go.wait()
        return Answer(data={"duration": "1.000000s"})

    system.worker.on_ask = look
    looks = [asyncio.create_task(probe(_parts(system), SPEC)) for _ in range(MOST_PROBES + 2)]
    while len(asked) < MOST_PROBES:
        await asyncio.sleep(0)
    assert len(asked) == MOST_PROBES
    go.set()
    assert await asyncio.gather(*looks) == [Probed(duration="1.000000s")] * (MOST_PROBES + 2)
    assert len(set(asked)) == MOST_PROBES + 2


async def test_what_a_worker_refuses_is_raised_with_its_code(system) -> None:
    async def look(_ask):
        return Refused(code="bad_media", message="why")

    system.worker.on_ask = look
    with pytest.raises(TriptychError) as caught:
        await probe(_parts(system), SPEC)
    assert (caught.value.code, caught.value.message) == ("bad_media", "why")


async def test_who_waits_too_long_for_a_turn_is_told_to_come_again(system, monkeypatch) -> None:
    monkeypatch.setattr(probing, "PATIENCE_S", 0.0)
    parts = _parts(system)
    for _ in range(MOST_PROBES):
        await parts.probes.acquire()
    with pytest.raises(Unavailable):
        await probe(parts, SPEC)
    for _ in range(MOST_PROBES):
        parts.probes.release()
    system.worker.on_ask = _seen
    assert (await probe(parts, SPEC)).duration == "1.000000s"


async def _seen(_ask):
    return Answer(data={"duration": "1.000000s"})


def _parts(system):
    return system.door.app.service
