"""camera 6: H.264 and AAC that hold nothing back, with a key frame each second."""

from datetime import timedelta
from io import BytesIO

import av
import numpy as np
import pytest

from camera.onair import OnAir, heard, picture, played, whole
from triptych.camera.casting import Caster, coded_size
from triptych.camera.fragments import Ring


def test_a_stream_has_a_key_frame_each_second_and_its_own_times():
    on_air = OnAir()
    first = on_air.run(0.3).ring.read(0)
    on_air.run(2.7).caster.close()
    frames = played(first.data + on_air.ring.read(first.cursor).data)
    assert [time for time, _ in frames] == pytest.approx([number / 30 for number in range(90)], abs=0.001)
    assert [time for time, key in frames if key] == pytest.approx([0.0, 1.0, 2.0], abs=0.001)


def test_sound_is_aac_at_48_khz_as_long_as_the_picture():
    on_air = OnAir().run(1)
    on_air.caster.close()
    data = whole(on_air.ring)
    with av.open(BytesIO(data)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.rate) == ("aac", 48000)
    assert len(heard(data)) / 48000 == pytest.approx(1.0, abs=0.08)


def test_a_picture_that_is_not_later_is_left_out():
    ring = Ring()
    caster = Caster(ring, (160, 90), 30)
    assert caster.show(picture(0), timedelta(0))
    assert not caster.show(picture(1), timedelta(0))
    assert caster.show(picture(2), timedelta(seconds=0.5))
    caster.close()
    assert [time for time, _ in played(whole(ring))] == [0.0, 0.5]


@pytest.mark.parametrize(("size", "coded"), [((1280, 720), (1280, 720)), ((161, 91), (160, 90)), ((2560, 1440), (1920, 1080))])
def test_up_to_1080_lines_are_sent_in_whole_chroma_samples(size, coded):
    assert coded_size(size) == coded


def test_another_size_is_fitted():
    ring = Ring()
    caster = Caster(ring, (160, 90), 30)
    caster.show(np.zeros((180, 320, 3), np.uint8), timedelta(0))
    caster.close()
    with av.open(BytesIO(whole(ring))) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (160, 90)


def test_a_stream_without_a_picture_ends():
    ring = Ring()
    Caster(ring, (160, 90), 30).close()
    assert ring.read(0).ended
