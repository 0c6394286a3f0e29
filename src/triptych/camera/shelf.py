"""What a panel may ask of a camera's process about its recordings and shots."""

from collections.abc import Callable, Mapping

import msgspec

from triptych.camera.records import Part
from triptych.camera.session import Session
from triptych.model import Json

MOST_BYTES = 1024 * 1024
MOST_NOTES = 2000


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A date, and from which of its notes on."""

    date: str | None = None
    offset: int = 0


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """A recording or shot, and the part of its bytes that is wanted."""

    id: str
    part: Part = "media"
    offset: int = 0
    limit: int = MOST_BYTES


class Renamed(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording or shot is to be called."""

    id: str
    name: str


class Protected(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a recording or shot is kept whatever limits there are."""

    id: str
    protected: bool


def _records(session: Session, data: Json) -> Json:
    """Return the dates, or a page of the notes of one; `more` says whether others follow."""
    page = msgspec.convert(data, Page)
    if not page.date:
        return {"dates": session.archive.dates(), "notes": None, "more": False}
    notes = session.archive.list(page.date)
    shown = notes[page.offset : page.offset + MOST_NOTES]
    return {"dates": [], "notes": msgspec.to_builtins(shown), "more": page.offset + len(shown) < len(notes)}


def _info(session: Session, data: Json) -> Json:
    which = msgspec.convert(data, Which)
    found = session.archive.open(which.id, which.part)
    return {
        "size": found.size_bytes,
        "etag": found.etag,
        "media_type": found.media_type,
        "file_name": found.file_name,
        "modified": found.modified,
    }


def _read(session: Session, data: Json) -> Json:
    which = msgspec.convert(data, Which)
    with session.archive.locate(which.id, which.part).open("rb") as file:
        file.seek(which.offset)
        return {"data": file.read(min(which.limit, MOST_BYTES))}


def _rename(session: Session, data: Json) -> Json:
    asked = msgspec.convert(data, Renamed)
    session.archive.change(session.archive.find(asked.id), name=asked.name)
    return {}


def _protect(session: Session, data: Json) -> Json:
    asked = msgspec.convert(data, Protected)
    session.archive.change(session.archive.find(asked.id), protected=asked.protected)
    return {}


def _erase(session: Session, data: Json) -> Json:
    note = session.archive.erase(msgspec.convert(data, Which).id)
    session.event("removed", {"id": note.id, "camera": note.camera, "name": note.name, "date": note.date, "why": "asked"})
    return {}


VERBS: Mapping[str, Callable[[Session, Json], Json]] = {
    "records": _records,
    "record_info": _info,
    "read": _read,
    "rename": _rename,
    "protect": _protect,
    "erase": _erase,
}
