"""The line to a VISCA camera on loopback."""

import socket

import pytest

from camera.viscadevice import ViscaDevice
from triptych.camera.viscaline import ViscaLine
from triptych.errors import Unavailable

STOP = (0x06, 0x01, 0x18, 0x14, 0x03, 0x03)
WHERE = (0x06, 0x12)


@pytest.fixture(params=["udp", "tcp"])
def camera(request):
    device = ViscaDevice(request.param)
    device.transport = request.param
    yield device
    device.close()


@pytest.fixture
def line(camera):
    found = ViscaLine(camera.transport, "127.0.0.1", camera.port, 1)
    found.connect()
    yield found
    found.close()


def test_commands_are_acknowledged_and_questions_answered(line, camera):
    line.command(*STOP)
    assert camera.packets == [bytes([0x81, 0x01, *STOP])]
    assert line.inquire(*WHERE) == bytes(8)


def test_datagrams_carry_a_header_with_rising_numbers_after_a_reset():
    """VISCA over IP: type, length, sequence number."""
    camera = ViscaDevice("udp")
    line = ViscaLine("udp", "127.0.0.1", camera.port, 1)
    line.connect()
    line.command(*STOP)
    line.inquire(*WHERE)
    assert camera.headers == [(0x0200, 0), (0x0100, 0), (0x0110, 1)]
    line.close()
    camera.close()


def test_a_datagram_that_is_lost_is_said_again():
    """camera L9: a stop must not be lost."""
    camera = ViscaDevice("udp")
    line = ViscaLine("udp", "127.0.0.1", camera.port, 1)
    line.connect()
    line.inquire(*WHERE)
    camera.drop = 2
    line.command(*STOP)
    assert camera.turret.commands == [("halt",)]
    line.close()
    camera.close()


def test_a_camera_that_says_nothing_is_given_up_after_three_tries(line, camera):
    camera.mute = True
    with pytest.raises(Unavailable, match="does not answer") as raised:
        line.command(*STOP)
    assert raised.value.code == "head_silent"
    assert len(camera.packets) == 3


@pytest.mark.parametrize(("code", "word"), [(0x41, "not possible now"), (0x02, "unknown command")])
def test_a_refusal_is_told_in_words(line, camera, code, word):
    camera.refuses = code
    with pytest.raises(Unavailable, match=word) as raised:
        line.command(*STOP)
    assert raised.value.code == "head_refused"


def test_a_camera_whose_buffer_is_full_is_asked_again(line, camera):
    camera.refuses = 0x03
    with pytest.raises(Unavailable, match="does not answer"):
        line.command(*STOP)
    assert len(camera.packets) == 3


def test_a_line_that_was_cut_can_be_opened_anew(line, camera):
    line.command(*STOP)
    camera.hang_up()
    line.close()
    with pytest.raises(Unavailable):
        line.command(*STOP)
    line.connect()
    line.command(*STOP)


def test_nobody_at_the_other_end_is_told():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = ViscaLine("tcp", "127.0.0.1", port, 1)
    with pytest.raises(Unavailable, match="does not answer"):
        line.connect()


def test_rubbish_on_the_line_is_passed_over():
    here, there = socket.socketpair()
    line = ViscaLine("tcp", "127.0.0.1", None, 1)
    line._socket = here
    there.sendall(b"\x00" * 3000 + b"\xff\xff\x90\xff")
    there.sendall(b"\x90\x41\xff")
    there.shutdown(socket.SHUT_WR)
    line._listen(here, line._heard)
    assert [line._heard.get_nowait() for _ in range(2)] == [(0, b"\x90\x41"), None]
    here.close()
    there.close()
