import asyncio
from datetime import timedelta

import pytest

from panels.onlooker import watching
from triptych.camera.definition import Definition
from triptych.camera.parameters import Variant
from triptych.camera.pictures import HEAD_BYTES
from triptych.panels import looks
from triptych.panels.cameras import Camera, Kept
from triptych.panels.looks import pictures, renew

VARIANT = Variant(fps=5)


@pytest.fixture
async def scene(tmp_path, monkeypatch):
    monkeypatch.setattr(looks, "RENEWAL", timedelta(milliseconds=5))
    async with watching(tmp_path) as (system, played, _):
        yield system.door.app.service, Camera(id="default", definition=Definition(), kept=Kept()), played


async def test_pictures_of_a_variant_come_with_their_head(scene):
    door, camera, played = scene
    shown = pictures(door, camera, VARIANT)
    upcoming = asyncio.ensure_future(anext(shown))
    await played.watched(VARIANT)
    await played.show(3, VARIANT)
    assert (await upcoming)[HEAD_BYTES:] == b"jpeg"
    await shown.aclose()


async def test_a_look_is_renewed_and_each_reason_told_once(scene):
    door, camera, played = scene
    told = []

    async def complain(message):
        told.append(message)

    played.refuse("view", "no picture")
    renewing = asyncio.create_task(renew(door, camera, VARIANT, complain))
    await played.asked("view", 3)
    played.refusals.clear()
    await played.asked("view", 6)
    played.refuse("view", "no picture")
    await played.asked("view", 9)
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)
    assert told == ["no picture", "no picture"]
