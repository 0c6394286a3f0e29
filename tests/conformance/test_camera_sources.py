"""Cameras without a head, over HTTP against a running system: a film, and a far camera that is unplugged, plugged in and frozen."""

import asyncio
import io
import time

import av
import pytest

from conformance.test_camera import BOUND_S, B, running
from media.farcamera import PASSWORD, FarCamera, RtspCamera
from media.films import write_film
from triptych.media import world
from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import SceneSource
from triptych.media.sources.sim import VirtualClock
from triptych.stores.sql import SqlStore

NONE = {"kind": "none", "hfov_deg": 70}


class Room:
    """The home view of the drawn room, at half its size: two seconds of it, again and again."""

    def __init__(self):
        scene = SceneSource(SceneOptions(), VirtualClock(), cast=(world.Figure(look=0, radius_px=80, path=lambda _: 4.0),))
        left, top = world.WIDTH_PX // 2 - 640, world.HEIGHT_PX // 2 - 360
        home = slice(top, top + 720, 2), slice(left, left + 1280, 2)
        self._pictures = [scene.draw(number / 25)[home].copy() for number in range(50)]

    def draw(self, number):
        return self._pictures[number % 50]


@pytest.fixture(scope="module")
def room():
    return Room()


@pytest.fixture(scope="module")
def far(room):
    with FarCamera(draw=room.draw, locked=True) as camera:
        yield camera


@pytest.fixture(scope="module")
def rtsp(room):
    with RtspCamera(draw=room.draw) as camera:
        yield camera


async def define(data_dir, cameras):
    data_dir.mkdir(mode=0o700)
    async with SqlStore(f"sqlite:///{data_dir / 'triptych.db'}") as store:
        for camera_id, source in cameras.items():
            await store.put("cameras", camera_id, {"name": camera_id, "source": source, "head": NONE})


@pytest.fixture(scope="module")
def seer(tmp_path_factory, room, far, rtsp):
    folder = tmp_path_factory.mktemp("sources")
    (folder / "films").mkdir()
    write_film(folder / "films" / "room.mp4", frames=100, draw=room.draw)
    cameras = {
        "film": {"kind": "file", "path": "room.mp4"},
        "lost": {"kind": "file", "path": "../triptych.db"},
        "far": {"kind": "url", "url": far.url_with_password},
        "rtsp": {"kind": "url", "url": rtsp.url},
        "metadata": {"kind": "url", "url": "http://169.254.169.254/latest"},
        "device": {"kind": "v4l2", "device": "/dev/video97"},
    }
    asyncio.run(define(folder / "data", cameras))
    (folder / "data" / "triptych.toml").write_text(f'media_roots = ["{folder / "films"}"]\n')
    with running(folder / "data") as seer:
        yield seer


def recorded(seer, camera, seconds):
    """Record for a while and return (record, open container)."""
    seer.ok("PUT", f"?cause=record&camera={camera}")
    record_id = seer.state(camera)["record"]["id"]
    seer.until(lambda state: state["record"]["seconds"] >= seconds, camera)
    seer.ok("DELETE", f"?cause=record&camera={camera}")
    data = seer.client.get(f"/api/record?id={record_id}&camera={camera}")
    assert data.status_code == 200
    return av.open(io.BytesIO(data.content))


@pytest.mark.parametrize("camera", ["film", "far", "rtsp"])
def test_a_camera_that_does_not_turn_tracks_records_and_shows_in_full(seer, camera):
    """camera 1: source with head `none`; the figures of the state are those of the source."""
    seer.ok("POST", f"?camera={camera}", json=B)
    begun = time.monotonic()
    picture = seer.picture(f"?camera={camera}&marks=0")
    assert time.monotonic() - begun < 5
    assert picture.shape[:2] == (360, 640)
    seer.ok("PUT", f"?cause=track&camera={camera}")
    state = seer.until(lambda state: state["track"]["state"] == "locked", camera)
    assert (state["head"]["kind"], state["head"]["pan"], state["simulated"]) == ("none", 0, False)
    with recorded(seer, camera, 1.5) as film:
        video = film.streams.video[0]
        assert (video.width, video.height, len(film.streams.audio)) == (640, 360, 1)
        times = [float(packet.pts * packet.time_base) for packet in film.demux(video) if packet.pts is not None]
    assert times == sorted(times)
    assert times[-1] >= 1.4
    assert 3 < len(times) - 1 < 1.3 * times[-1] * (30 if camera == "film" else 25), "a busy machine drops some, and makes none up"
    seer.ok("DELETE", f"?cause=track&camera={camera}")


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        ("lost", "The film cannot be opened"),
        ("metadata", "The camera's host is not allowed."),
        ("device", "The video device is not there."),
    ],
)
def test_a_camera_that_cannot_be_opened_says_why_within_5_s(seer, camera, said):
    """camera W9, W3, S7"""
    for cause in ("track", "record", "take_shots"):
        begun = time.monotonic()
        assert said in seer.error("PUT", f"?cause={cause}&camera={camera}")
        assert time.monotonic() - begun < 5
    begun = time.monotonic()
    state = seer.state(camera)
    assert time.monotonic() - begun < 1
    assert (state["track"]["state"], state["record"]["state"]) == ("off", "off")
    assert seer.client.get(f"/api/stream/frame.jpg?camera={camera}").status_code == 503


def test_row_41_unplug_freeze_and_replug(seer, far):
    """camera row 41: stale, warned of, recorded until then, and back by itself."""
    seer.ok("PUT", "?cause=track&camera=far")
    seer.ok("PUT", "?cause=record&camera=far")
    seer.until(lambda state: state["record"]["seconds"] > 1, "far")
    far.unplug()
    lost = time.monotonic()
    state = seer.until(lambda state: any(hint.startswith("source: ") for hint in state["warnings"]), "far", 3)
    assert "takes no connection" in seer.error("PUT", "?cause=take_shots&camera=far") or time.monotonic() - lost < 2
    later = seer.until(lambda state: state["record"]["state"] == "failed", "far")
    assert 9 < time.monotonic() - lost < 14
    assert later["stale_s"] > state["stale_s"] + 5
    assert later["track"]["state"] != "failed"
    far.replug()
    seer.until(lambda state: state["stale_s"] < 1 and state["track"]["state"] == "locked" and not state["warnings"][1:], "far")
    seer.picture("?camera=far")
    far.frozen.set()
    frozen = time.monotonic()
    seer.until(lambda state: "source: The camera's picture is frozen." in state["warnings"], "far")
    assert 1.5 < time.monotonic() - frozen < 6
    assert seer.client.get("/api/stream/frame.jpg?camera=far").status_code == 503
    far.frozen.clear()
    seer.until(lambda state: state["stale_s"] < 1 and state["track"]["state"] == "locked", "far", BOUND_S)
    seer.ok("DELETE", "?cause=track&camera=far")


def test_a_password_in_an_address_is_never_shown(seer):
    """camera S6"""
    told = [seer.client.get(path).text for path in ("/api/cameras", "/api/job?cause=state&camera=far", "/api/v1/jobs?kind=camera")]
    assert "anna:****@" in told[0]
    assert not any(PASSWORD in text for text in told)
