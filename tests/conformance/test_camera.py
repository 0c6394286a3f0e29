"""The acceptance checklist of the camera panel (camera.md 13), row by row, over HTTP against a running system."""

import asyncio
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import av
import cv2
import httpx
import numpy as np
import pytest

from triptych.stores.sql import SqlStore

B = {
    "job_type": "track",
    "scenario": None,
    "predicted_mission": False,
    "recognized_persons": None,
    "non_moving_target": None,
    "ai": None,
}
CAMERAS = {
    "empty": {"name": "Empty room", "source": {"kind": "scene", "figures": 0}},
    "steady": {"name": "Goes on", "restart": "resume"},
    "full": {"name": "Full disk", "min_free_bytes": 1 << 62},
}
FORM = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
OK = {"status": "OK"}
BOUND_S = 30


class Seer:
    """A running system as its client sees it."""

    def __init__(self, url, data_dir):
        self.data_dir = data_dir
        self.client = httpx.Client(base_url=url, timeout=BOUND_S)

    def call(self, method, query="", **how):
        """Send a call of `/api/job` and return its body; every handled outcome is 200 and JSON (W1)."""
        answer = self.client.request(method, f"/api/job{query}", **how)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    def ok(self, method, query="", **how):
        assert self.call(method, query, **how) == OK

    def error(self, method, query="", **how):
        """Expect an ERROR with a message (W3); return it."""
        answer = self.call(method, query, **how)
        assert set(answer) == {"status", "message"}
        assert answer["status"] == "ERROR"
        assert 0 < len(answer["message"]) <= 200
        return answer["message"]

    def state(self, camera="default"):
        return self.call("GET", f"?cause=state&camera={camera}")["data"]

    def until(self, condition, camera="default", bound_s=BOUND_S):
        """Poll the state until it fulfils `condition`, and return it."""
        deadline = time.monotonic() + bound_s
        while not condition(state := self.state(camera)):
            assert time.monotonic() < deadline, state
            time.sleep(0.02)
        return state

    def until_idle_again(self):
        """Wait until a new process answers for the camera, in place of one that was killed."""
        deadline = time.monotonic() + BOUND_S
        while self.call("GET", "?cause=state").get("data", {}).get("session", "none") is not None:
            assert time.monotonic() < deadline

    def picture(self, query=""):
        answer = self.client.get(f"/api/stream/frame.jpg{query}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
        return cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)

    def kept(self, kind):
        """Return the shoots or shots of every date."""
        dates = self.client.get("/api/record").json()["data"]
        return [item for date in dates for item in self.client.get(f"/api/record?date={date}").json()["data"][kind]]

    def marks_of(self, record_id):
        answer = self.client.get(f"/api/record?id={record_id}&part=marks")
        return [json.loads(line) for line in answer.text.splitlines()]

    def rest(self):
        self.call("DELETE", "?cause=track")
        self.call("DELETE", "?cause=record")
        self.call("DELETE", "?cause=mission")
        self.ok("POST", "?mark=single_rect", json=B)


@contextmanager
def running(data_dir):
    command = [sys.executable, "-m", "triptych.cli", "up", "--port", "0", "--data", str(data_dir), "--json"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as server:
        try:
            seer = Seer(json.loads(server.stdout.readline())["url"], data_dir)
            yield seer
            seer.client.close()
        finally:
            server.terminate()
            server.wait(BOUND_S)
    assert server.returncode == 0


async def _define(data_dir, cameras=CAMERAS):
    data_dir.mkdir(mode=0o700, exist_ok=True)
    async with SqlStore(f"sqlite:///{data_dir / 'triptych.db'}") as store:
        for camera_id, document in cameras.items():
            await store.put("cameras", camera_id, document)


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("seer") / "data"
    asyncio.run(_define(data_dir))
    with running(data_dir) as seer:
        yield seer


@pytest.fixture
def seer(system):
    system.rest()
    yield system
    system.rest()


def timed(work):
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def test_row_1_the_list_of_marks(seer):
    documented = ["single_rect", "partial_rect", "rotating_arcs", {"animations": ["animation_1"]}]
    assert seer.call("GET", "?cause=mark&admin_id=x") == {"status": "OK", "data": documented}
    seer.error("GET")
    seer.error("GET", "?cause=foo")


MARKS = {"single_rect": (255, 120, 30), "partial_rect": (80, 230, 60), "rotating_arcs": (60, 60, 240), "animation_1": (0, 176, 255)}


@pytest.mark.parametrize("mark", MARKS)
def test_row_2_each_mark_is_drawn_at_once_and_not_on_clean_pictures(seer, mark):
    seer.ok("POST", json=B | {"non_moving_target": True})
    seer.ok("PUT", "?cause=track")
    seer.until(lambda state: state["track"]["target"] is not None)
    seer.ok("POST", f"?mark={mark}", headers=FORM)
    assert seer.state()["mark"] == mark
    marked = of_colour(seer, MARKS[mark])
    assert marked > of_colour(seer, MARKS[mark], "?marks=0") + 20
    for word in ("false", "False"):
        seer.ok("POST", f"?mark={word}", headers=FORM)
        assert seer.state()["mark"] is None
    assert of_colour(seer, MARKS[mark]) < marked - 20


def of_colour(seer, colour, query=""):
    """Count the pixels of about one colour around the head of the target."""
    picture = seer.picture(query)
    high, wide = picture.shape[:2]
    x, y, w, h = seer.state()["track"]["target"]["box"]
    left, top, right, bottom = x - w / 2, y - h / 2, x + 1.5 * w, y + 1.3 * h
    part = picture[round(max(0, top) * high) : round(bottom * high), round(max(0, left) * wide) : round(right * wide)]
    return int((np.abs(part.astype(int) - colour).max(axis=2) < 75).sum())


def test_row_3_a_bad_mark_leaves_the_old_one(seer):
    seer.ok("POST", "?mark=rotating_arcs", headers=FORM)
    for query in ("?mark=bogus", "?mark=animations", "?mark=None"):
        seer.error("POST", query)
    assert seer.state()["mark"] == "rotating_arcs"


def test_rows_4_and_5_documented_bodies(seer):
    seer.ok("POST", json=B)
    seer.ok("POST", json=B | {"arm_expansion": False})
    for job_type in ("TRACK", "Secure", "learn"):
        seer.ok("POST", json=B | {"job_type": job_type})
    documented = b"""{
        "job_type": "secure",
        "scenario": "scenario_1",
        "predicted_mission": False,
        "recognized_persons": None,
        "non_moving_target": None,
        "ai": None
    }"""
    seer.ok("POST", content=documented, headers={"content-type": "application/json; charset=UTF-8"})
    assert seer.state()["parameters"]["job_type"] == "secure"


def test_row_6_missing_and_unknown_keys_are_named(seer):
    for key in B:
        assert key in seer.error("POST", json={name: value for name, value in B.items() if name != key})
    assert all(key in seer.error("POST", json={}) for key in B)
    assert "foo" in seer.error("POST", json=B | {"foo": 1})


def test_row_7_wrong_values_change_nothing(seer):
    before = seer.state()["parameters"]
    wrong = {
        "job_type": [None, 5, "follow"],
        "ai": ["x"],
        "predicted_mission": ["False"],
        "recognized_persons": ["all", 5, [1], ["all", "id"]],
    }
    for key, values in wrong.items():
        for value in values:
            assert key in seer.error("POST", json=B | {key: value})
    assert seer.state()["parameters"] == before


def test_row_8_persons_are_stored_and_warned_about(seer):
    for persons in (None, [], ["all"]):
        seer.ok("POST", json=B | {"recognized_persons": persons})
    seer.ok("POST", json=B | {"recognized_persons": ["one", "two"]})
    assert "not enrolled" in seer.state()["warnings"][0]


def test_row_9_mark_and_body_together_or_not_at_all(seer):
    seer.ok("POST", "?mark=rotating_arcs", json=B | {"ai": "official_ai"})
    state = seer.state()
    assert (state["mark"], state["parameters"]["ai"]) == ("rotating_arcs", "official_ai")
    seer.error("POST", "?mark=partial_rect", json=B | {"ai": "x"})
    assert seer.state()["mark"] == "rotating_arcs"


def test_row_10_unreadable_bodies(seer):
    seer.error("POST", content=b'{"job_type": "tr', headers={"content-type": "application/json"})
    seer.error("POST", headers={"content-type": "application/json"})
    seer.error("POST", headers=FORM)


def test_row_11_every_documented_combination(seer):
    choices = itertools.product(
        ("track", "learn", "secure"), (None, "scenario_1"), (False, True), (None, ["all"], ["a", "b"]), (None, False), (None, "official_ai")
    )
    for values in choices:
        seer.ok("POST", json=dict(zip(B, values, strict=True)))


def test_row_12_learning_needs_a_moving_head(seer):
    seer.error("POST", json=B | {"job_type": "learn", "non_moving_target": True})
    seer.ok("POST", json=B | {"job_type": "secure", "non_moving_target": True})


def test_row_13_track_locks_and_the_head_follows(seer):
    took_s = timed(lambda: seer.ok("PUT", "?cause=track"))
    assert took_s < 4 + 4, "4 s on the reference machine"
    assert seer.state()["track"]["state"] == "locked"
    seer.until(lambda state: abs(state["head"]["pan"]) > 2)


@pytest.mark.timeout(60)
def test_rows_14_and_15_nobody_is_there(seer):
    """The bound of 10 s, and a DELETE that ends the wait."""
    took_s = timed(lambda: seer.ok("PUT", "?cause=track&camera=empty"))
    assert 9.5 < took_s < 10.5 + 2
    assert seer.state("empty")["track"]["state"] == "searching"
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(seer.call, "PUT", "?cause=track&camera=empty")
        seer.until(lambda _: not waiting.done(), "empty")
        assert timed(lambda: seer.ok("DELETE", "?cause=track&camera=empty")) < 1
        assert waiting.result(2) == OK
    assert seer.state("empty")["state"] == "idle"


def test_row_16_one_worker_however_often_it_is_started(seer):
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(lambda _: seer.call("PUT", "?cause=track"), range(2))) == [OK, OK]
    session = seer.state()["session"]
    seer.ok("PUT", "?cause=track")
    assert seer.state()["session"] == session


@pytest.mark.parametrize("query", ["", "?cause=", "?cause=foo", "?cause=TRACK", "?cause=track&cause=track"])
def test_row_17_a_bad_cause(seer, query):
    """camera W8: matched exactly, in lower case, and given once."""
    seer.error("PUT", query)
    assert seer.state()["state"] == "idle"


def test_row_18_one_shot_each_idle_tracking_and_paused(seer):
    before = len(seer.kept("shots"))
    seer.ok("PUT", "?cause=take_shots")
    seer.ok("PUT", "?cause=track")
    seer.ok("PUT", "?cause=take_shots")
    seer.ok("DELETE", "?pause=true")
    seer.ok("PUT", "?cause=take_shots")
    shots = seer.kept("shots")
    assert len(shots) == before + 3
    data = seer.client.get(f"/api/record?id={shots[0]['id']}").content
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (720, 1280, 3)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("tracking", [False, True])
def test_row_19_ten_seconds_are_ten_seconds(seer, tracking):
    if tracking:
        seer.ok("PUT", "?cause=track")
    pan, begun = seer.state()["head"]["pan"], time.monotonic()
    seer.ok("PUT", "?cause=record")
    seer.until(lambda _: time.monotonic() - begun >= 10)
    wall_s = time.monotonic() - begun
    assert tracking or seer.state()["head"]["pan"] == pan
    seer.ok("DELETE", "?cause=record")
    assert seer.state()["track"]["state"] == ("locked" if tracking else "off")
    shoot = seer.kept("shoots")[-1]
    assert (shoot["audio"], shoot["state"], shoot["extension"]) == ("silence", "ready", "mp4")
    video_s, audio_s = lengths(seer.client.get(f"/api/record?id={shoot['id']}").content)
    assert video_s == pytest.approx(wall_s, abs=0.3), "0.1 s on an idle machine"
    assert audio_s == pytest.approx(video_s, abs=0.08)
    header, *lines = seer.marks_of(shoot["id"])
    assert list(header) == ["version", "id", "camera", "start", "size", "mark"]
    assert any(one["target"] for line in lines for one in line["objects"]) is tracking


def lengths(data):
    with av.open(BytesIO(data)) as container:
        streams = {stream.type: stream for stream in container.streams}
        return tuple(float(streams[kind].duration * streams[kind].time_base) for kind in ("video", "audio"))


def test_row_20_one_file_and_nothing_for_a_delete_when_idle(seer):
    before = len(seer.kept("shoots"))
    seer.ok("PUT", "?cause=record")
    seer.ok("PUT", "?cause=record")
    seer.ok("DELETE", "?cause=record")
    assert len(seer.kept("shoots")) == before + 1
    for cause in ("track", "record", "mission", "live_stream"):
        seer.ok("DELETE", f"?cause={cause}")
    assert len(seer.kept("shoots")) == before + 1


@pytest.mark.parametrize("query", ["", "?cause=foo", "?cause=take_shots", "?pause=None", "?pause=true&cause=foo"])
def test_row_21_a_bad_delete(seer, query):
    seer.error("DELETE", query)


def test_row_22_each_activity_ends_alone(seer):
    seer.ok("POST", json=B | {"scenario": "scenario_1"})
    for cause in ("track", "record", "mission", "live_stream"):
        seer.ok("PUT", f"?cause={cause}")
    seer.ok("DELETE", "?cause=track")
    state = seer.state()
    assert (state["track"]["state"], state["record"]["state"], state["mission"]["state"]) == ("off", "on", "on")
    seer.ok("DELETE", "?cause=mission")
    state = seer.state()
    assert (state["record"]["state"], state["mission"]["state"], state["live_stream"]["state"]) == ("on", "off", "on")
    seer.ok("DELETE", "?cause=record")
    assert seer.state()["live_stream"]["state"] == "on"
    seer.ok("DELETE", "?cause=live_stream")
    assert seer.state()["state"] == "idle"
    assert seer.kept("shoots")[-1]["state"] == "ready"


def test_row_23_a_real_pause(seer):
    seer.ok("PUT", "?cause=track")
    seer.ok("PUT", "?cause=record")
    before = seer.until(lambda state: state["record"]["seconds"] > 1)
    seer.ok("DELETE", "?pause=true")
    held = seer.state()
    file = newest(seer.data_dir, "*.mp4")
    size = file.stat().st_size
    assert held["state"] == "paused"
    picture = seer.picture("?marks=0")
    until_s = time.monotonic() + 3
    still = [seer.state() for _ in iter(lambda: time.monotonic() < until_s, False)]
    assert {state["head"]["pan"] for state in still[5:]} == {still[-1]["head"]["pan"]}
    settled = still[len(still) // 2 :]
    assert {state["record"]["seconds"] for state in settled} == {settled[0]["record"]["seconds"]}, "no frame is written"
    assert settled[0]["record"]["seconds"] < held["record"]["seconds"] + 1, "but for those that were in the queue"
    assert file.stat().st_size <= size + 400_000, "at most what was in the encoder"
    assert (seer.picture("?marks=0") != picture).any(), "the preview lives"
    seer.ok("PATCH")
    after = seer.until(lambda state: state["track"]["state"] == "locked")
    assert after["track"]["target"]["track"] == before["track"]["target"]["track"]
    assert after["record"]["id"] == before["record"]["id"]
    resumed = time.monotonic()
    seer.until(lambda _: time.monotonic() - resumed > 1)
    length_s = seer.state()["record"]["seconds"]
    seer.ok("DELETE", "?cause=record")
    assert length_s < held["record"]["seconds"] + 2.5, "the pause is not in its length"
    cuts = [line["cut_s"] for line in seer.marks_of(after["record"]["id"]) if "cut_s" in line]
    assert len(cuts) == 1
    assert cuts[0] > 2.5


def newest(data_dir, pattern):
    return max((data_dir / "records").rglob(pattern), key=lambda path: path.stat().st_mtime)


def test_row_24_one_activity_pauses_resumes_and_stops_alone(seer):
    seer.ok("PUT", "?cause=track")
    seer.ok("PUT", "?cause=record")
    seer.ok("DELETE", "?pause=true&cause=record")
    state = seer.state()
    assert (state["state"], state["record"]["state"]) == ("active", "paused")
    seer.ok("PATCH")
    assert seer.state()["record"]["state"] == "on"
    for word in ("None", "false"):
        seer.ok("PUT", "?cause=record")
        seer.ok("DELETE", f"?pause={word}&cause=record")
        assert seer.state()["record"]["state"] == "off"


def test_row_25_nothing_to_pause_or_resume(seer):
    seer.ok("DELETE", "?pause=1")
    seer.ok("PUT", "?cause=track")
    assert seer.state()["state"] == "active"
    seer.ok("DELETE", "?pause=1")
    seer.ok("PUT", "?cause=track")
    assert seer.state()["state"] == "active"
    seer.ok("DELETE", "?cause=track")
    seer.ok("PATCH")
    seer.ok("PATCH")
    assert seer.state()["state"] == "idle"


def test_row_26_verbs(seer):
    seer.ok("PUT", "?cause=track")
    seer.ok("DEL", "?cause=track")
    assert seer.state()["state"] == "idle"
    refused = seer.client.request("TRACE", "/api/job")
    assert refused.status_code == 405
    assert "DELETE" in refused.headers["allow"]
    assert seer.client.head("/api/job?cause=mark").status_code == 200
    assert seer.client.options("/api/job").status_code == 200


def test_persons_are_stored_and_nobody_of_them_can_be_followed(seer):
    """camera row 33: PUT track with nobody of the choice enrolled is an ERROR."""
    seer.ok("POST", json=B | {"recognized_persons": ["all"]})
    assert "enrolled" in seer.error("PUT", "?cause=track")
    assert seer.state()["state"] == "idle"


def test_row_37_a_held_head_gets_no_command(seer):
    seer.ok("POST", json=B | {"non_moving_target": True})
    seer.ok("PUT", "?cause=track")
    seer.ok("PUT", "?cause=record")
    head = seer.state()["head"]
    state = seer.until(lambda state: state["track"]["target"] is not None and state["record"]["seconds"] > 3)
    assert (state["track"]["state"], state["head"]) == ("still", head)
    seer.ok("DELETE", "?cause=record")
    lines = seer.marks_of(state["record"]["id"])[1:]
    assert any(one["target"] for line in lines for one in line["objects"])
    assert len({line["pan"] for line in lines}) == 1
    seer.ok("DELETE", "?cause=track")
    seer.ok("POST", json=B)
    seer.ok("PUT", "?cause=track")
    seer.until(lambda state: state["head"]["moving"])


def test_row_39_a_killed_process_loses_at_most_a_second(seer):
    seer.ok("PUT", "?cause=record")
    state = seer.until(lambda state: state["record"]["seconds"] >= 6.8)
    os.kill(holder(newest(seer.data_dir, "*.mp4")), signal.SIGKILL)
    seer.until_idle_again()
    shoot = next(one for one in seer.kept("shoots") if one["id"] == state["record"]["id"])
    assert shoot["state"] == "recovered"
    assert shoot["length"] >= 6.0
    video_s, audio_s = lengths(seer.client.get(f"/api/record?id={shoot['id']}").content)
    assert video_s == pytest.approx(shoot["length"], abs=0.1)
    assert audio_s >= 6.0
    assert seer.marks_of(shoot["id"])[-1]["t"] < shoot["length"]
    idle = seer.state()
    assert (idle["state"], idle["head"]["moving"], idle["fps"]) == ("idle", False, 0)


def holder(path):
    """Return the process that has a file open."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(link.resolve() == path for link in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue
    raise AssertionError(path)


def test_row_41_a_full_disk(seer):
    for cause in ("record", "take_shots"):
        assert seer.error("PUT", f"?cause={cause}&camera=full") == "disk full"
    seer.ok("PUT", "?cause=track&camera=full")
    seer.ok("DELETE", "?cause=track&camera=full")


def test_row_41_a_disk_that_fills_while_recording(seer, tmp_path):
    """camera R9: the file is valid, tracking goes on, and nothing restarts by itself."""
    gib = 1 << 30
    tight = {"name": "Tight disk", "source": {"kind": "scene", "figures": 1}, "min_free_bytes": shutil.disk_usage(tmp_path).free - 3 * gib}
    asyncio.run(_define(seer.data_dir, {"tight": tight}))
    seer.ok("PUT", "?cause=track&camera=tight")
    seer.ok("PUT", "?cause=record&camera=tight")
    recording = seer.until(lambda state: state["record"]["seconds"] > 1, "tight")["record"]["id"]
    with (tmp_path / "filler").open("wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, 6 * gib)
        seer.until(lambda state: state["record"]["state"] == "failed", "tight")
        for cause in ("record", "take_shots"):
            assert seer.error("PUT", f"?cause={cause}&camera=tight") == "disk full"
    (tmp_path / "filler").unlink()
    state = seer.until(lambda state: state["track"]["state"] == "locked", "tight")
    assert "record: disk full" in state["warnings"]
    assert state["record"]["state"] == "failed"
    shoot = next(one for one in seer.kept("shoots") if one["id"] == recording)
    assert (shoot["state"], lengths(seer.client.get(f"/api/record?id={recording}").content)[0]) == (
        "ready",
        pytest.approx(shoot["length"], abs=0.05),
    )
    seer.ok("DELETE", "?cause=track&camera=tight")


def test_a_recording_is_named_protected_and_deleted(seer):
    """camera 6: PUT, PATCH and DELETE /api/record, and the same while it is being written."""
    seer.ok("PUT", "?cause=record&camera=empty")
    recording = seer.until(lambda state: state["record"]["seconds"] > 1, "empty")["record"]["id"]
    where = f"/api/record?camera=empty&id={recording}"
    assert "still being written" in seer.client.delete(where).json()["message"]
    assert seer.client.put(where, data={"name": "Der Kater, 2"}).json() == OK
    seer.ok("DELETE", "?cause=record&camera=empty")
    assert seer.client.patch(f"{where}&protected=true").json() == OK
    (shoot,) = (one for one in seer.kept("shoots") if one["id"] == recording)
    assert set(shoot) == {"id", "name", "time", "length", "extension", "state", "audio", "alarm"}
    assert (shoot["name"], shoot["extension"]) == ("Der Kater, 2", "mp4")
    assert seer.client.put(where, data={"name": "../x"}).json()["status"] == "ERROR"
    assert seer.client.get(f"{where}&date=x").headers["content-disposition"] == 'attachment; filename="Der Kater, 2.mp4"'
    assert seer.client.delete(where).json() == OK
    assert seer.client.get(where).status_code == 404
    for method in ("DELETE", "PATCH", "PUT"):
        answer = seer.client.request(method, f"{where}&protected=false", data={"name": "x"})
        assert (answer.status_code, answer.json()["message"]) == (200, "id must be that of a recording or shot.")


def test_row_46_bytes_of_a_recording(seer):
    seer.ok("PUT", "?cause=record")
    state = seer.until(lambda state: state["record"]["seconds"] > 2)
    where = f"/api/record?id={state['record']['id']}"
    growing = seer.client.get(where)
    assert seer.client.head(where).status_code == 200
    with av.open(BytesIO(growing.content)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 15
    seer.ok("DELETE", "?cause=record")
    whole = seer.client.get(where)
    head = seer.client.head(where)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(whole.content)), b"")
    for header, status, part in (
        ("bytes=0-99", 206, whole.content[:100]),
        ("bytes=1000-", 206, whole.content[1000:]),
        ("bytes=-10", 206, whole.content[-10:]),
        ("bytes=99999999-", 416, b""),
        ("bytes=9-5", 200, whole.content),
        ("bytes=0-1,3-4,6-7", 200, whole.content),
    ):
        answer = seer.client.get(where, headers={"range": header})
        assert (answer.status_code, answer.content) == (status, part)
    parts = {"range": "bytes=0-99"}
    for tag, status in ((whole.headers["etag"], 206), ('"other"', 200), (growing.headers["etag"], 200)):
        assert seer.client.get(where, headers=parts | {"if-range": tag}).status_code == status
    assert seer.client.get(where, headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    named = seer.client.get(f"{where}&date=today")
    assert named.headers["content-disposition"].startswith("attachment; filename=")
    assert seer.client.get("/api/record?id=nope").status_code == 404


def test_row_47_live_pictures_for_ten_and_one_that_stalls(seer):
    """As far as it is built: MJPEG, frame.jpg."""
    seer.ok("PUT", "?cause=track")
    url = httpx.URL(str(seer.client.base_url))
    with socket.create_connection((url.host, url.port)) as stalled:
        stalled.sendall(f"GET /api/stream?type=preview HTTP/1.1\r\nHost: {url.host}\r\n\r\n".encode())
        with ThreadPoolExecutor(10) as pool:
            counts = list(pool.map(lambda _: pictures(seer, 2.0), range(10)))
        assert min(counts) > 10
        assert timed(lambda: seer.picture("?width=640")) < 1
    assert seer.client.delete("/api/stream?type=preview").json() == OK


def pictures(seer, seconds):
    """Count the whole JPEGs that a viewer gets."""
    data, begun = b"", time.monotonic()
    with (
        httpx.Client(base_url=seer.client.base_url, timeout=BOUND_S) as client,
        client.stream("GET", "/api/stream?type=preview&width=320") as view,
    ):
        assert view.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
        for chunk in view.iter_raw():
            data += chunk
            if time.monotonic() - begun > seconds:
                break
    return data.count(b"\r\n--frame\r\n")


def test_ending_the_views_of_an_address(seer):
    got = []
    viewer = threading.Thread(target=lambda: got.append(pictures(seer, 60)))
    viewer.start()
    seer.until(lambda state: state["fps"] > 0)
    while viewer.is_alive():
        seer.client.delete("/api/stream?type=preview")
        viewer.join(0.1)
    assert len(got) == 1


def test_row_50_random_bodies_and_queries_do_no_harm(seer):
    """1,000 of them: no 5xx, no motion, no file."""
    seed = random.Random(7)
    before = len(seer.kept("shoots")) + len(seer.kept("shots"))
    words = ["", "mark", "track", "None", "null", "\x00", "../x", "é", "1e999", "a" * 300, "%ff", "&", "="]
    for number in range(1000):
        method = seed.choice(["GET", "POST", "PATCH", "DELETE"])
        query = "&".join(
            f"{seed.choice(['mark', 'cause', 'pause', 'target', 'x'])}={seed.choice(words)}" for _ in range(seed.randint(0, 3))
        )
        body = seed.choice(
            [seed.randbytes(seed.randint(0, 40)), json.dumps(B | {"ai": seed.choice(words)}).encode()[: seed.randint(0, 200)]]
        )
        path = httpx.URL("/api/job").copy_with(query=query.encode("latin-1", "replace").replace(b"\x00", b"%00").replace(b"\xe9", b"%e9"))
        answer = seer.client.request(method, path, content=body)
        assert answer.status_code == 200, (number, method, query, body)
    state = seer.state()
    assert (state["state"], state["head"]["moving"]) == ("idle", False)
    assert len(seer.kept("shoots")) + len(seer.kept("shots")) == before


def test_parameters_and_mark_outlive_a_restart(tmp_path):
    with running(tmp_path / "data") as seer:
        seer.ok("POST", "?mark=animation_1", json=B | {"ai": "official_ai"})
    with running(tmp_path / "data") as seer:
        state = seer.state()
        assert (state["mark"], state["parameters"]["ai"], state["state"]) == ("animation_1", "official_ai", "idle")


def test_a_camera_that_is_to_resume_goes_on_after_its_process_was_killed(seer):
    """camera S1: `restart:resume` is an opt-in per camera; row 39 shows that the others stay."""
    seer.ok("PUT", "?cause=track&camera=steady")
    session = seer.state("steady")["session"]
    os.kill(seer.client.get(f"/api/v1/jobs/{session}").json()["pid"], signal.SIGKILL)
    again = seer.until(lambda state: state["track"]["state"] == "locked" and state["session"] not in {None, session}, camera="steady")
    assert again["state"] == "active"
    seer.ok("DELETE", "?cause=track&camera=steady")
    seer.until(lambda state: state["state"] == "idle", camera="steady")
