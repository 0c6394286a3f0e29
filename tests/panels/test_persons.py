"""camera 6, S8: `/api/face_encoding`, before a worker whose camera does what a real one does, without a process of its own."""

import base64
import io
import json
import zipfile
from urllib.parse import quote

import pytest

from panels.system import running_system
from portraits import couple, hoppers, jpeg, men
from triptych.camera.definition import Definition
from triptych.camera.parameters import Parameters
from triptych.camera.persons.rules import PIECE_BYTES
from triptych.camera.records import Archive
from triptych.camera.session import Session
from triptych.camera.stream import Views
from triptych.camera.verbs import obey
from triptych.clock import SystemClock
from triptych.errors import TriptychError
from triptych.messages import Answer, Refused
from triptych.panels.camera import PANEL
from triptych.tokens import Role

PATH = "/api/face_encoding"
BOUNDARY = "x7"
NOBODY = "6f1f5c9e-6e0b-4a55-9a67-2f0d4d0d7a11"


class Quiet:
    """Takes note of nothing."""

    def __getattr__(self, name):
        return lambda *_: None


class House:
    """The panel, and the camera that answers it."""

    def __init__(self, system, session):
        self.system, self.session, self.asks = system, session, []

    async def answer(self, request):
        self.asks.append(request)
        try:
            return Answer(data=dict(obey(self.session, request.verb, request.data)))
        except TriptychError as fault:
            return Refused(code=fault.code, message=fault.message)

    async def ask(self, method, query="", body=b"", **headers):
        return await self.system.door.ask(method, f"{PATH}{query}", body, **headers)

    async def told(self, method, query="", body=b"", **headers):
        reply = await self.ask(method, query, body, **headers)
        assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
        return json.loads(reply.body)

    async def send(self, method, query="", **fields):
        """Send JSON; `photos` are pictures."""
        if "photos" in fields:
            photos = [(f"{number}.jpg", jpeg(picture)) for number, picture in enumerate(fields["photos"])]
            fields["photos"] = [{"name": name, "base_sf": base64.b64encode(data).decode()} for name, data in photos]
        return await self.told(method, query, json.dumps(fields).encode())

    async def chunked(self, query, **headers):
        """Read an answer whose length is not known."""
        async with self.system.door.line() as line:
            lines = [f"GET {PATH}{query} HTTP/1.1", "host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
            await line.send("\r\n".join(lines).encode())
            head = await line.reader.readuntil(b"\r\n\r\n")
            pieces = [piece async for piece in _until_empty(line)]
        return head.decode().lower(), b"".join(pieces)

    def files(self, part):
        return [path for path in self.session.folder.glob("persons/*/*") if part in str(path)]

    async def deeds(self):
        entries, _ = await self.system.door.app.service.audit.page(None, 10)
        return [(entry.deed, entry.what) for entry in reversed(entries)]


async def _until_empty(line):
    while piece := await line.chunk():
        yield piece


@pytest.fixture
async def house(tmp_path):
    async with running_system(tmp_path, (PANEL,)) as system:
        archive, views = Archive(tmp_path / "records"), Views("camera:default", lambda topic, picture: None)
        parts = {"folder": tmp_path, "archive": archive, "clock": SystemClock(), "views": views, "teller": Quiet()}
        session = Session("default", Definition(), Parameters(), None, **parts)
        house = House(system, session)
        system.worker.on_ask = house.answer
        yield house
        session.close()


def multipart(*parts):
    body = b""
    for field, file, data in parts:
        named = "" if file is None else f'; filename="{file}"'
        body += f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{field}"{named}\r\n\r\n'.encode() + data + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


async def test_three_photos_by_a_form_make_a_person(house):
    """camera row 43."""
    photos = [("face_images", f"{number}.jpg", jpeg(picture)) for number, picture in enumerate(hoppers())]
    body = multipart(("face_name", None, b"Grace Hopper"), *photos)
    told = await house.told("POST", "", body, content_type=f"multipart/form-data; boundary={BOUNDARY}")
    assert told == {"status": "OK", "data": {"id": told["data"]["id"], "accepted": 3, "rejected": []}}
    assert await house.told("GET") == {
        "status": "OK",
        "data": [{"id": told["data"]["id"], "name": "Grace Hopper", "image_names": ["0.jpg", "1.jpg", "2.jpg"]}],
    }
    assert await house.deeds() == [("person.enrol", {"person": told["data"]["id"], "photos": 3})]
    role = obey(house.session, "person", {"id": told["data"]["id"]})["card"]["pictures"][0]["role"]
    assert role == "admin"


async def test_base64_does_the_same_and_bad_photos_are_told_one_by_one(house):
    """camera row 43: no face, two faces, .exe as .jpg; camera S5."""
    photos = [{"name": "good.jpg", "base_sf": base64.b64encode(jpeg(men()[0])).decode()}]
    photos += [{"name": "two.jpg", "base_sf": base64.b64encode(jpeg(couple())).decode()}]
    photos += [{"name": "virus.jpg", "base_sf": base64.b64encode(b"MZ" + bytes(100)).decode()}, {"name": "odd.jpg", "base_sf": "?"}]
    told = await house.told("POST", "", json.dumps({"face_name": "Man", "photos": photos}).encode())
    assert told["data"]["accepted"] == 1
    assert [(one["image"], one["reason"]) for one in told["data"]["rejected"]] == [
        ("two.jpg", "it shows 2 faces; exactly one is needed"),
        ("virus.jpg", "it is no JPEG or PNG picture"),
        ("odd.jpg", "it is not base64"),
    ]


async def test_where_no_photo_is_accepted_nothing_is_kept(house):
    """camera 6, row 43: none accepted: ERROR."""
    told = await house.send("POST", face_name="Both", photos=[couple()])
    assert told == {"status": "ERROR", "message": "No photo was accepted: it shows 2 faces; exactly one is needed."}
    assert (await house.told("GET"))["data"] == []
    assert house.files("") == []
    assert await house.deeds() == []


@pytest.mark.parametrize(
    ("method", "query", "body"),
    [
        ("POST", "", b""),
        ("POST", "", b"{}"),
        ("POST", "", b'{"face_name": "Ada"}'),
        ("POST", "", b'{"photos": [{"name": "a.jpg", "base_sf": "MQ=="}]}'),
        ("POST", "", b'{"face_name": "../Ada", "photos": [{"name": "a.jpg", "base_sf": "MQ=="}]}'),
        ("POST", "", b"[" * 100),
        ("POST", "?camera=attic", b"{}"),
        ("PUT", "", b'{"face_name": "Ada"}'),
        ("PUT", f"?id={NOBODY}", b'{"face_name": "Ada"}'),
        ("PUT", "?id=a&id=b", b'{"face_name": "Ada"}'),
        ("DELETE", "", b""),
        ("DELETE", "?id=../records", b""),
        ("DELETE", f"?id={NOBODY}", b""),
    ],
)
async def test_bad_input_is_an_error_that_changes_nothing(house, method, query, body):
    """camera W1, W3: HTTP 200, one sentence of at most 200 characters."""
    told = await house.told(method, query, body)
    assert (set(told), told["status"]) == ({"status", "message"}, "ERROR")
    assert 0 < len(told["message"]) <= 200
    assert await house.deeds() == []


async def test_a_photo_travels_in_pieces_that_a_broker_takes(house):
    picture = jpeg(hoppers()[0]) + bytes(3 * PIECE_BYTES)
    body = multipart(("face_name", None, b"Grace"), ("face_images", "a.jpg", picture))
    told = await house.told("POST", "", body, content_type=f"multipart/form-data; boundary={BOUNDARY}")
    assert told["data"]["accepted"] == 1
    sizes = [len(ask.data["data"]) for ask in house.asks if ask.verb == "person_photo"]
    assert (max(sizes), sum(sizes)) == (PIECE_BYTES, len(picture))


async def test_a_person_is_renamed_and_gets_more_photos(house):
    """camera 6: PUT: OK."""
    person = (await house.send("POST", face_name="Grace", photos=hoppers()[:1]))["data"]["id"]
    assert await house.told("PUT", f"?id={person}", b"face_name=Admiral", content_type="application/x-www-form-urlencoded") == {
        "status": "OK"
    }
    more = await house.send("PUT", f"?id={person}", photos=[hoppers()[1], couple()])
    assert (more["status"], more["data"]["accepted"], len(more["data"]["rejected"])) == ("OK", 1, 1)
    (shown,) = (await house.told("GET"))["data"]
    assert (shown["name"], shown["image_names"]) == ("Admiral", ["0.jpg", "0_2.jpg"])
    assert [deed for deed, _ in await house.deeds()] == ["person.enrol", "person.edit", "person.edit"]


async def test_a_picture_is_sent_as_it_is_kept(house):
    """camera 6: GET ?id&image [&download]."""
    person = (await house.send("POST", face_name="Grace", photos=hoppers()[:1]))["data"]["id"]
    reply = await house.ask("GET", f"?id={person}&image=0.jpg")
    assert (reply.status, reply.headers["content-type"], reply.headers["content-disposition"]) == (200, "image/jpeg", "inline")
    assert reply.body.startswith(b"\xff\xd8\xff")
    reply = await house.ask("GET", f"?id={person}&image=0.jpg&download=true")
    assert reply.headers["content-disposition"] == "attachment; filename*=UTF-8''0.jpg"
    for query in (f"?id={person}&image=1.jpg", f"?id={NOBODY}&image=0.jpg", f"?id={person}&image={quote('../card.json')}"):
        reply = await house.ask("GET", query)
        assert (reply.status, json.loads(reply.body)["status"]) == (404, "ERROR")


async def test_a_person_can_be_exported_whole(house):
    """camera S8: a person can be exported."""
    person = (await house.send("POST", face_name="Grace", photos=hoppers()))["data"]["id"]
    head, data = await house.chunked(f"?id={person}&export=true")
    assert "content-type: application/zip" in head
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        card = json.loads(archive.read("card.json"))
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(["card.json", *(f"{picture['id']}.jpg" for picture in card["pictures"])])
    assert (card["name"], len(card["pictures"][0]["encoding"])) == ("Grace", 128)
    assert (await house.ask("GET", f"?id={NOBODY}&export=true")).status == 404


async def test_deleting_leaves_nothing_and_is_noted(house):
    """camera S8, row 43: nothing left on disk; audit of deletions."""
    person = (await house.send("POST", face_name="Grace", photos=hoppers()[:1]))["data"]["id"]
    assert await house.told("DELETE", f"?id={person}") == {"status": "OK"}
    assert house.files(person) == []
    assert await house.deeds() == [("person.enrol", {"person": person, "photos": 1}), ("person.delete", {"person": person})]
    assert (await house.told("DELETE", f"?id={person}"))["status"] == "ERROR"


async def test_a_viewer_sees_who_is_enrolled_and_no_picture(house):
    """camera 2.7, 6: pictures are for operators; 401/403 on byte streams."""
    person = (await house.send("POST", face_name="Grace", photos=hoppers()[:1]))["data"]["id"]
    _, viewer = await house.system.door.app.service.tokens.create(name="v", role=Role.VIEWER, by="test")
    _, operator = await house.system.door.app.service.tokens.create(name="o", role=Role.OPERATOR, by="test")
    mine, theirs = {"authorization": f"Bearer {viewer}"}, {"authorization": f"Bearer {operator}"}
    assert len((await house.told("GET", "", **mine))["data"]) == 1
    for query in (f"?id={person}&image=0.jpg", f"?id={person}&export=1"):
        assert (await house.ask("GET", query, **mine)).status == 403
    assert (await house.ask("GET", f"?id={person}&image=0.jpg", **theirs)).status == 200
    for method in ("POST", "PUT", "DELETE"):
        assert await house.told(method, f"?id={person}", **mine) == {"status": "ERROR", "message": "not allowed"}
