"""camera 6 and 10: what one web socket gets and may say, against a camera that the test plays, through the real server."""

import asyncio
import json
import time

import pytest

from panels.onlooker import STATE, until, watching
from triptych.camera.parameters import Variant
from triptych.panels.viewer import UNACKNOWLEDGED, Room


@pytest.fixture
async def scene(tmp_path):
    async with watching(tmp_path) as found:
        yield found


async def test_room_is_for_two_and_an_acknowledgement_counts_for_those_before():
    room = Room()
    for sequence in (1, 2):
        await room.wait()
        room.take(sequence)
    for known, is_open in ((9, False), (2, True)):
        room.give(known)
        waiting = asyncio.create_task(room.wait())
        await asyncio.sleep(0)
        assert waiting.done() is is_open
        waiting.cancel()
    assert not room._open


async def test_pictures_come_once_they_are_wanted(scene):
    """camera 6: want{fps, width, marks}; binary messages are a head of 24 bytes and a JPEG."""
    _, camera, opened = scene
    variant = Variant(fps=10, width=640, marks=False)
    async with opened() as client:
        await client.settled()
        assert not [verb for verb, _ in camera.asks if verb == "view"]
        await client.say(want={"fps": 10, "width": 640, "marks": False})
        assert (await camera.asked("view"))[0] == {"fps": 10, "width": 640, "marks": False}
        await camera.watched(variant)
        await camera.show(7, variant, b"jpeg")
        message = await client.hear()
        assert (message[:4], message[24:]) == (b"\x07\0\0\0", b"jpeg")
        await client.say(want=None)
        await until(lambda: not camera.bus._slots.get(variant.topic("camera:default")))


async def test_frames_are_dropped_never_queued(scene):
    """camera 6: at most 2 unacknowledged; camera row 47: a stalled viewer holds two and costs the others nothing."""
    _, camera, opened = scene
    async with opened() as stalled, opened() as quick:
        for client in (stalled, quick):
            await client.settled()
            await client.say(want={})
        await camera.watched(by=2)
        for sequence in range(1, 30):
            await camera.show(sequence)
            assert await quick.picture() == sequence
            await quick.say(ack=sequence)
        assert [await stalled.picture() for _ in range(UNACKNOWLEDGED)] == [1, 2]
        await stalled.settled()
        await stalled.say(ack=2)
        assert await stalled.picture() == 29


async def test_a_stalled_viewer_that_reads_nothing_costs_the_others_nothing(scene):
    """camera 10: it holds at most 2 frames, in the server's memory too."""
    _, camera, opened = scene
    body = b"x" * 300_000
    async with opened() as stalled, opened() as quick:
        stalled.line.transport.pause_reading()
        for client in (stalled, quick):
            await client.say(want={})
        await camera.watched(by=2)
        begun = time.monotonic()
        for sequence in range(1, 40):
            await camera.show(sequence, body=body)
            assert await quick.picture() == sequence
            await quick.say(ack=sequence)
        assert time.monotonic() - begun < 5
        stalled.line.transport.resume_reading()
        assert [await stalled.picture() for _ in range(UNACKNOWLEDGED)] == [1, 2]


async def test_a_view_that_is_wanted_is_renewed(scene, monkeypatch):
    """camera 6: an idle source closes 10 s after the last viewer, so each viewer says every second that it is there."""
    _, camera, opened = scene
    async with opened() as client:
        await client.say(want={})
        asks = await camera.asked("view", 2)
        assert asks[0] == asks[1]


async def test_events_come_within_100_ms_to_every_client(scene):
    """camera 10: state changes within 100 ms; camera 11: of two clients both see an event."""
    system, camera, opened = scene
    system.door.app.service.happenings.expect("default")
    async with opened() as one, opened() as other:
        for client in (one, other):
            assert (await client.event("state"))["data"] == STATE
            await client.settled()
        begun = time.monotonic()
        await camera.tell("state", {"parameters": {"ai": None}})
        told = [await client.event("state") for client in (one, other)]
        assert time.monotonic() - begun < 0.1
        assert told[0] == told[1]
        assert (told[0]["data"], told[0]["camera"]) == ({"parameters": {"ai": None}}, "default")
        assert told[0]["id"].endswith("-1")


async def test_every_camera_is_told_on_one_line_which_shows_no_picture(scene):
    system, camera, opened = scene
    system.door.app.service.happenings.expect("default")
    async with opened() as first:
        await first.settled()
        await camera.tell("state", {"n": 1})
        await first.event("state")
    async with opened("?camera=*") as every:
        assert (await every.event("state"))["data"] == {"n": 1}
        await every.say(want={})
        await every.settled()
        assert not [verb for verb, _ in camera.asks if verb == "view"]


@pytest.mark.parametrize(
    "message",
    ["", "{", "[]", '{"ack": "x"}', '{"want": {"fps": 0}}', '{"want": {"width": 1e9}}', '{"drive": {"pan": 1e9}}', '{"foo": 1}', "NaN"],
)
async def test_a_bad_message_is_answered_and_nothing_changes(scene, message):
    """camera W3: one sentence, at most 200 characters, saying what is allowed."""
    _, camera, opened = scene
    async with opened() as client:
        await client.line.send(message)
        told = await client.event("error")
        assert 0 < len(told["data"]["message"]) <= 200
        await client.settled()
        assert not [verb for verb, _ in camera.asks if verb in {"view", "drive"}]


async def test_a_message_that_is_too_long_ends_the_line(scene):
    """camera W7."""
    _, _, opened = scene
    async with opened() as client:
        await client.line.send("x" * 70_000)
        await client.closed()


async def test_a_camera_that_cannot_be_seen_is_told_once(scene):
    _, camera, opened = scene
    camera.refuse("view", "The camera gives no picture.")
    async with opened() as client:
        await client.say(want={})
        assert (await client.event("error"))["data"] == {"message": "The camera gives no picture."}
        await camera.asked("view", 3)
        await camera.tell("end", {})
        assert (await client.event("end"))["data"] == {}


async def test_driving_is_forwarded_with_who_drives(scene):
    """camera 6: drive{pan, tilt} in degrees a second; camera 11: driving is leased, so the camera is told by whom."""
    _, camera, opened = scene
    async with opened() as one, opened() as other:
        await one.say(drive={"pan": 20, "tilt": -5})
        (first,) = await camera.asked("drive")
        await other.say(drive={})
        _, second = await camera.asked("drive", 2)
        assert (first["pan"], first["tilt"], second["pan"], second["tilt"]) == (20, -5, 0, 0)
        assert first["driver"] != second["driver"]


async def test_of_many_courses_the_newest_counts(scene):
    """Nothing waits in a queue: courses that came while one was on its way are one."""
    _, camera, opened = scene
    arrived, going, free = asyncio.Event(), asyncio.Event(), camera.answer

    async def slow(request):
        if request.verb == "drive":
            arrived.set()
            await going.wait()
        return await free(request)

    camera.system.worker.on_ask = slow
    async with opened() as client:
        await client.say(drive={"pan": 1})
        await arrived.wait()
        for pan in range(2, 10):
            await client.say(drive={"pan": pan})
        await client.settled()
        going.set()
        asks = await camera.asked("drive", 2)
        assert [ask["pan"] for ask in asks] == [1, 9]


async def test_a_refused_drive_is_told(scene):
    """camera 11: a second driver gets ERROR."""
    _, camera, opened = scene
    camera.refuse("drive", "Somebody else drives.")
    async with opened() as client:
        await client.say(drive={"pan": 1})
        assert (await client.event("error"))["data"] == {"message": "Somebody else drives."}


async def test_the_server_tells_its_time(scene):
    _, _, opened = scene
    async with opened() as client:
        await client.say(clock=12.5)
        told = (await client.event("clock"))["data"]
        assert told["asked"] == 12.5
        assert abs(told["now_us"] / 1e6 - time.time()) < 5


async def test_nothing_is_left_when_clients_vanish_or_the_server_ends(scene):
    """camera 11: nobody is blocked, no device is ever busy."""
    system, camera, opened = scene
    before = len(asyncio.all_tasks())
    for _ in range(3):
        async with opened() as client:
            await client.say(want={})
            await camera.watched()
            client.line.transport.abort()
    await until(lambda: not camera.bus._slots.get(Variant().topic("camera:default")))
    async with opened() as client:
        await client.settled()
        system.door.stop.set()
        assert await client.closed() == 1012
    await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_a_word_is_json_with_any_of_the_keys(scene):
    _, camera, opened = scene
    async with opened() as client:
        await client.line.send(json.dumps({"ack": 1, "want": {}, "drive": {"pan": 3}}).encode())
        assert [await camera.asked(verb) for verb in ("view", "drive")]
