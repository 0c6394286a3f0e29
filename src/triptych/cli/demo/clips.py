"""The clip that the demo annotates: made for the purpose with known truth, or a file of the caller's."""

from fractions import Fraction
from pathlib import Path

from triptych.cli.demo.media import Clip, Span
from triptych.errors import Invalid
from triptych.media.sample import SAMPLE_SIZE, Stretch, Truth, write_sample

STORY = (
    Stretch(Fraction(0), Fraction(5), 1, "stereo"),
    Stretch(Fraction(5), Fraction(9), 2, "mono"),
    Stretch(Fraction(9), Fraction(12), None, "silence"),
    Stretch(Fraction(12), Fraction(16), 3, "stereo"),
    Stretch(Fraction(16), Fraction(20), 4, "mono"),
)
TOLERANCE_S = {"IN_BLACK": 0.045, "AUDIO_FORMAT": 0.25, "SHOT_CHANGE_DETECTION": 0.045}
"""What media.md grants to coded clips: the greater of a frame and 45 ms; a quarter of a second round a change of layout."""


def make(folder: Path) -> Clip:
    """Write the clip into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "clip.mp4"
    truth = write_sample(path, STORY)
    what = f"{path.name}, {float(truth.duration):.0f} s of {SAMPLE_SIZE[0]}x{SAMPLE_SIZE[1]}"
    return Clip(path=path, what=what, truth=_spans(truth), tolerance_s=TOLERANCE_S)


def given(path: Path) -> Clip:
    """Return the caller's file, about which nothing is known. Raises `Invalid` when there is none."""
    if not path.is_file():
        raise Invalid(f"{path} is not a file")
    return Clip(path=path.absolute(), what=path.name)


def _spans(truth: Truth) -> dict[str, list[Span]]:
    return {
        "IN_BLACK": [Span(float(start), float(end)) for start, end in truth.black],
        "AUDIO_FORMAT": [Span(float(start), float(end), label) for label, start, end in truth.sound],
        "SHOT_CHANGE_DETECTION": [Span(float(start), float(end)) for start, end in truth.shots],
    }
