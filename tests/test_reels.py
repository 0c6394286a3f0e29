"""The files of one attempt: what they tell of order, gaps and the end (workers O2-O5, O10)."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.reels import FRAME_US, ORDER, STREAMS, Frame, Known, Reel, frames, recall, shed

ENTRY_BYTES = 24


@pytest.fixture
def reel(tmp_path: Path) -> Iterator[Reel]:
    reel = Reel(tmp_path / "1")
    yield reel
    reel.close()


def _told(reel: Reel, after: int = 0) -> list[Frame]:
    reel.tell()
    return list(frames(reel.folder, after))


def _frame(seq: int, stream: str, offset: int, data: bytes, t_us: int = 0) -> Frame:
    return Frame(seq=seq, stream=stream, offset=offset, t_us=t_us, data=data)


def test_both_streams_are_told_in_the_order_in_which_they_came(reel: Reel) -> None:
    """workers O2, O10."""
    reel.put("stdout", 0, b"one", 10)
    reel.put("stderr", 0, b"two", 20)
    reel.put("stdout", 3, b"three", 30)
    assert _told(reel) == [_frame(3, "stdout", 0, b"one", 10), _frame(6, "stderr", 0, b"two", 20), _frame(11, "stdout", 3, b"three", 30)]


@pytest.mark.parametrize("after", range(12))
def test_frames_go_on_behind_any_byte(reel: Reel, after: int) -> None:
    """workers O10: whoever comes back misses nothing and gets nothing twice, also in the middle of what is one frame by now."""
    for stream, offset, data in (("stdout", 0, b"one"), ("stderr", 0, b"two"), ("stdout", 3, b"three")):
        reel.put(stream, offset, data, 0)
    assert b"".join(frame.data for frame in _told(reel, after)) == b"onetwothree"[after:]


def test_a_job_that_writes_byte_by_byte_costs_no_entry_a_byte(reel: Reel) -> None:
    """workers O2: what one stream got within a tenth of a second is one frame."""
    for n in range(1000):
        reel.put("stdout", n, b"x", n)
        reel.tell()
    assert (reel.folder / ORDER).stat().st_size == ENTRY_BYTES
    reel.put("stdout", 1000, b"y", FRAME_US + 1)
    assert [(frame.seq, frame.t_us) for frame in _told(reel)] == [(1000, 0), (1001, FRAME_US + 1)]


def test_a_frame_that_grows_is_read_on_where_it_was_left(reel: Reel) -> None:
    """workers O10."""
    reel.put("stdout", 0, b"abc", 0)
    (first,) = _told(reel)
    reel.put("stdout", 3, b"def", 1)
    assert _told(reel, first.seq) == [_frame(6, "stdout", 3, b"def")]


def test_a_gap_has_its_place_in_the_order(reel: Reel) -> None:
    """workers O4, O10."""
    reel.put("stdout", 0, b"head", 0)
    reel.put("stderr", 0, b"said", 0)
    reel.put("stdout", 10, b"tail", 0)
    gap = Frame(seq=14, stream="stdout", offset=4, t_us=0, gap=(4, 10))
    assert _told(reel) == [_frame(4, "stdout", 0, b"head"), _frame(8, "stderr", 0, b"said"), gap, _frame(18, "stdout", 10, b"tail")]


def test_a_torn_last_entry_is_none(reel: Reel) -> None:
    """workers F16: a server killed while it wrote; what the entry told of comes again and is told again."""
    reel.put("stdout", 0, b"whole", 0)
    reel.tell()
    reel.put("stderr", 0, b"torn", 0)
    reel.tell()
    order = reel.folder / ORDER
    order.write_bytes(order.read_bytes()[:-5])
    again = Reel(reel.folder)
    assert again.state.streams == {"stdout": Known(end=5), "stderr": Known()}
    again.put("stderr", 0, b"torn", 0)
    assert [frame.data for frame in _told(again)] == [b"whole", b"torn"]
    again.close()


def test_bytes_that_no_entry_tells_of_are_written_again(reel: Reel) -> None:
    """workers O3: a server killed between the bytes and their entry."""
    reel.put("stdout", 0, b"abcdef", 0)
    again = Reel(reel.folder)
    again.put("stdout", 0, b"abc", 0)
    assert [frame.data for frame in _told(again)] == [b"abc"]
    again.close()


def test_bytes_whose_file_is_gone_are_a_gap(reel: Reel) -> None:
    """workers O3: never other bytes."""
    reel.put("stdout", 0, b"abc", 0)
    reel.tell()
    (reel.folder / "stdout").unlink()
    assert _told(reel) == [Frame(seq=3, stream="stdout", offset=0, t_us=0, gap=(0, 3))]


def test_what_is_shed_is_a_gap_over_everything(reel: Reel) -> None:
    """workers O8."""
    reel.put("stdout", 0, b"abc", 0)
    reel.put("stderr", 0, b"de", 0)
    reel.finish()
    reel.tell()
    shed(reel.folder)
    assert [(frame.stream, frame.gap) for frame in frames(reel.folder, 0)] == [("stdout", (0, 3)), ("stderr", (0, 2))]
    assert recall(reel.folder).ended
    assert [path.name for path in reel.folder.iterdir()] == [ORDER]


@settings(max_examples=60, deadline=None)
@given(plan=st.lists(st.tuples(st.sampled_from(STREAMS), st.integers(0, 8), st.integers(1, 9), st.integers(0, 200_000)), max_size=12))
def test_frames_of_any_plan_tile_both_streams(plan: list[tuple[str, int, int, int]]) -> None:
    """workers O2, O3: whatever was skipped, repeated or restarted, the frames of each stream follow each other without hole or overlap."""
    with TemporaryDirectory() as name:
        for stream, skipped, size, t_us in plan:
            reel = Reel(Path(name) / "1")
            reel.put(stream, max(0, reel.end(stream) + skipped - 4), bytes(size), t_us)
            reel.tell()
            reel.close()
        told = list(frames(Path(name) / "1", 0))
        ends = dict.fromkeys(STREAMS, 0)
        for frame in told:
            assert frame.offset == ends[frame.stream]
            ends[frame.stream] = frame.gap[1] if frame.gap else frame.offset + len(frame.data)
            assert frame.seq == sum(ends.values())
        assert ends == {stream: known.end for stream, known in recall(Path(name) / "1").streams.items()}
