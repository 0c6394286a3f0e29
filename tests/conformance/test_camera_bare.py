"""Row 48 of the acceptance checklist (camera.md 13): the default install does it all, with no extra, display, camera or network."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

BOUND_S = 30
OK = {"status": "OK"}
B = {
    "job_type": "track",
    "scenario": "scenario_1",
    "predicted_mission": False,
    "recognized_persons": None,
    "non_moving_target": None,
    "ai": None,
}
WITHOUT = """
import socket
from importlib.machinery import PathFinder

NAMES = {"ai_edge_litert", "dlib", "face_recognition_models", "gpiozero", "smbus2", "nats", "psycopg", "onnxruntime", "ctranslate2"}


def find_but_extras(name, path=None, target=None, find=PathFinder.find_spec):
    return None if name.partition(".")[0] in NAMES else find(name, path, target)


def only_here(self, address, connect=socket.socket.connect):
    if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"127.0.0.1", "::1"}:
        raise OSError("no network")
    return connect(self, address)


PathFinder.find_spec = staticmethod(find_but_extras)
socket.socket.connect = only_here
"""


class Bare:
    """A running system of the default install."""

    def __init__(self, url):
        self.client = httpx.Client(base_url=url, timeout=BOUND_S)

    def call(self, method, query, **how):
        return self.client.request(method, f"/api/job{query}", **how).json()

    def state(self):
        return self.call("GET", "?cause=state")["data"]

    def until(self, condition):
        deadline = time.monotonic() + BOUND_S
        while not condition(state := self.state()):
            assert time.monotonic() < deadline, state
            time.sleep(0.05)
        return state


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bare")
    (folder / "sitecustomize.py").write_text(WITHOUT)
    kept = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    variables = kept | {"PYTHONPATH": os.pathsep.join((str(folder), str(Path(__file__).parents[2] / "src")))}
    command = [sys.executable, "-m", "triptych.cli", "up", "--port", "0", "--data", str(folder / "data"), "--json"]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE) as server:
        try:
            bare = Bare(json.loads(server.stdout.readline())["url"])
            yield bare
            bare.client.close()
        finally:
            server.terminate()
            server.wait(BOUND_S)


def test_row_48_every_activity_at_once_without_any_extra(bare):
    assert bare.call("POST", "?mark=animation_1", json=B) == OK
    for cause in ("track", "record", "mission", "live_stream", "take_shots"):
        assert bare.call("PUT", f"?cause={cause}") == OK
    state = bare.until(lambda state: state["track"]["state"] == "locked" and state["record"]["seconds"] > 1)
    assert "litert" not in state["detector"]["name"].lower()
    assert [state[cause]["state"] for cause in ("record", "mission", "live_stream")] == ["on"] * 3
    assert bare.call("DELETE", "?pause=true") == OK
    assert bare.state()["state"] == "paused"
    assert bare.call("PATCH", "") == OK
    for cause in ("track", "record", "mission", "live_stream"):
        assert bare.call("DELETE", f"?cause={cause}") == OK
    assert bare.until(lambda state: state["state"] == "idle")
    assert bare.client.get("/api/stream/frame.jpg").content[:2] == b"\xff\xd8"


def test_row_48_persons_are_stored_and_name_the_extra_that_they_need(bare):
    """camera row 33, 9: `faces` missing: POST OK and a warning, PUT an ERROR that names it."""
    assert bare.call("POST", "", json=B | {"recognized_persons": ["all"]}) == OK
    assert any("recognized_persons" in warning for warning in bare.state()["warnings"])
    refused = bare.call("PUT", "?cause=track")
    assert (refused["status"], "faces" in refused["message"]) == ("ERROR", True)
    assert bare.call("POST", "", json=B) == OK
