"""A VISCA camera on loopback; what every head does is proved by tests/contracts/test_heads.py."""

import threading

import pytest

from camera.viscadevice import ViscaDevice
from triptych.camera.heads import ViscaOptions
from triptych.camera.heads.remote import Step
from triptych.camera.heads.visca import ViscaDevice as Line
from triptych.camera.heads.visca import ViscaHead
from triptych.clock import SystemClock
from triptych.errors import Unavailable


@pytest.fixture
def camera():
    device = ViscaDevice("udp", pan_nibbles=4, at=(-30.0, 5.0))
    yield device
    device.close()


@pytest.fixture
def line(camera):
    found = Line(ViscaOptions(host="127.0.0.1", port=camera.port))
    found.connect()
    yield found
    found.close()


def step(**what):
    return Step(**({"at_deg": (0.0, 0.0), "goal_deg": (0.0, 0.0), "rate_deg_s": (0.0, 0.0), "speed_deg_s": 50.0} | what))


def until(condition):
    for _ in range(500):
        if condition():
            return True
        threading.Event().wait(0.02)
    return False


def test_a_drive_says_speeds_and_ways(line, camera):
    """Pan right at half speed, tilt down at full: 0x0c and 0x14 are the steps of 0x18 and 0x14."""
    assert line.send(step(rate_deg_s=(50.0, -70.0))) == (50.0, -70.0)
    assert camera.packets[-1] == bytes([0x81, 0x01, 0x06, 0x01, 0x0C, 0x14, 0x02, 0x02])
    line.halt()
    assert camera.packets[-1][-2:] == bytes([0x03, 0x03])


def test_a_speed_is_told_as_the_camera_has_it_and_never_faster_than_asked(line):
    pan, tilt = line.send(step(rate_deg_s=(19.0, 1.0)))
    assert pan == pytest.approx(4 * 100 / 24)
    assert tilt == 0.0


@pytest.mark.parametrize("nibbles", [4, 5])
def test_a_position_has_as_many_half_bytes_as_are_set(nibbles):
    camera = ViscaDevice("tcp", nibbles)
    options = ViscaOptions(host="127.0.0.1", port=camera.port, transport="tcp", moves="position", pan_nibbles=nibbles, home_deg=(10.0, 0.0))
    line = Line(options)
    line.connect()
    line.send(step(goal_deg=(-20.0, 5.0)))
    counts = (-144 & 0xFFFF, 72) if nibbles == 4 else (-144 & 0xFFFFF, 72)
    assert camera.packets[-1][6:] == bytes([int(digit, 16) for digit in f"{counts[0]:0{nibbles}x}{counts[1]:04x}"])
    assert camera.turret.moves[-1][2] == pytest.approx((-10.0, 5.0))
    line.close()
    camera.close()


def test_the_wrong_number_of_half_bytes_is_told(camera):
    line = Line(ViscaOptions(host="127.0.0.1", port=camera.port, pan_nibbles=5))
    with pytest.raises(Unavailable, match="4 half bytes: set pan_nibbles"):
        line.connect()
    line.close()


def test_the_head_looks_where_the_camera_says_at_once(camera):
    head = ViscaHead(ViscaOptions(host="127.0.0.1", port=camera.port, home_deg=(-30.0, 0.0)), SystemClock())
    assert until(lambda: head.pose().tilt_deg == pytest.approx(5.0, abs=0.1))
    assert head.pose().pan_deg == pytest.approx(0.0, abs=0.1)
    assert camera.turret.moves == []
    head.close()


def test_a_line_that_is_cut_is_dialled_again_and_first_told_to_stand():
    camera = ViscaDevice("tcp")
    head = ViscaHead(ViscaOptions(host="127.0.0.1", port=camera.port, transport="tcp"), SystemClock())
    assert until(lambda: head.fault is None)
    assert until(lambda: head.move(50.0, 0.0, 40.0) or camera.turret.moves)
    camera.hang_up()
    assert until(lambda: head.fault is not None)
    assert until(lambda: head.fault is None)
    assert until(lambda: camera.turret.commands[-1] == ("halt",))
    stood = camera.turret.place()
    assert abs(head.pose().pan_deg - stood[0]) < 3
    head.close()
    camera.close()


def test_a_camera_that_refuses_is_told_of(camera):
    head = ViscaHead(ViscaOptions(host="127.0.0.1", port=camera.port), SystemClock())
    assert until(lambda: head.fault is None)
    camera.refuses = 0x41
    assert until(lambda: head.move(50.0, 0.0, 40.0) or head.fault is not None)
    assert head.fault.message == "The VISCA camera refused a command: not possible now."
    head.close()


@pytest.mark.parametrize("host", ["", "a b", "user@camera", "http://camera"])
def test_a_host_that_is_none_is_refused(host):
    with pytest.raises(ValueError, match="host"):
        ViscaOptions(host=host)
