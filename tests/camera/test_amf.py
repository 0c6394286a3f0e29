"""Values of RTMP commands; tests/camera/outlets proves them against FFmpeg."""

import struct

import pytest

from triptych.camera.amf import decode, encode


def test_values_come_back():
    values = ["connect", 1.0, {"app": "live", "inner": {"yes": True}}, None, False, "ä"]
    assert decode(encode(*values)) == values


def test_what_servers_send_beside_is_read():
    """Long strings, undefined, maps and lists of Action Message Format 0."""
    long = bytes([12]) + struct.pack(">I", 3) + b"abc"
    undefined = bytes([6])
    pairs = b"\x00\x01a" + encode(1) + b"\x00\x00\x09"
    listed = bytes([10]) + struct.pack(">I", 2) + encode(1, 2)
    assert decode(long + undefined + bytes([8]) + bytes(4) + pairs + listed) == ["abc", None, {"a": 1.0}, {"0": 1.0, "1": 2.0}]


@pytest.mark.parametrize("broken", [bytes([0, 1]), bytes([2, 0, 9]), bytes([3, 0, 1, 97]), bytes([99]), bytes([10, 0, 0, 0, 9])])
def test_what_is_cut_or_unknown_is_refused(broken):
    with pytest.raises(ValueError, match=r"cut off|no such marker"):
        decode(broken)
