"""camera 6: live.mp4 as fragments that any number of readers take at their own pace."""

import threading
from datetime import timedelta

import pytest

from camera.onair import OnAir, played, whole
from triptych.camera.fragments import HELD_BYTES, HELD_FRAGMENTS, Ring, begins_with_key

SOON = timedelta(seconds=5)


def test_a_reader_begins_at_the_newest_key_frame():
    on_air = OnAir().run(3.5)
    on_air.caster.close()
    frames = played(whole(on_air.ring))
    assert frames[0] == (3.0, True)
    assert len(frames) == 15


def test_a_reader_misses_nothing_from_there_on():
    on_air = OnAir().run(0.5)
    first = on_air.ring.read(0)
    on_air.run(2)
    on_air.caster.close()
    rest = on_air.ring.read(first.cursor)
    times = [time for time, _ in played(first.data + rest.data)]
    assert times == pytest.approx([number / 30 for number in range(75)], abs=0.001)
    assert on_air.ring.read(rest.cursor).ended


def test_a_reader_that_fell_behind_goes_on_at_the_newest_key_frame():
    """camera row 47: a stalled viewer costs the others nothing."""
    on_air = OnAir().run(1)
    first = on_air.ring.read(0)
    for _ in range(4):
        on_air.run(5)
    assert len(on_air.ring._fragments) == HELD_FRAGMENTS
    later = on_air.ring.read(first.cursor)
    assert begins_with_key(later.data)
    assert on_air.ring.read(later.cursor).data == b""


def test_what_is_held_is_bounded_in_bytes():
    ring = Ring()
    for _ in range(40):
        ring.add(bytes(1 << 20))
    assert sum(len(fragment.data) for fragment in ring._fragments) <= HELD_BYTES


def test_a_reader_waits_for_the_next_fragment():
    on_air = OnAir().run(1)
    cursor = on_air.ring.read(0).cursor
    found = []
    reader = threading.Thread(target=lambda: found.append(on_air.ring.read(cursor, SOON)))
    reader.start()
    on_air.run(1)
    reader.join()
    assert found[0].data
    assert not found[0].ended


def test_a_reader_waits_no_longer_than_it_says_and_wakes_at_the_end():
    ring = Ring()
    assert ring.read(0, timedelta(milliseconds=1)).data == b""
    ring.end()
    assert ring.read(0, SOON).ended


@pytest.mark.parametrize("broken", [b"", b"moof", bytes(64)])
def test_what_is_no_fragment_begins_with_no_key(broken):
    assert not begins_with_key(broken)
