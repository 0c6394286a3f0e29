"""The words of the camera contract: what a client may ask for, decoded once and refused in one sentence. Pure."""

import unicodedata
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Annotated, Literal, get_args

import msgspec

from triptych.errors import Invalid

JobType = Literal["track", "learn", "secure"]
Mark = Literal["single_rect", "partial_rect", "rotating_arcs", "animation_1"]
Cause = Literal["take_shots", "track", "record", "mission", "live_stream"]

JOB_TYPES: tuple[JobType, ...] = get_args(JobType)
MARKS: tuple[Mark, ...] = get_args(Mark)
CAUSES: tuple[Cause, ...] = get_args(Cause)
ACTIVITIES: tuple[Cause, ...] = CAUSES[1:]
MARK_LIST = [*MARKS[:3], {"animations": list(MARKS[3:])}]
"""What GET cause=mark answers."""

BARE_WORDS: Mapping[str, object] = {"None": None, "True": True, "False": False}
"""Words that the contract prints outside quotes."""

LEASE = timedelta(seconds=5)
"""How long pictures of a variant are made after the last call that wanted it."""

_NOTHING = frozenset({"", "None", "null"})
_NO_PAUSE = frozenset({"", "none", "null", "false", "undefined"})
_NO_CREDENTIAL = frozenset({"", "false", "None", "null"})
_NO_MARK = frozenset({"false", "False"})
_NAME_CHARACTERS = 80
_MOST_PERSONS = 100


class NotGiven(Enum):
    """The value of a query parameter that counts as not given, where None has a meaning of its own."""

    TOKEN = 0


NOT_GIVEN = NotGiven.TOKEN


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """How a session is to work (camera.md 2.3); the defaults are those of a camera that nobody has set."""

    job_type: JobType = "track"
    scenario: str | None = None
    predicted_mission: bool = False
    recognized_persons: tuple[str, ...] | None = None
    non_moving_target: bool = False
    ai: Literal["official_ai"] | None = None
    arm_expansion: bool = False


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """How live pictures are wanted: at most `fps` a second, at most `width` pixels wide, with marks or clean."""

    fps: Annotated[int, msgspec.Meta(ge=1, le=60)] = 30
    width: Annotated[int, msgspec.Meta(ge=16, le=4096)] = 1280
    marks: bool = True

    def topic(self, process: str) -> str:
        """Return the topic that pictures of this variant are shown on."""
        return f"{process}:{self.fps}:{self.width}:{'marks' if self.marks else 'clean'}"


def read_variant(query: Mapping[str, str]) -> Variant:
    """Return the variant that a query's `fps`, `width` and `marks` ask for. Raises `Invalid`."""
    given = {name: query[name] for name in ("fps", "width", "marks") if query.get(name)}
    try:
        return msgspec.convert(given, Variant, strict=False)
    except msgspec.ValidationError:
        raise Invalid("fps must be 1 to 60, width 16 to 4096, marks 0 or 1.", field="fps") from None


def read_parameters(document: object) -> Parameters:
    """Return the parameters that a POST body asks for; raise `Invalid`, naming the key and what is allowed."""
    if not isinstance(document, dict):
        raise Invalid("The body must be a JSON object.")
    _check_keys(document)
    asked = msgspec.convert({key: read(document[key]) for key, read in _READERS.items() if key in document}, Parameters)
    if asked.job_type == "learn" and asked.non_moving_target:
        raise Invalid(
            "non_moving_target must be null or false with job_type learn: a calibration moves the head.", field="non_moving_target"
        )
    return asked


def read_mark(word: str | None) -> Mark | NotGiven | None:
    """Return the mark that a query names, None for drawing none; raise `Invalid` for anything else."""
    if word is None or word in _NOTHING:
        return NOT_GIVEN
    if word in _NO_MARK:
        return None
    for mark in MARKS:
        if mark == word:
            return mark
    raise Invalid(f"mark must be {', '.join(MARKS)} or false.", field="mark")


def read_cause(word: str | None, allowed: tuple[Cause, ...]) -> Cause:
    """Return the activity that a query names, matched exactly; raise `Invalid` for none and for any other."""
    for cause in allowed:
        if cause == word:
            return cause
    raise Invalid(f"cause must be {', '.join(allowed[:-1])} or {allowed[-1]}.", field="cause")


def wants_pause(word: str | None) -> bool:
    """Tell whether a query's `pause` is full."""
    return word is not None and word.strip().lower() not in _NO_PAUSE


def credential(word: str | None) -> str | None:
    """Return the bearer credential that `admin_id` carries, or None."""
    return None if word is None or word in _NO_CREDENTIAL else word


def _check_keys(document: Mapping[object, object]) -> None:
    missing = [key for key in _REQUIRED if key not in document]
    if missing:
        raise Invalid(f"Missing keys: {', '.join(missing)}.", field=missing[0])
    unknown = [key for key in document if key not in _READERS]
    if unknown:
        raise Invalid(f"Unknown key {ascii(unknown[0])[:42]}.", field="body")


def _job_type(value: object) -> JobType:
    word = value.strip().lower() if isinstance(value, str) else None
    for job_type in JOB_TYPES:
        if job_type == word:
            return job_type
    raise Invalid("job_type must be track, learn or secure.", field="job_type")


def _scenario(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and is_label(value):
        return value
    raise Invalid(f"scenario must be null or a name of 1 to {_NAME_CHARACTERS} characters.", field="scenario")


def _persons(value: object) -> tuple[str, ...] | None:
    if value is None or value == []:
        return None
    if isinstance(value, list) and len(value) <= _MOST_PERSONS:
        persons = tuple(dict.fromkeys(one for one in value if isinstance(one, str) and is_label(one)))
        alone = persons == ("all",) or "all" not in persons
        if alone and all(isinstance(one, str) and one in persons for one in value):
            return persons
    raise Invalid(f'recognized_persons must be null, ["all"] or a list of up to {_MOST_PERSONS} person ids.', field="recognized_persons")


def _ai(value: object) -> Literal["official_ai"] | None:
    if value is None:
        return None
    if value == "official_ai":
        return "official_ai"
    raise Invalid('ai must be null or "official_ai".', field="ai")


def _flag(key: str) -> Callable[[object], bool]:
    def read(value: object) -> bool:
        if value is None or isinstance(value, bool):
            return bool(value)
        raise Invalid(f"{key} must be null, false or true.", field=key)

    return read


def read_label(text: str, field: str) -> str:
    """Return what a person calls something. Raises `Invalid`."""
    if not is_label(text):
        raise Invalid(f"{field} must be 1 to {_NAME_CHARACTERS} visible characters without separators or control characters.", field=field)
    return text


def is_label(text: str) -> bool:
    """Tell whether `text` may name something: visible, of sane length, and no path, control or half a character in it."""
    return 0 < len(text.strip()) <= len(text) <= _NAME_CHARACTERS and not any(
        one in "/\\" or unicodedata.category(one) in {"Cc", "Cs"} for one in text
    )


_READERS: Mapping[str, Callable[[object], object]] = {
    "job_type": _job_type,
    "scenario": _scenario,
    "predicted_mission": _flag("predicted_mission"),
    "recognized_persons": _persons,
    "non_moving_target": _flag("non_moving_target"),
    "ai": _ai,
    "arm_expansion": _flag("arm_expansion"),
}
_REQUIRED = tuple(_READERS)[:-1]
