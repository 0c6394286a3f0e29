"""What a panel may ask about persons of a camera's process."""

from collections.abc import Callable, Mapping

import msgspec

from triptych.camera.persons.album import Card
from triptych.camera.persons.rules import PIECE_BYTES
from triptych.camera.session import Session
from triptych.model import Json


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a photo on its way in."""

    upload: str
    image: str
    data: bytes
    last: bool


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """Whose the photos of an upload are: a person's `id`, else whoever is called `name`; `role` is who says so."""

    role: str
    upload: str | None = None
    id: str | None = None
    name: str | None = None


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of a person, and the part of its bytes that is wanted."""

    id: str
    image: str
    offset: int = 0
    limit: int = PIECE_BYTES


def _persons(session: Session, _data: Json) -> Json:
    return {"persons": [_shown(card) for card in session.reception.album.cards()]}


def _person(session: Session, data: Json) -> Json:
    card = session.reception.album.find(str(data.get("id")))
    return {"card": msgspec.to_builtins(card)}


def _photo(session: Session, data: Json) -> Json:
    piece = msgspec.convert(data, Piece)
    session.reception.check()
    return {"rejected": session.reception.intake.take(piece.upload, piece.image, piece.data, last=piece.last)}


def _enrol(session: Session, data: Json) -> Json:
    asked, reception = msgspec.convert(data, Enrolment), session.reception
    if asked.id is None:
        card = reception.enrol(asked.upload or "", asked.name or "", asked.role)
    else:
        card = reception.amend(asked.id, asked.upload, asked.name, asked.role)
    return _shown(card)


def _forget(session: Session, data: Json) -> Json:
    session.reception.album.forget(str(data.get("id")))
    return {}


def _picture(session: Session, data: Json) -> Json:
    which = msgspec.convert(data, Which)
    picture, path = session.reception.album.picture(which.id, which.image)
    with path.open("rb") as file:
        file.seek(which.offset)
        read = file.read(min(which.limit, PIECE_BYTES))
    return {"media_type": picture.media_type, "size": path.stat().st_size, "data": read}


def _shown(card: Card) -> Json:
    return {"id": card.id, "name": card.name, "image_names": [picture.name for picture in card.pictures]}


VERBS: Mapping[str, Callable[[Session, Json], Json]] = {
    "persons": _persons,
    "person": _person,
    "person_photo": _photo,
    "person_enrol": _enrol,
    "person_forget": _forget,
    "person_picture": _picture,
}
