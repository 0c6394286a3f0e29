"""What a panel may ask of a camera's process about its arm and its head by hand (camera 6, `/api/move`)."""

from collections.abc import Callable, Mapping

import msgspec

from triptych.camera.manual import Move
from triptych.camera.missions import Scenario
from triptych.camera.session import Session
from triptych.errors import Invalid
from triptych.model import Json


class Driven(msgspec.Struct, frozen=True, kw_only=True):
    """Who turns the head, and how fast in degrees a second."""

    driver: str
    pan: float
    tilt: float


def _where(session: Session, _data: Json) -> Json:
    return session.manual.where()


def _move(session: Session, data: Json) -> Json:
    session.manual.move(msgspec.convert(data, Move))
    return {}


def _play(session: Session, data: Json) -> Json:
    session.manual.play(msgspec.convert(data.get("scenario"), Scenario))
    return {}


def _drive(session: Session, data: Json) -> Json:
    try:
        driven = msgspec.convert(data, Driven)
    except msgspec.ValidationError:
        raise Invalid("drive needs a driver, and pan and tilt in degrees a second.", field="drive") from None
    session.manual.drive(driven.driver, driven.pan, driven.tilt)
    return {}


def _halt(session: Session, _data: Json) -> Json:
    session.settle_halt()
    return {}


HALT = "halt"
"""What stops every axis at once: it does not wait for the calls before it."""

VERBS: Mapping[str, Callable[[Session, Json], Json]] = {"where": _where, "move": _move, "play": _play, "drive": _drive, HALT: _halt}
