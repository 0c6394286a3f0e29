from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from triptych.media.context import Context
from triptych.media.features.video_index import STRETCHES_AT_ONCE, VideoIndex
from triptych.media.library import FOLDER, Film, Library
from triptych.media.measured import Finished, Seen
from triptych.media.options import VideoIndexOptions

NOW = datetime(2026, 11, 28, tzinfo=UTC)
END = Finished(frames=0, samples=0, duration=(0, 1), errors=(), truncated=False)


class Known(Context):
    content = "aa"


def _hash(number: int) -> bytes:
    return np.random.default_rng(number).bytes(32)


def _remember(folder: Path, pictures: int, content: str = "bb", **more) -> Library:
    library = Library(folder)
    times = np.arange(pictures, dtype=np.int64) * 500_000
    library.keep(content, Film("known.mp4", times.tobytes(), b"".join(map(_hash, range(pictures)))), NOW + timedelta(days=1))
    return library


def _run(folder: Path, shown: dict[Fraction, bytes], *, gap: Fraction | None = None, **options) -> VideoIndex:
    """Show pictures at these seconds, two a second of which are sampled, with a rest at `gap`."""
    feature = VideoIndex(VideoIndexOptions(**options))
    feature.context = Known(file_name="new.mp4", source=0, data_dir=folder, now=NOW)
    for at, found in shown.items():
        if gap == at:
            feature.rest(at)
        look = [at % Fraction(1, 2) == 0, found]
        feature.frame(Seen(start=at, end=at + Fraction(1, 8), thumb=None, change=None, silent=True), look)
    feature.rest(max(shown, default=Fraction(0)))
    feature.conclude(END)
    return feature


def _copy(first: int, pictures: int, start: Fraction = Fraction(0)) -> dict[Fraction, bytes]:
    return {start + Fraction(at, 2): _hash(first + at) for at in range(pictures)}


def test_every_four_seconds_are_looked_for(tmp_path) -> None:
    """media 4.2 VIDEO_INDEX: query every 4 s over 8 hashes."""
    _remember(tmp_path, 60)
    assert _run(tmp_path, _copy(20, 20), query=True).items() == [
        {"timeOffset": f"{at}.000000s", "matches": [{"source": "known.mp4", "sourceTimestamp": f"{at + 10}.000000s", "confidence": 1.0}]}
        for at in (0, 4, 8)
    ]


def test_a_stretch_does_not_cross_a_gap_between_segments(tmp_path) -> None:
    _remember(tmp_path, 60)
    shown = {**_copy(0, 4), **_copy(40, 4, Fraction(2))}
    assert [item["matches"][0]["sourceTimestamp"] for item in _run(tmp_path, shown, gap=Fraction(2), query=True).items()] == [
        "0.000000s",
        "20.000000s",
    ]


def test_fewer_than_four_pictures_say_nothing(tmp_path) -> None:
    _remember(tmp_path, 60)
    assert _run(tmp_path, _copy(0, 3), query=True).items() == []
    assert len(_run(tmp_path, _copy(0, 4), query=True).items()) == 1


def test_two_pictures_a_second_are_remembered_until_the_ttl_has_passed(tmp_path) -> None:
    """media 4.2 VIDEO_INDEX."""
    shown = {Fraction(at, 8): _hash(at) + bytes(32) for at in range(16)}
    _run(tmp_path, shown, query=True, index=True, ttl=2)
    [film] = Library(tmp_path).films(NOW + timedelta(days=2, seconds=-1), besides="")
    assert film == Film("new.mp4", np.array([0, 500_000, 1_000_000, 1_500_000]).tobytes(), b"".join(map(_hash, (0, 4, 8, 12))))
    assert list(Library(tmp_path).films(NOW + timedelta(days=2), besides="")) == []


def test_a_film_does_not_meet_itself_and_replaces_itself(tmp_path) -> None:
    """media 4.2 VIDEO_INDEX."""
    _remember(tmp_path, 60, content="aa")
    assert _run(tmp_path, _copy(0, 8), query=True, index=True).items() == []
    assert [film.source for film in Library(tmp_path).films(NOW, besides="")] == ["new.mp4"]


def test_a_film_is_looked_for_in_what_was_there_before_it(tmp_path) -> None:
    """media 4.2 VIDEO_INDEX: both flags: query first, then index."""
    _remember(tmp_path, 60)
    assert len(_run(tmp_path, _copy(0, 8), query=True, index=True).items()) == 1
    assert sorted(film.source for film in Library(tmp_path).films(NOW, besides="")) == ["known.mp4", "new.mp4"]


def test_who_remembers_a_film_forgets_those_that_have_expired(tmp_path) -> None:
    """media T1: also on a worker without a server."""
    Library(tmp_path).keep("old", Film("old.mp4", b"", b""), NOW)
    _run(tmp_path, _copy(0, 8), index=True)
    assert [path.stem for path in (tmp_path / FOLDER).iterdir()] == ["aa"]


@pytest.mark.parametrize("options", [{}, {"query": True}])
def test_only_index_remembers(tmp_path, options) -> None:
    _run(tmp_path, _copy(0, 8), **options)
    assert list(Library(tmp_path).films(NOW, besides="")) == []


def test_findings_are_told_while_a_long_film_goes_on(tmp_path) -> None:
    _remember(tmp_path, 60)
    feature = VideoIndex(VideoIndexOptions(query=True))
    feature.context = Known(file_name="new.mp4", source=0, data_dir=tmp_path, now=NOW)
    told: list = []
    feature.watcher = told.append
    for at in range(8 * STRETCHES_AT_ONCE + 1):
        start = Fraction(at, 2)
        feature.frame(Seen(start=start, end=start, thumb=None, change=None, silent=True), [True, _hash(at)])
    assert len(told) == 60 // 8 + 1
