import os
from fractions import Fraction

import pytest

from triptych.media.chunks import Chunk, Whole
from triptych.media.decode import open_input, survey
from triptych.media.feature import Feature
from triptych.media.features import Need
from triptych.media.options import Options
from triptych.media.pipeline import Plan
from triptych.media.sample import Coding, scene, write_clip
from triptych.media.seeing import Seeing, TornApart
from triptych.media.spans import Segments

X264 = {"preset": "ultrafast", "x264-params": "keyint=10:min-keyint=10:scenecut=0:bframes=2"}


class Neighbours(Feature):
    """Tells of each picture where it and its neighbours stand."""

    def look(self, sight):
        following = sight.following
        return [float(sight.before or -1), float(sight.start), float(following.start) if following is not None else -1.0]


class Blind(Feature):
    def look(self, sight):
        raise ZeroDivisionError


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    write_clip(path, ((Fraction(number), scene(1, (64, 48), number)) for number in range(40)), [], Coding(options=X264, rate=Fraction(1)))
    return path


@pytest.fixture
def seen(clip):
    descriptor = os.open(clip, os.O_RDONLY)
    with open_input(descriptor) as container:
        index = survey(container, lambda: None)

    def see(part, feature=Neighbours, segments=(), change=lambda index: None):
        change(index)
        dropped = []
        plan = Plan(features={"X": feature(Options())}, needs={"X": Need.LOOK}, segments=Segments(segments))
        with open_input(descriptor) as container:
            seeing = Seeing(container, index, part, plan, dropped.append)
            frames = [frame for batch in seeing.run(plan.segments.last_us, 7) for frame in batch]
        return frames, seeing.finished(), dropped

    yield see
    os.close(descriptor)


def test_a_chunk_knows_its_neighbours_on_both_sides(seen) -> None:
    """media P1, media P3: the next seam's picture is decoded as the neighbour of the last one."""
    frames, finished, _ = seen(Chunk(10, 20))
    assert [frame.looks["X"] for frame in frames] == [[float(at - 1), float(at), float(at + 1)] for at in range(10, 20)]
    assert (finished.frames, Fraction(*frames[-1].end)) == (10, 20)


def test_the_last_chunk_ends_with_the_film(seen) -> None:
    frames, *_ = seen(Chunk(30, 40))
    assert frames[-1].looks["X"] == [38.0, 39.0, -1.0]
    assert Fraction(*frames[-1].end) == 40


def test_chunks_together_are_the_whole(seen) -> None:
    """media P5."""
    whole, *_ = seen(Whole())
    parts = [frame for first in range(0, 40, 10) for frame in seen(Chunk(first, first + 10))[0]]
    assert parts == whole


def test_only_segments_are_shown(seen) -> None:
    frames, *_ = seen(Whole(), segments=[(3_000_000, 5_000_000)])
    assert [frame.looks["X"] for frame in frames] == [[2.0, 3.0, 4.0], [3.0, 4.0, 5.0], [4.0, 5.0, -1.0]]


def test_a_feature_that_fails_is_told_once(seen) -> None:
    """media P8."""
    frames, _, dropped = seen(Whole(), Blind)
    assert (len(frames), [one.feature for one in dropped]) == (40, ["X"])


def test_a_chunk_that_is_not_as_promised_is_torn(seen) -> None:
    """media P4: index and measure do not agree."""

    def shift(index) -> None:
        index.starts[15] += 1

    with pytest.raises(TornApart, match="promised"):
        seen(Chunk(10, 20), change=shift)


def test_a_seam_that_is_not_there_is_torn(seen) -> None:
    def shift(index) -> None:
        index.starts[10] += 1

    with pytest.raises(TornApart, match="reached"):
        seen(Chunk(10, 20), change=shift)


def test_neighbours_see_the_same_picture_at_their_seam(seen) -> None:
    """media P2: what is told of it, so that damage that nobody reported is seen."""
    ends = [seen(Chunk(first, first + 10))[1] for first in range(0, 40, 10)]
    assert [end.opens for end in ends][1:] == [end.closes for end in ends][:-1]
    assert len({end.opens for end in ends}) == 4
    assert (ends[0].opens, ends[-1].closes) == (None, None)
