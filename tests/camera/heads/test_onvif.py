"""An ONVIF camera on loopback; what every head does is proved by tests/contracts/test_heads.py."""

import threading
from xml.etree import ElementTree as ET

import pytest

from camera.onvifdevice import SPACES, OnvifDevice
from triptych.camera.heads import OnvifOptions
from triptych.camera.heads.onvif import OnvifDevice as Line
from triptych.camera.heads.onvif import OnvifHead, Space
from triptych.camera.heads.remote import Step
from triptych.clock import SystemClock
from triptych.errors import Unavailable


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "password"
    path.write_text("s3cret & <odd>\n")
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def connected(secret):
    ends = []

    def connect(*kinds, tells=True, at=(0.0, 0.0), **options):
        device = OnvifDevice(kinds, tells=tells, at=at)
        ends.append(device.close)
        line = Line(OnvifOptions(url=device.url, user="admin", password_file=secret, **options))
        ends.insert(0, line.close)
        line.connect()
        return device, line

    yield connect
    for end in ends:
        end()


def step(**what):
    return Step(**({"at_deg": (0.0, 0.0), "goal_deg": (0.0, 0.0), "rate_deg_s": (0.0, 0.0), "speed_deg_s": 50.0} | what))


def until(condition):
    for _ in range(500):
        if condition():
            return True
        threading.Event().wait(0.02)
    return False


@pytest.mark.parametrize(
    ("kinds", "call", "by_speed"),
    [
        (("continuous", "absolute", "relative"), "ContinuousMove", True),
        (("absolute", "relative"), "AbsoluteMove", False),
        (("relative",), "RelativeMove", False),
    ],
)
def test_whichever_move_the_device_offers_is_used(connected, kinds, call, by_speed):
    """camera 1: continuous, absolute or relative."""
    device, line = connected(*kinds)
    line.send(step(goal_deg=(3.0, 1.0), rate_deg_s=(3.0, 1.0)))
    assert line.by_speed is by_speed
    assert device.calls[-1][0] == call


def test_the_kind_of_moves_can_be_asked_for(connected):
    device, line = connected("continuous", "absolute", moves="absolute")
    line.send(step(goal_deg=(3.0, 1.0)))
    assert device.calls[-1][0] == "AbsoluteMove"
    with pytest.raises(Unavailable, match="offers no relative moves"):
        connected("continuous", moves="relative")


def test_services_are_reached_at_the_address_that_we_know(connected):
    """A device behind a router tells addresses that lead nowhere: only their paths are taken."""
    device, line = connected("continuous")
    line.halt()
    assert [path for verb, path in device.calls if verb in {"GetProfiles", "Stop"}] == ["/onvif/media", "/onvif/ptz"]


def test_a_continuous_move_ends_by_itself_after_half_a_second(connected):
    """camera L9: ONVIF moves carry a 0.5 s timeout; the device enforces what it was told."""
    device, line = connected("continuous")
    assert line.send(step(rate_deg_s=(20.0, -40.0))) == (20.0, -30.0)
    threading.Event().wait(0.6)
    stood = device.turret.place()
    assert stood == pytest.approx((10.0, -15.0), abs=0.5)
    threading.Event().wait(0.1)
    assert device.turret.place() == stood


def test_positions_are_degrees_from_the_home_that_is_set(connected):
    device, line = connected("absolute", at=(30.0, 10.0), home_deg=(20.0, 0.0))
    assert line.where() == pytest.approx((10.0, 10.0), abs=0.01)
    line.send(step(goal_deg=(-5.0, 2.0)))
    assert device.turret.moves[-1][2] == pytest.approx((15.0, 2.0), abs=0.01)


def test_a_device_that_tells_no_position_is_asked_once(connected):
    device, line = connected("continuous", tells=False)
    assert [line.where() for _ in range(3)] == [None] * 3
    assert [verb for verb, _ in device.calls].count("GetStatus") == 1


def test_the_flag_that_tells_whether_it_moves_is_not_believed(connected):
    """camera 1: the stub's MoveStatus is always IDLE, and its position is still taken."""
    _, line = connected("continuous")
    line.send(step(rate_deg_s=(40.0, 0.0)))
    threading.Event().wait(0.1)
    assert line.where()[0] > 1


@pytest.mark.parametrize("profile", ["fixed", "absent"])
def test_a_profile_that_cannot_turn_is_told(connected, profile):
    with pytest.raises(Unavailable, match="no such profile that can turn"):
        connected("continuous", profile=profile)


def test_a_camera_without_moves_says_so_in_the_fault_and_moves_never(secret):
    device = OnvifDevice(())
    head = OnvifHead(OnvifOptions(url=device.url, user="admin", password_file=secret), SystemClock())
    assert until(lambda: head.fault is not None and head.fault.code == "head_refused")
    assert head.fault.message == "The ONVIF device offers no pan and tilt moves."
    head.close()
    device.close()


def test_a_camera_that_falls_silent_is_told_of_and_taken_up_again(secret):
    """camera 11: head not answering."""
    device = OnvifDevice(("continuous",))
    head = OnvifHead(OnvifOptions(url=device.url, user="admin", password_file=secret), SystemClock())
    assert until(lambda: head.fault is None)
    device.silent.set()
    assert until(lambda: head.fault is not None)
    assert head.fault.message == "The ONVIF device does not answer."
    device.silent.clear()
    assert until(lambda: head.fault is None)
    head.close()
    device.close()


@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_a_password_that_others_can_read_is_refused(secret, tmp_path, mode):
    """camera S6."""
    (tmp_path / "password").chmod(mode)
    with pytest.raises(Unavailable, match="chmod 600"):
        Line(OnvifOptions(url="http://127.0.0.1/", password_file=secret))


def test_a_password_file_that_is_not_there_is_told():
    with pytest.raises(Unavailable, match="password_file cannot be read"):
        Line(OnvifOptions(url="http://127.0.0.1/", password_file="/nowhere/password"))


@pytest.mark.parametrize("number", ["fast", "nan", "1e999"])
def test_a_number_that_is_none_is_no_position(connected, number):
    device, line = connected("continuous")
    status = f'<PTZStatus xmlns="http://www.onvif.org/ver10/schema"><Position><PanTilt x="{number}" y="0"/></Position></PTZStatus>'
    device.answers["GetStatus"] = (
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><r>{status}</r></s:Body></s:Envelope>'
    ).encode()
    assert line.where() is None


def test_a_space_in_degrees_is_taken_as_it_is_and_one_without_a_unit_by_its_span():
    ranges = "<XRange><Min>-170</Min><Max>170</Max></XRange><YRange><Min>-30</Min><Max>90</Max></YRange>"
    schema = "http://www.onvif.org/ver10/schema"
    degrees = ET.fromstring(f'<Space xmlns="{schema}"><URI>{SPACES}SphericalPositionSpaceDegrees</URI>{ranges}</Space>')
    assert Space.read(degrees, (360.0, 180.0)).vector((200.0, 12.5)).startswith('x="170.00000" y="12.50000"')
    generic = ET.fromstring(f'<Space xmlns="{schema}"><URI>{SPACES}PositionGenericSpace</URI></Space>')
    assert Space.read(generic, (360.0, 180.0)).vector((90.0, -45.0)).startswith('x="0.50000" y="-0.50000"')


@pytest.mark.parametrize("url", ["camera", "ftp://camera/", "http://", "http://admin:secret@camera/onvif"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="url must be"):
        OnvifOptions(url=url)
