"""What a panel may ask of a camera's process, by the verb of the request; `track` alone is answered later and is not here."""

from collections.abc import Callable, Mapping

import msgspec

from triptych.camera import airing, moves
from triptych.camera.enrolling import VERBS as PERSONS
from triptych.camera.parameters import ACTIVITIES, Mark, Parameters, Variant
from triptych.camera.session import Session
from triptych.camera.shelf import VERBS as SHELF
from triptych.errors import Invalid
from triptych.model import Json


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What `configure` brings."""

    parameters: Parameters
    mark: Mark | None


def obey(session: Session, verb: str, data: Json) -> Json:
    """Do what is asked and return the answer's data. Raises `TriptychError`; nothing changed then."""
    known = _VERBS.get(verb)
    if known is not None:
        return known(session, data)
    raise Invalid("no such verb", field="verb")


def _start(cause: str) -> Callable[[Session, Json], Json]:
    def start(session: Session, data: Json) -> Json:
        session.start(cause, data)
        return {}

    return start


def _take_shots(session: Session, _data: Json) -> Json:
    return {"id": session.shoot()}


def _stop(session: Session, data: Json) -> Json:
    return _each(session.stop, data)


def _pause(session: Session, data: Json) -> Json:
    return _each(session.pause, data)


def _resume(session: Session, data: Json) -> Json:
    return _each(session.resume, data)


def _each(act: Callable[[str | None], None], data: Json) -> Json:
    """Do it to the activity that is named, or to all."""
    cause = data.get("cause")
    if cause is not None and cause not in ACTIVITIES:
        raise Invalid("no such activity", field="cause")
    act(None if cause is None else str(cause))
    return {}


def _configure(session: Session, data: Json) -> Json:
    told = msgspec.convert(data, Told)
    session.configure(told.parameters, told.mark)
    return {}


def _state(session: Session, _data: Json) -> Json:
    return session.state()


def _view(session: Session, data: Json) -> Json:
    return {"topic": session.view(msgspec.convert(data, Variant))}


def _frame(session: Session, data: Json) -> Json:
    return {"data": session.picture(msgspec.convert(data, Variant))}


_VERBS: Mapping[str, Callable[[Session, Json], Json]] = {
    "record": _start("record"),
    "mission": _start("mission"),
    "live_stream": _start("live_stream"),
    "take_shots": _take_shots,
    "stop": _stop,
    "pause": _pause,
    "resume": _resume,
    "configure": _configure,
    "state": _state,
    "view": _view,
    "frame": _frame,
    **airing.VERBS,
    **PERSONS,
    **SHELF,
    **moves.VERBS,
}
