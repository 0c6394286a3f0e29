"""camera 1, 9, 11: a camera whose head is a device on the network, or is missing, over HTTP against a running system."""

import time

import pytest

from camera.viscadevice import ViscaDevice
from conformance.test_camera import running

BOUND_S = 30
LIMITS = {"pan_deg": [-20, 20], "tilt_deg": [-5, 5]}
SIM = {"kind": "sim", "figures": 1}


@pytest.fixture(scope="module")
def seer(tmp_path_factory):
    with running(tmp_path_factory.mktemp("heads") / "data") as seer:
        yield seer


def define(seer, **definition):
    answer = seer.client.post("/api/cameras", json={"source": SIM, **definition}).json()
    assert answer["status"] == "OK", answer
    return answer["data"]["id"]


def until(condition):
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def device():
    found = ViscaDevice("udp")
    yield found
    found.close()


def test_a_visca_camera_is_turned_and_stopped_and_fails_when_it_no_longer_answers(seer, device):
    """camera row 42, 11: head not answering."""
    head = {"kind": "visca", "host": "127.0.0.1", "port": device.port, **LIMITS}
    camera = define(seer, name="Pole", head=head)
    (listed,) = [one for one in seer.client.get("/api/cameras").json()["data"] if one["id"] == camera]
    assert (listed["head"]["kind"], listed["limits"]) == ("visca", {"pan": [-20, 20], "tilt": [-5, 5]})
    seer.ok("PUT", f"?cause=record&camera={camera}")
    assert device.turret.moves == [], "recording turns nothing"
    seer.ok("PUT", f"?cause=track&camera={camera}")
    until(lambda: device.turret.moves and max(map(abs, device.turret.place())) > 2)
    seer.ok("DELETE", f"?cause=track&camera={camera}")
    until(lambda: device.turret.commands[-1] == ("halt",))
    stood = device.turret.place()
    seer.until(lambda state: abs(state["head"]["pan"] - stood[0]) < 1, camera)
    assert device.turret.place() == stood
    seer.ok("PUT", f"?cause=track&camera={camera}")
    device.mute = True
    failed = seer.until(lambda state: state["track"]["state"] == "failed", camera)
    assert failed["record"]["state"] == "on", "record goes on"
    assert "head: The VISCA camera does not answer." in failed["warnings"]
    assert device.turret.commands[-1] == ("halt",), "it is told to stand though it does not answer"
    assert abs(device.turret.place()[0]) < 22
    device.mute = False
    seer.until(lambda state: not [hint for hint in state["warnings"] if hint.startswith("head")], camera)
    seer.ok("DELETE", f"?cause=record&camera={camera}")


def test_a_camera_without_its_head_does_everything_but_track(seer):
    """camera 9: PUT track ERROR, but shots, record and previews work; that camera is listed failed with the reason."""
    camera = define(seer, name="Attic", head={"kind": "pca9685", "bus": 63})
    message = seer.error("PUT", f"?cause=track&camera={camera}")
    assert message == "I2C bus 63 cannot be opened: No such file or directory."
    state = seer.state(camera)
    assert (state["track"]["state"], state["head"]["kind"]) == ("failed", "pca9685")
    assert f"head: {message}" in state["warnings"]
    listed = {one["id"]: one for one in seer.client.get("/api/cameras").json()["data"]}
    assert listed[camera]["state"] == "failed"
    assert message in listed[camera]["fault"]
    assert (listed["default"]["state"], listed["default"]["fault"]) == ("idle", None)
    seer.ok("PUT", f"?cause=take_shots&camera={camera}")
    seer.ok("PUT", f"?cause=record&camera={camera}")
    assert seer.picture(f"?camera={camera}").size
    seer.ok("DELETE", f"?cause=record&camera={camera}")


@pytest.mark.parametrize(
    ("part", "word"),
    [
        ({"head": {"kind": "visca"}}, "host"),
        ({"head": {"kind": "onvif", "url": "ftp://camera/"}}, "url"),
        ({"head": {"kind": "onvif", "url": "http://user:secret@camera/onvif"}}, "url"),
        ({"head": {"kind": "gpio", "pins": [17, 17]}}, "pins"),
        ({"head": {"kind": "gpio", "pan_deg": [10, 60]}}, "pan_deg"),
        ({"head": {"kind": "pca9685", "channels": [0, 16]}}, "channels"),
        ({"head": {"kind": "stepper"}}, "kind"),
        ({"arm": {"kind": "gpio", "pins": [1, 2]}}, "pins"),
        ({"arm": {"kind": "pca9685", "joints_deg": [[0, 270], [0, 180], [0, 180]]}}, "joints_deg"),
    ],
)
def test_a_head_or_arm_that_cannot_be_is_refused_in_one_sentence(seer, part, word):
    """camera W3: the sentence names the field."""
    answer = seer.client.post("/api/cameras", json={"source": SIM, **part})
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "ERROR"
    assert word in body["message"]
    assert "secret" not in body["message"]
    assert len(body["message"]) <= 200
