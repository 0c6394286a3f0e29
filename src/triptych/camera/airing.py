"""What a panel may ask of a live stream: the fragments that came since it last asked."""

from collections.abc import Callable, Mapping

import msgspec

from triptych.camera.activities.live_stream import Streaming
from triptych.camera.session import Session
from triptych.errors import NotFound
from triptych.model import Json


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a reader is; 0 begins a reading."""

    cursor: int = 0


def _live(session: Session, data: Json) -> Json:
    activity = session.activities["live_stream"]
    if not isinstance(activity, Streaming):
        raise NotFound("There is no live stream.", code="live_off")
    reading = activity.read(msgspec.convert(data, Place).cursor)
    return {"data": reading.data, "cursor": reading.cursor, "ended": reading.ended}


VERBS: Mapping[str, Callable[[Session, Json], Json]] = {"live": _live}
