"""VIDEO_INDEX: copies of an indexed film are found in it, and nothing else is (media 4.2)."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from footage import ANIMATION, CAMERA, PORTRAIT, footage
from triptych.media.library import FOLDER
from triptych.media.sample import Coding, Picture, scene, write_clip
from truth.chunked import Chunked
from truth.scoring import Analysis, seconds

SIZE = (320, 180)
STRETCH = 4
MOST_ERROR = Fraction(1, 2)
GOOD = Coding(options={"preset": "veryfast", "crf": "20"})
POOR = Coding(options={"preset": "veryfast", "crf": "35"})
NAME = "programme.mkv"


def _programme() -> list[Picture]:
    """Return 24 s: riders, an animation, and slow pans over painted scenes."""
    pans = [scene(number, SIZE, at // 2) for number in (1, 2, 3) for at in range(75)]
    return [*footage(CAMERA, slice(0, 250), SIZE), *footage(ANIMATION, slice(0, 125), SIZE), *pans]


def _half(planes: Picture) -> Picture:
    return tuple(cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA) for plane in planes)


def _gamma(planes: Picture) -> Picture:
    luma, *chroma = planes
    share = np.clip((luma.astype(np.float32) - 16) / 219, 0, 1)
    return (16 + 219 * share**0.8).astype(np.uint8), *chroma


def _letterboxed(planes: Picture) -> Picture:
    return tuple(
        np.pad(plane, ((plane.shape[0] // 6,) * 2, (0, 0)), constant_values=128 if place else 16) for place, plane in enumerate(planes)
    )


def _cropped(planes: Picture, share: float = 0.025) -> Picture:
    top, left = (2 * round(lines * share / 2) for lines in planes[0].shape)
    return tuple(
        plane[at_y : plane.shape[0] - at_y, at_x : plane.shape[1] - at_x]
        for plane, at_y, at_x in zip(planes, (top, top // 2, top // 2), (left, left // 2, left // 2), strict=True)
    )


def _logo(planes: Picture) -> Picture:
    luma = planes[0].copy()
    side = round((0.03 * luma.size) ** 0.5)
    luma[8 : 8 + side, -8 - side : -8] = 235
    return luma, *planes[1:]


def _same(planes: Picture) -> Picture:
    return planes


COPIES: dict[str, tuple[Callable[[Picture], Picture], Coding, int]] = {
    "exact": (_same, GOOD, 0),
    "half size at CRF 35": (_half, POOR, 0),
    "gamma 0.8": (_gamma, GOOD, 0),
    "letterboxed": (_letterboxed, GOOD, 0),
    "5 % cropped": (_cropped, GOOD, 0),
    "5 % cropped on each side": (lambda planes: _cropped(planes, 0.05), GOOD, 0),
    "3 % logo": (_logo, GOOD, 0),
    "begins 1.32 s later": (_same, POOR, 33),
}


class Station:
    """A data folder in which the programme is indexed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programme = _programme()
        self.run(self.write(NAME, self.programme, GOOD), index=True)

    def write(self, name: str, pictures: Iterable[Picture], coding: Coding = GOOD) -> Path:
        write_clip(self.folder / name, ((Fraction(at, 25), planes) for at, planes in enumerate(pictures)), [], coding)
        return self.folder / name

    def run(self, path: Path, **options: bool) -> list[dict]:
        return Analysis(path, ["VIDEO_INDEX"], {"VIDEO_INDEX": options}, data_dir=self.folder).items["VIDEO_INDEX"]


@pytest.fixture(scope="module")
def station(tmp_path_factory) -> Station:
    return Station(tmp_path_factory.mktemp("station"))


@pytest.mark.parametrize("copy", COPIES)
def test_copies_are_found_where_they_are_from(station, copy) -> None:
    """media 4.2 VIDEO_INDEX: recall at least 0.95, time error at most 0.5 s."""
    change, coding, first = COPIES[copy]
    pictures = [change(planes) for planes in station.programme[first:]]
    items = station.run(station.write("copy.mp4", pictures, coding), query=True)
    right = [item for item in items if _is_right(item, Fraction(first, 25))]
    assert len(right) >= 0.95 * (len(pictures) / 25 // STRETCH)
    assert all(item["matches"][0]["confidence"] >= 0.5 for item in items)


def _is_right(item: dict, later: Fraction) -> bool:
    best = item["matches"][0]
    return best["source"] == NAME and abs(seconds(best["sourceTimestamp"]) - seconds(item["timeOffset"]) - later) <= MOST_ERROR


UNRELATED = {
    **{f"scene {number}": lambda number=number: [scene(number, SIZE, at) for at in range(125)] for number in range(31, 38)},
    "portrait": lambda: footage(PORTRAIT, slice(0, 120), SIZE),
    "static": lambda: [scene(40, SIZE)] * 125,
    "noise": lambda: [_grains(at) for at in range(125)],
}


def _grains(at: int) -> Picture:
    luma, *chroma = scene(41, SIZE)
    return np.random.default_rng(at).integers(16, 235, luma.shape, np.uint8), *chroma


def test_ten_other_clips_match_nothing(station) -> None:
    """media 4.2 VIDEO_INDEX."""
    assert len(UNRELATED) == 10
    for pictures in UNRELATED.values():
        assert station.run(station.write("other.mp4", pictures(), POOR), query=True) == []


def test_a_copy_by_another_name_is_the_same_content(station) -> None:
    """media 4.2 VIDEO_INDEX: a clip with the same content hash never matches itself."""
    twin = station.folder / "twin.mkv"
    twin.write_bytes((station.folder / NAME).read_bytes())
    assert station.run(twin, query=True) == []


def test_with_both_flags_a_film_is_looked_for_before_it_is_remembered(station) -> None:
    """media 4.2 VIDEO_INDEX."""
    film = station.write("both.mkv", [scene(51, SIZE, at // 2) for at in range(125)])
    copy = station.write("both copy.mp4", [scene(51, SIZE, at // 2) for at in range(125)], POOR)
    assert station.run(film, query=True, index=True) == []
    assert [match["source"] for item in station.run(copy, query=True, index=True) for match in item["matches"]] == ["both.mkv"]
    assert {match["source"] for item in station.run(film, query=True) for match in item["matches"]} == {"both copy.mp4"}


def test_without_a_flag_nothing_is_found_or_remembered(station) -> None:
    """media 4.2 VIDEO_INDEX."""
    before = sorted((station.folder / FOLDER).iterdir())
    film = station.write("neither.mp4", station.programme[:125])
    assert station.run(film) == []
    assert sorted((station.folder / FOLDER).iterdir()) == before


def test_flat_pictures_are_neither_remembered_nor_looked_for(station) -> None:
    """media 4.2 VIDEO_INDEX."""
    luma, *chroma = (np.full_like(plane, 90) for plane in scene(1, SIZE))
    film = station.write("flat.mp4", [(luma, *chroma)] * 125)
    before = sorted((station.folder / FOLDER).iterdir())
    assert station.run(film, query=True, index=True) == []
    assert sorted((station.folder / FOLDER).iterdir()) == before


def test_chunks_give_the_bytes_of_the_whole(station) -> None:
    """media P5, VIDEO_INDEX."""
    film = station.write("chunks.mkv", station.programme[33:300], Coding(options={"preset": "veryfast", "crf": "30", "g": "25"}))
    options = {"VIDEO_INDEX": {"query": True}}
    whole, cut = (Chunked(film, ["VIDEO_INDEX"], chunk_s, options=options, data_dir=str(station.folder)) for chunk_s in (60, 3))
    assert cut.chunks > 1
    assert NAME.encode() in whole.response
    assert cut.response == whole.response
