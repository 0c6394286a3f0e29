"""What a `videoContext` says, in a job or in a workflow: each feature's options, the priority, the segments (media 2.3, 3.1)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import msgspec

from triptych.media.features import FEATURES, FeatureEntry
from triptych.media.slots import lacking
from triptych.panels.faults import Faults, Row
from triptych.panels.options import CONTEXT, described, read_options

MOST_SEGMENTS = 1000
FOR_EVER_US = 10**15
LATEST_S = 1e9
PRIORITIES = range(140)
DEFAULT_PRIORITY = 20
LATEST_SHOTS = "shot"
PRIORITY_KEYS = frozenset({"priority", "pri"})
PLAIN_KEYS = PRIORITY_KEYS | {"segments"}
"""What stands in a context beside the options of features."""

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Context:
    """One `videoContext`, read with its faults noted in `faults`."""

    given: Body
    faults: Faults

    def enabled(self) -> tuple[str, ...]:
        """Return the features that are on, in order of their keys: those that say so, or say anything and not that they are off (W3)."""
        return tuple(dict.fromkeys(name for key, value in self.given.items() if _is_on(value) for name in _OWNERS.get(key, ())))

    def options(self, name: str) -> dict[str, object]:
        """Return the options of a feature that fit."""
        key = _spelled(FEATURES[name], self.given)
        given = self.given.get(key)
        return {} if given is None else read_options(self.faults, key, FEATURES[name].options, given)

    def check_required(self, name: str, options: Body) -> None:
        """Note the options that a request for a feature must name, and that are neither there nor wrong."""
        entry = FEATURES[name]
        for option in msgspec.structs.fields(entry.options):
            place = f"{_spelled(entry, self.given)}.{option.name}"
            if option.name in entry.required and options.get(option.name) is None and not self.faults.has(f"{CONTEXT}.{place}"):
                self.faults.add(Row.RANGE, f"{CONTEXT}.{place}", f"{place} must be {described(option.type)}")

    def priority(self, *above: Body) -> int:
        """Return the priority: the first one that is told here, then in the bodies `above`."""
        places = ((self.given, "priority"), (self.given, "pri"), *((body, "pri") for body in above))
        told = next((place[key] for place, key in places if place.get(key) is not None), DEFAULT_PRIORITY)
        if isinstance(told, int) and not isinstance(told, bool) and told in PRIORITIES:
            return told
        self.faults.add(Row.RANGE, "priority", "priority must be between 0 and 139")
        return DEFAULT_PRIORITY

    def segments(self) -> tuple[tuple[int, int], ...]:
        """Return the segments in whole microseconds."""
        given = self.given.get("segments")
        if given is None:
            return ()
        if not isinstance(given, list) or len(given) > MOST_SEGMENTS or not all(isinstance(part, dict) for part in given):
            reason = f"segments must be an array of at most {MOST_SEGMENTS} objects with startTimeOffset and endTimeOffset"
            self.faults.add(Row.RANGE, "segments", reason)
            return ()
        return tuple(part for place, body in enumerate(given) for part in self._segment(place, body))

    def note_unknown(self) -> None:
        """Note the keys that mean nothing."""
        for key in self.given:
            if key not in PLAIN_KEYS and key not in _OWNERS:
                self.faults.ignore(f"{CONTEXT}.{key}")

    def _segment(self, place: int, part: Body) -> Iterator[tuple[int, int]]:
        start = self._offset(f"segments[{place}].startTimeOffset", part.get("startTimeOffset"), 0)
        end = self._offset(f"segments[{place}].endTimeOffset", part.get("endTimeOffset"), FOR_EVER_US)
        if start is None or end is None:
            return
        if start >= end:
            self.faults.add(Row.SEGMENT, f"segments[{place}]", f"segments[{place}]: startTimeOffset must be before endTimeOffset")
        yield int(start), int(end)

    def _offset(self, name: str, value: object, absent_us: int) -> Fraction | None:
        """Return an input offset in microseconds (media G4)."""
        if value is None:
            return Fraction(absent_us)
        seconds = offset(value)
        if seconds is None:
            self.faults.add(Row.RANGE, name, f'{name} must be a time of 0 or more, as "1.5s" or 1.5')
            return None
        return seconds * 1_000_000


def offset(value: object) -> Fraction | None:
    """Return an input offset in seconds, or None when it is none: `"1.25s"` or a number, up to 9 decimals, never negative."""
    text = value if isinstance(value, str) else repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
    if _OFFSET.fullmatch(text):
        return Fraction(text.removesuffix("s"))
    return Fraction(text) if isinstance(value, float) and 0 <= value < LATEST_S else None


@dataclass(frozen=True, slots=True)
class Lack:
    """Why something cannot be had here, in the exact words of the contract, and what would mend it."""

    reason: str
    mend: str = ""

    @property
    def told(self) -> str:
        """Both."""
        return f"{self.reason}; {self.mend}" if self.mend else self.reason


def absence(name: str, entry: FeatureEntry, models_dir: Path) -> Lack | None:
    """Return why a known feature cannot be had here, or None (media K5, K6)."""
    if entry.model is not None and (lack := _unfilled(name, entry.model, models_dir)) is not None:
        return lack
    return Lack(f"feature {name} is not available yet") if entry.run is None else None


def option_absence(name: str, options: Body, models_dir: Path) -> Lack | None:
    """Return why a feature cannot be had with these options, or None."""
    return _unfilled(name, LATEST_SHOTS, models_dir) if options.get("model") == "builtin/latest" else None


def _unfilled(name: str, slot: str, models_dir: Path) -> Lack | None:
    """Return how a missing model is told, or None when `slot` and those beside it are filled."""
    empty = lacking(slot, models_dir)
    if empty is None:
        return None
    return Lack(f"feature {name} needs model '{empty.slot}', which is not installed on this server", empty.reason)


def _is_on(config: object) -> bool:
    return isinstance(config, dict) and bool(config) and config.get("enabled") is not False


def _spelled(entry: FeatureEntry, given: Body) -> str:
    """Return the key under which a context holds the options of a feature."""
    if entry.config_alias is not None and entry.config_key not in given and entry.config_alias in given:
        return entry.config_alias
    return entry.config_key


def _owners() -> dict[str, list[str]]:
    owners: dict[str, list[str]] = {}
    for name, entry in FEATURES.items():
        for key in (entry.config_key, entry.config_alias):
            if key is not None:
                owners.setdefault(key, []).append(name)
    return owners


_OWNERS = _owners()
_OFFSET = re.compile(r"\d{1,9}(\.\d{0,9})?s?")
