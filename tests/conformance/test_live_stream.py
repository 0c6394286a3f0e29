"""Live streams over HTTP against a running system: rows 22, 29 and 30 of the acceptance checklist (camera.md 13)."""

import threading
import time
from io import BytesIO

import av
import pytest

from camera.studio import Studio
from conformance.test_camera import BOUND_S, OK, running

PATH = "/api/live_stream"
LIVE = "?cause=live_stream"


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    with running(tmp_path_factory.mktemp("live") / "data") as seer:
        yield seer


@pytest.fixture
def seer(system):
    yield system
    for cause in ("track", "record", "live_stream"):
        system.ok("DELETE", f"?cause={cause}")
    for site in system.client.get(PATH).json()["data"]:
        assert system.client.delete(f"{PATH}?id={site['id']}").json() == OK


def use(seer, name, server, key=None):
    """Make a site, with an account where there is a key, and use it."""
    site = seer.client.post(PATH, json={"name": name, "server": server}).json()["data"]["id"]
    if key is not None:
        assert seer.client.post(f"{PATH}?id={site}", json={"account_name": "main", "key": key}).json() == OK
    assert seer.client.patch(f"{PATH}?cause=website&in_use=true&id={site}").json() == OK
    return site


def states(seer):
    return {target["site"]: target["state"] for target in seer.state()["live_stream"]["targets"]}


def watch(seer, size):
    """Return the first bytes of live.mp4."""
    data = b""
    with seer.client.stream("GET", "/api/stream/live.mp4") as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
        for chunk in answer.iter_raw():
            data += chunk
            if len(data) > size:
                return data[: whole(data)]
    raise AssertionError


def whole(data):
    """Return where the last whole box ends."""
    at = 0
    while at + 8 <= len(data) and at + int.from_bytes(data[at : at + 4], "big") <= len(data):
        at += int.from_bytes(data[at : at + 4], "big")
    return at


def test_row_29_no_target(seer):
    """camera row 29: live.mp4 plays while it is on."""
    assert seer.client.get("/api/stream/live.mp4").status_code == 404
    begun = time.monotonic()
    seer.ok("PUT", LIVE)
    assert time.monotonic() - begun < 5
    with av.open(BytesIO(watch(seer, 400_000))) as container:
        assert {stream.codec_context.name for stream in container.streams} == {"h264", "aac"}
        picture = container.streams.video[0]
        assert (picture.width, picture.height) == (1280, 720)
        frames = list(container.decode(video=0))
    assert frames[0].key_frame
    assert len(frames) > 5
    seer.ok("DELETE", LIVE)
    assert seer.client.get("/api/stream/live.mp4").status_code == 404


def test_row_29_a_file_target(seer):
    """camera row 29: OK, file plays."""
    use(seer, "Disk", "file:show")
    assert seer.client.get(f"{PATH}?cause=availability").json() == OK | {"data": True}
    seer.ok("PUT", LIVE)
    assert states(seer) == {"Disk": "on"}
    watch(seer, 200_000)
    seer.ok("DELETE", LIVE)
    (path,) = (seer.data_dir / "live").iterdir()
    with av.open(str(path)) as container:
        assert len(list(container.decode(video=0))) > 5


def test_row_29_a_target_without_a_key(seer):
    """camera row 29: ERR, nothing runs; the same with a far end that nobody is at."""
    use(seer, "Keyless", "rtmp://127.0.0.1:9/live")
    assert "Keyless" in seer.error("PUT", LIVE)
    assert seer.state()["state"] == "idle"
    use(seer, "Nobody", "rtmp://127.0.0.1:9/live", "key")
    seer.client.delete(f"{PATH}?id={seer.client.get(PATH).json()['data'][0]['id']}")
    assert "no target took the stream" in seer.error("PUT", LIVE)
    assert (seer.state()["session"], seer.state()["live_stream"]) == (None, {"state": "off", "targets": []})
    use(seer, "Later", "srt://127.0.0.1:9", "key")
    assert "srt" in seer.error("PUT", LIVE)


def test_row_30_a_far_end_that_dies_harms_nobody(seer):
    """camera rows 22 and 30."""
    dying, staying = Studio(), Studio()
    try:
        use(seer, "Dying", dying.server, "key-1")
        use(seer, "Staying", staying.server, "key-2")
        seer.ok("PUT", "?cause=track")
        seer.ok("PUT", "?cause=record")
        seer.ok("PUT", LIVE)
        assert states(seer) == {"Dying": "on", "Staying": "on"}
        staying.until(lambda: len(staying.tags) > 20)
        dying.close()
        seer.until(lambda state: {"reconnecting", "on"} == {one["state"] for one in state["live_stream"]["targets"]})
        assert (seer.state()["live_stream"]["state"], staying.publishers) == ("on", 1)
        dying = Studio(dying.port)
        seer.until(lambda state: {"on"} == {one["state"] for one in state["live_stream"]["targets"]})
        dying.until(lambda: len(dying.tags) > 20)
        assert len(dying.frames()) > 3
        seer.ok("DELETE", LIVE)
        state = seer.state()
        assert (state["track"]["state"], state["record"]["state"], state["live_stream"]["state"]) == ("locked", "on", "off")
        assert state["record"]["dropped"] == 0
    finally:
        dying.close()
        staying.close()


def test_a_far_end_that_takes_nothing_costs_the_others_nothing(seer):
    """camera row 30: it is given up within the second that DELETE has."""
    with Studio() as quick, Studio(deaf=True) as deaf:
        use(seer, "Quick", quick.server, "key")
        use(seer, "Deaf", deaf.server, "key")
        seer.ok("PUT", LIVE)
        assert states(seer)["Quick"] == "on"
        quick.until(lambda: len(quick.tags) > 20)
        begun = time.monotonic()
        seer.ok("DELETE", LIVE)
        assert time.monotonic() - begun < 3


def test_a_pause_keeps_watchers_and_a_resume_is_live_within_a_second(seer):
    """camera 3.2."""
    seer.ok("PUT", LIVE)
    with seer.client.stream("GET", "/api/stream/live.mp4") as answer:
        chunks = answer.iter_raw()
        next(chunks)
        seer.ok("DELETE", f"?pause=true&{LIVE[1:]}")
        assert seer.state()["live_stream"]["state"] == "paused"
        for _ in range(5):
            assert next(chunks)
        seer.ok("PATCH")
        assert seer.state()["live_stream"]["state"] == "on"
        for _ in range(3):
            assert next(chunks)


def test_a_stalled_watcher_costs_the_others_nothing(seer):
    """camera row 47."""
    seer.ok("PUT", LIVE)
    with seer.client.stream("GET", "/api/stream/live.mp4") as stalled:
        next(stalled.iter_raw())
        found = []
        watchers = [threading.Thread(target=lambda: found.append(watch(seer, 300_000))) for _ in range(3)]
        for watcher in watchers:
            watcher.start()
        for watcher in watchers:
            watcher.join(BOUND_S)
        assert len(found) == 3


def test_no_key_is_told_by_logs_state_errors_or_files(seer):
    """camera S6."""
    key = "k-0d1e5ca7"
    with Studio(refuses=("publish",)) as studio:
        use(seer, "Refusing", studio.server, key)
        said = [seer.error("PUT", LIVE), str(seer.state()), seer.client.get(PATH).text]
        assert key in str(studio.commands)
    said += [seer.client.get(path).text for path in ("/api/v1/jobs", "/api/v1/audit")]
    assert not any(key in text for text in said)
    files = [path for path in seer.data_dir.rglob("*") if path.is_file()]
    assert [path.name for path in files if key.encode() in path.read_bytes()] == ["live-keys.json"]
