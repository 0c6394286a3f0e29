"""A feature's options, checked by the structs that declare them, nested ones too: each that does not fit is told in words."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

import msgspec

from triptych.panels.faults import Faults, Row

ALARM = "alarmSettings"
CONTEXT = "videoContext"

Given = Mapping[str, object]


def read_options(faults: Faults, place: str, shape: type[msgspec.Struct], given: object) -> dict[str, object]:
    """Return the options of `shape` that fit; the others are noted in `faults` under `place`, such as `inBlackConfig`."""
    if not isinstance(given, dict):
        faults.add(Row.RANGE, f"{CONTEXT}.{place}", f"{place} must be an object")
        return {}
    before = len(faults.found)
    values = dict(_fitting(faults, place, shape, given))
    if len(faults.found) == before:
        _check_together(faults, place, shape, values)
    return values


def _fitting(faults: Faults, place: str, shape: type[msgspec.Struct], given: Given) -> Iterator[tuple[str, object]]:
    known = {option.encode_name: option.type for option in msgspec.structs.fields(shape)}
    for name, value in given.items():
        inner = f"{place}.{name}"
        if name not in known:
            faults.ignore(f"{CONTEXT}.{inner}")
            continue
        nested = _struct(known[name])
        if nested is not None and isinstance(value, dict):
            _warn_of_alarm(faults, inner, name, value)
            yield name, read_options(faults, inner, nested, value)
            continue
        try:
            yield name, msgspec.convert(value, known[name])
        except msgspec.ValidationError:
            faults.add(Row.RANGE, f"{CONTEXT}.{inner}", f"{inner} must be {described(known[name])}")


def _warn_of_alarm(faults: Faults, place: str, name: str, value: Given) -> None:
    """Say that an alarm with settings and no `enabled` stays off (media 3.4)."""
    if name == ALARM and value and "enabled" not in value:
        faults.warn(f"{CONTEXT}.{place} does not say enabled, so the alarm stays off")


def _check_together(faults: Faults, place: str, shape: type[msgspec.Struct], values: dict[str, object]) -> None:
    """Note what only the options together show to be wrong."""
    try:
        msgspec.convert(values, shape)
    except msgspec.ValidationError as fault:
        faults.add(Row.RANGE, f"{CONTEXT}.{place}", f"{place}: {fault}")


def _struct(hint: object) -> type[msgspec.Struct] | None:
    """Return the struct that an option is, or may be, None where it is a plain value."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    if get_origin(hint) in {Annotated, Union, UnionType}:
        return next((found for part in get_args(hint) if (found := _struct(part)) is not None), None)
    return None


def described(hint: object) -> str:
    """Return the description that an option's type carries."""
    parts = (hint, *getattr(hint, "__args__", ()))
    metas = (meta for part in parts for meta in getattr(part, "__metadata__", ()))
    return next((meta.description for meta in metas if isinstance(meta, msgspec.Meta) and meta.description), "of another type")
