from fractions import Fraction

import numpy as np

from triptych.media.features.shots import LENGTHS, Look, Shots, difference, fitted, is_flat
from triptych.media.measured import Seen
from triptych.media.options import ShotOptions
from triptych.media.picture import Picture
from triptych.media.sample import scene


def _thumb(luma: float) -> np.ndarray:
    thumb = np.full((3, 27, 48), 128, np.uint8)
    thumb[0] = luma
    thumb[0, :, ::2] = 255 - luma
    return thumb


def _cuts(changes, thumbs=None, **options) -> list[str]:
    shots = Shots(ShotOptions(**options))
    thumbs = thumbs or [_thumb(number // 10 * 40 % 250) for number in range(len(changes))]
    for number, (change, thumb) in enumerate(zip(changes, thumbs, strict=True)):
        shots.frame(Seen(start=Fraction(number), end=Fraction(number + 1), thumb=thumb, change=change, silent=True))
    shots.rest(Fraction(len(changes)))
    return [item["startTimeOffset"] for item in shots.items()][1:]


def _still(count: int = 20) -> list:
    return [None, *[0.5] * (count - 1)]


def test_a_cut_needs_18_codes() -> None:
    for change, found in ((18.0, ["10.000000s"]), (17.9, [])):
        changes = _still()
        changes[10] = change
        assert _cuts(changes, [_thumb(100)] * 10 + [_thumb(109)] * 10) == found


def test_a_cut_needs_three_times_its_neighbourhood() -> None:
    changes = [None, *[10.0] * 19]
    changes[10] = 29.0
    assert _cuts(changes, [_thumb(100)] * 20) == []
    changes[10] = 30.0
    assert _cuts(changes, [_thumb(100)] * 20) == ["10.000000s"]


def test_two_cuts_around_a_flash_go_when_the_scene_is_the_same() -> None:
    changes = _still()
    changes[10] = changes[11] = 100.0
    same = [_thumb(100)] * 10 + [_thumb(250)] + [_thumb(100)] * 9
    assert _cuts(changes, same, minShotLength=1) == []
    assert _cuts(changes, same, minShotLength=0.5) == ["10.000000s", "11.000000s"]
    other = [_thumb(100)] * 10 + [_thumb(250)] + [_thumb(20)] * 9
    assert _cuts(changes, other, minShotLength=1) == ["10.000000s", "11.000000s"]


def test_a_cut_at_the_very_ends_is_judged_by_the_neighbours_there_are() -> None:
    changes = [None, 50.0, 0.5, 0.5]
    assert _cuts(changes, [_thumb(0), *[_thumb(90)] * 3]) == ["1.000000s"]


def test_one_picture_is_one_shot() -> None:
    shots = Shots(ShotOptions())
    shots.frame(Seen(start=Fraction(0), end=Fraction(1), thumb=_thumb(9), change=None, silent=True))
    shots.rest(Fraction(1))
    assert shots.items() == [{"startTimeOffset": "0.000000s", "endTimeOffset": "1.000000s"}]


def _looks(thumbs) -> list[Look]:
    return [Look(number, Fraction(number), thumb.astype(np.uint8).reshape(81, 48), 0.0) for number, thumb in enumerate(thumbs)]


def _mix(share: float) -> np.ndarray:
    return np.rint(_thumb(20) * (1 - share) + _thumb(200) * share)


def test_a_linear_mix_between_two_still_scenes_fits() -> None:
    looks = _looks([_mix(0)] * 20 + [_mix(step / 20) for step in range(1, 20)] + [_mix(1)] * 20)
    assert fitted(looks, 19, 39) is not None


def _seen(number: int, shift: float) -> np.ndarray:
    picture = Picture(scene(number, (160, 90), int(shift)), bits=8, full=False, start=Fraction(0))
    return np.frombuffer(picture.thumb(), np.uint8)


def test_slow_movement_is_nearly_a_mix_and_yet_none() -> None:
    """media 4.2: the same scene is at both ends, however steadily it has changed between them, and whatever came before."""
    looks = _looks([_seen(1, 0)] * 30 + [_seen(1, step / 2) for step in range(60)])
    apart = [(difference(looks[30].thumb, looks[30 + length].thumb), length) for length in LENGTHS if length < 60]
    assert any(far >= 18 for far, _ in apart)
    assert not any(fitted(looks, begin, begin + length) for length in LENGTHS for begin in range(90 - length))


def test_movement_before_and_after_does_not_hide_a_dissolve() -> None:
    """media 4.2: two scenes are at the ends, although each changes as much in as many pictures."""
    old, new = _seen(1, 40), _seen(2, 0)
    mix = [np.rint(old + (new - old.astype(float)) * step / 41) for step in range(1, 41)]
    looks = _looks([_seen(1, step / 2) for step in range(80)] + mix + [_seen(2, step / 2) for step in range(80)])
    assert fitted(looks, 79, 119) is not None


def test_a_jump_is_no_mix() -> None:
    looks = _looks([_mix(0)] * 30 + [_mix(1)] * 30)
    assert fitted(looks, 20, 40) is None


def test_difference_adds_the_planes_up() -> None:
    one, other = np.zeros((81, 48), np.uint8), np.zeros((81, 48), np.uint8)
    other[:27], other[27:54], other[54:] = 3, 4, 5
    assert difference(one, other) == 12


def test_a_flat_picture_has_one_colour() -> None:
    assert is_flat(np.full((81, 48), 16, np.uint8))
    assert not is_flat(_thumb(100).reshape(81, 48))
