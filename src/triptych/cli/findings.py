"""What a media job found, as lines that a person reads: facts of the input, then for each feature when and what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import msgspec

from triptych.cli.printing import printable

START, END, MOMENT = "startTimeOffset", "endTimeOffset", "timeOffset"
OFFSETS = frozenset({START, END, MOMENT})
BESIDE = frozenset({"inputUri", "segment", "recording", "errors", "media"})
"""What a response holds that is no list of findings."""
MOST_SPELLED = 4
"""So many members of a nested list or object are spelled out; of more, the number is told."""

Item = Mapping[str, Any]


class Fault(msgspec.Struct, frozen=True):
    """Why a job or a feature failed."""

    message: str = ""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """How far a feature is, in percent, or why it failed."""

    feature: str
    progressPercent: float = 0  # noqa: N815 - as documented
    error: Fault | None = None


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a job."""

    annotationProgress: tuple[Part, ...] = ()  # noqa: N815 - as documented


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A media job as the server tells it."""

    name: str
    status: str
    metadata: Metadata = Metadata()
    response: dict[str, Any] | None = None
    error: Fault | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The progress of each feature, in the order in which they were asked for."""
        return self.metadata.annotationProgress

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status not in {"queued", "running"}

    @property
    def sentence(self) -> str:
        """How it ended without a result."""
        reason = self.error.message if self.error else ""
        return self.status if reason in {"", self.status} else f"{self.status}: {printable(reason)}"


@dataclass(frozen=True, slots=True)
class Row:
    """One finding: `when` it is, empty for one that has no time of its own, and `what`."""

    when: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What one feature found, or why it `failed`; `count` is of all items, `rows` are the first of them."""

    name: str
    count: int = 0
    rows: tuple[Row, ...] = ()
    failed: str | None = None


def sections(view: View, keys: Mapping[str, str], most: int) -> list[Section]:
    """Return what a done job found, feature by feature, and then what some give besides, each with at most `most` rows.

    `keys` maps a feature to the key of its findings.
    """
    response = view.response or {}
    own = [_section(part, response.get(keys.get(part.feature, "")), most) for part in view.parts]
    known = BESIDE | {keys.get(part.feature) for part in view.parts}
    return own + [_found(key, value, most) for key, value in response.items() if key not in known]


def facts(response: Item) -> str:
    """Return what the input is and which part of it was measured, in one line."""
    media = response.get("media") or {}
    return ", ".join(_facts(media, response.get("segment") or {}))


def timecode(offset: str) -> str:
    """Return an offset such as `"62.5s"` as `0:01:02.500`, to the nearest millisecond."""
    thousandths = round(Fraction(offset.removesuffix("s")) * 1000)
    minutes, left = divmod(thousandths, 60_000)
    return f"{minutes // 60}:{minutes % 60:02}:{left // 1000:02}.{left % 1000:03}"


def describe(item: Item) -> str:
    """Return what an item says besides its time: each key with its value, or the value alone where there is just one."""
    said = {key: value for key, value in item.items() if key not in OFFSETS and value is not None and not _is_span(value)}
    if len(said) == 1:
        [(key, value)] = said.items()
        return printable(_spelled(value) if isinstance(value, str) else f"{key} {_spelled(value)}")
    return printable(", ".join(f"{key} {_spelled(value)}" for key, value in said.items()))


def _section(part: Part, found: object, most: int) -> Section:
    if part.error is not None:
        return Section(name=part.feature, failed=printable(part.error.message))
    return _found(part.feature, found, most)


def _found(name: str, found: object, most: int) -> Section:
    items = found if isinstance(found, list) else [] if found is None else [found]
    return Section(name=printable(name), count=len(items), rows=tuple(_row(item) for item in items[:most]))


def _row(item: object) -> Row:
    return Row(_when(item), describe(item)) if isinstance(item, dict) else Row("", printable(_spelled(item)))


def _when(item: Item) -> str:
    """Return the item's own time, or that of the first span in it."""
    if MOMENT in item:
        return timecode(item[MOMENT])
    span = item if START in item else next((value for value in item.values() if _is_span(value)), {})
    edges = (span.get(START), span.get(END))
    return " - ".join(timecode(edge) if edge else "still open" for edge in edges) if any(edges) else ""


def _is_span(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and value.keys() <= OFFSETS


def _spelled(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case list() | dict() if not value:
            return "none"
        case list():
            return _listed(value)
        case dict():
            return _boxed(value)
        case _:
            return str(value)


def _listed(values: Sequence[object]) -> str:
    plain = len(values) <= MOST_SPELLED and not any(isinstance(value, list | dict) for value in values)
    return "+".join(map(_spelled, values)) if plain else f"({len(values)} items)"


def _boxed(values: Item) -> str:
    plain = len(values) <= MOST_SPELLED and not any(isinstance(value, list | dict) for value in values.values())
    return f"({', '.join(f'{key} {_spelled(value)}' for key, value in values.items())})" if plain else f"({len(values)} fields)"


def _facts(media: Item, segment: Item) -> Iterator[str]:
    if duration := media.get("duration"):
        yield timecode(duration)
    if segment and (segment.get(START) != "0.000000s" or segment.get(END) != media.get("duration")):
        yield f"measured {_when(segment)}"
    if video := media.get("video"):
        yield f"{video.get('codec')} {video.get('width')}x{video.get('height')} at {_spelled(video.get('frameRate'))} frames/s"
        yield f"{media.get('frames')} frames"
    for stream in (media.get("audio") or {}).get("streams", ()):
        yield f"{stream.get('codec')} {stream.get('layout')} at {stream.get('sampleRate')} Hz"
    yield from (f"{key} {_spelled(value)}" for key, value in media.items() if key not in {"duration", "frames", "video", "audio"})
