"""camera 6: each target's own container, made of the one encode."""

import threading
from io import BytesIO

import av
import pytest

from camera.onair import OnAir, played
from triptych.camera.tap import Tap, remux


def copied(tap, kind="mp4"):
    target = BytesIO()
    with av.open(target, "w", format=kind) as container:
        remux(tap, container)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["mp4", "flv", "mpegts"])
def test_who_joins_later_begins_at_zero_with_a_key_frame(kind):
    on_air = OnAir().run(2.5)
    on_air.caster.close()
    data = copied(Tap(on_air.ring), kind)
    with av.open(BytesIO(data)) as container:
        assert {stream.codec_context.name for stream in container.streams} == {"h264", "aac"}
    frames = played(data)
    assert frames[0] == (pytest.approx(0.0, abs=0.03), True)
    assert len(frames) == 15


def test_a_tap_that_is_closed_ends_where_it_is():
    on_air = OnAir().run(1)
    tap, rest = Tap(on_air.ring), []
    assert tap.read(1 << 20)
    reader = threading.Thread(target=lambda: rest.append(tap.read(1)))
    reader.start()
    tap.close()
    reader.join()
    assert rest == [b""]
    assert on_air.ring.read(0).data, "the ring goes on"
    on_air.caster.close()
