"""TEXT_DETECTION: lines of text in the picture, each with the stretches over which it stands and where (media 4.3)."""

from dataclasses import dataclass, field
from fractions import Fraction

import cv2

from triptych.media.feature import Feature
from triptych.media.measured import Finished, Seen
from triptych.media.options import TextOptions
from triptych.media.senses.text import Quad, Reader, same_place
from triptych.media.sight import Sight
from triptych.media.slots import need
from triptych.media.spans import Item, bounds, offset_text

WIDEST = 1920
PLACES = 6

Found = list[tuple[str, float, list[list[float]]]]
"""The lines of one picture: text, confidence, corners."""


@dataclass(slots=True)
class Standing:
    """A line over the looks that saw it: when, how sure, where."""

    text: str
    quad: Quad
    looks: list[tuple[Fraction, float, Quad]] = field(default_factory=list)
    end: Fraction = Fraction(0)


class TextInPicture(Feature):
    """Reads `sampleHz` times a second; equal text in overlapping boxes of one look after the other is one line."""

    def __init__(self, options: TextOptions) -> None:
        super().__init__(options)
        self._rate_hz = options.sampleHz
        self._sense: Reader | None = None
        self._open: list[Standing] = []
        self._done: dict[str, list[Standing]] = {}

    def prepare(self) -> None:
        """Load the two networks."""
        self._sense = Reader(need("text", self.models_dir).read_all())

    def look(self, sight: Sight) -> Found | None:
        """Return the lines of a sampled picture."""
        if self._sense is None or not sight.is_sampled(self._rate_hz):
            return None
        width, height = sight.size
        scale = min(1.0, WIDEST / max(width, height))
        image = cv2.cvtColor(sight.rgb(max(1, round(width * scale)), max(1, round(height * scale))), cv2.COLOR_RGB2BGR)
        return [
            (line.text, line.confidence, [list(corner) for corner in line.quad])
            for line in self._sense.read(image.astype("uint8", copy=False))
        ]

    def frame(self, seen: Seen, look: Found | None) -> None:
        """Go on with the lines that still stand, end those that do not, begin new ones."""
        if look is None:
            return
        before, self._open = self._open, []
        for text, confidence, corners in look:
            quad = tuple((x, y) for x, y in corners)
            line = next((line for line in before if line.text == text and same_place(line.quad, quad)), None)
            if line is None:
                line = Standing(text, quad)
            else:
                before.remove(line)
            line.quad = quad
            line.looks.append((seen.start, confidence, quad))
            self._open.append(line)
        self._end(before, seen.start)

    def rest(self, at: Fraction) -> None:
        """End every line."""
        self._end(self._open, at)
        self._open = []

    def conclude(self, finished: Finished) -> None:  # noqa: ARG002 - nothing of it is needed
        """Report each text once, with all its stretches."""
        for text, lines in sorted(self._done.items(), key=lambda pair: (pair[1][0].looks[0][0], pair[0])):
            self.found({"text": text, "segments": [_segment(line) for line in lines]})

    def _end(self, lines: list[Standing], at: Fraction) -> None:
        for line in lines:
            line.end = at
            self._done.setdefault(line.text, []).append(line)


def _segment(line: Standing) -> Item:
    frames = [{"rotatedBoundingBox": {"vertices": _vertices(quad)}, "timeOffset": offset_text(at)} for at, _, quad in line.looks]
    mean = sum(confidence for _, confidence, _ in line.looks) / len(line.looks)
    return {"segment": bounds(line.looks[0][0], line.end), "confidence": round(mean, PLACES), "frames": frames}


def _vertices(quad: Quad) -> list[Item]:
    return [{"x": round(x, PLACES), "y": round(y, PLACES)} for x, y in quad]
