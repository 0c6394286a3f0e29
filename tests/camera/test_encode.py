"""camera R1, R2: two presets in one stream, and key frames; tests/camera/test_record.py plays whole files."""

from datetime import timedelta

import av
import numpy as np

from triptych.camera.encode import Encoder

SIZE = (160, 90)
GLOBAL_HEADER = 1 << 22
"""As every stream of an mp4 has it."""


def encoder():
    usual = av.CodecContext.create("libx264", "w")
    usual.flags |= GLOBAL_HEADER
    return Encoder(usual, SIZE, 30.0)


def test_both_presets_have_the_same_headers():
    made = encoder()
    assert made._hurried is not made._usual
    assert made._hurried.extradata == made._usual.extradata


def test_a_change_of_preset_begins_with_a_key_frame():
    """camera R1."""
    made, image = encoder(), np.zeros((90, 160, 3), np.uint8)
    keys = []
    for number in range(12):
        (packet,) = made.encode(image, timedelta(seconds=number / 30), hurried=4 <= number < 8)
        keys.append(packet.is_keyframe)
        assert made.hurried is (4 <= number < 8)
    assert [number for number, key in enumerate(keys) if key] == [0, 4, 8]


def test_a_key_frame_comes_within_a_second_also_where_frames_are_rare():
    """camera R2."""
    made, image = encoder(), np.zeros((90, 160, 3), np.uint8)
    packets = [made.encode(image, timedelta(seconds=at), hurried=False)[0] for at in (0, 0.4, 0.9, 1.3, 1.9, 4.0)]
    assert [packet.is_keyframe for packet in packets] == [True, False, False, True, False, True]
