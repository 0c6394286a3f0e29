"""camera 6, 8: the photos that a request brings, by whichever form."""

import base64
import json

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request

from triptych.errors import Invalid
from triptych.panels import photos
from triptych.panels.photos import Sent, read_photos

BOUNDARY = "x7"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def request(body, content_type="application/json"):
    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    headers = Headers({"content-type": content_type}).raw
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}, receive)


def form(*parts):
    """Make a multipart body of (field, file name or None, bytes)."""
    body = b""
    for field, file, data in parts:
        named = "" if file is None else f'; filename="{file}"'
        body += f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{field}"{named}\r\n\r\n'.encode() + data + b"\r\n"
    return request(body + f"--{BOUNDARY}--\r\n".encode(), MULTIPART)


def document(**fields):
    return request(json.dumps(fields).encode())


def encoded(data, name="a.jpg"):
    return {"name": name, "base_sf": base64.b64encode(data).decode()}


async def test_a_form_brings_a_name_and_files():
    """camera 6: multipart face_name + 1-20 face_images."""
    brought = await read_photos(form(("face_name", None, b"Ada"), ("face_images", "a.jpg", b"1"), ("face_images", "b.png", b"2" * 5000)))
    assert brought.name == "Ada"
    assert brought.photos == (Sent(name="a.jpg", data=b"1"), Sent(name="b.png", data=b"2" * 5000))


async def test_json_brings_the_same_in_base64():
    """camera 6: JSON {face_name, photos:[{name, base_sf}]} (base64)."""
    line_by_line = {"name": "b.jpg", "base_sf": base64.encodebytes(b"2" * 100).decode()}
    url = {"name": "c.jpg", "base_sf": "data:image/jpeg;base64," + base64.b64encode(b"3").decode()}
    brought = await read_photos(document(face_name="Ada", photos=[encoded(b"1"), line_by_line, url]))
    assert brought.photos == (
        Sent(name="a.jpg", data=b"1"),
        Sent(name="b.jpg", data=b"2" * 100),
        Sent(name="c.jpg", data=b"3"),
    )


@pytest.mark.parametrize("text", ["!!!", "A", "Zm9=v", "é"])
async def test_what_is_no_base64_is_that_photos_fault_alone(text):
    brought = await read_photos(document(face_name="Ada", photos=[{"name": "a.jpg", "base_sf": text}, encoded(b"1")]))
    assert [photo.data for photo in brought.photos] == [None, b"1"]


async def test_a_plain_form_can_rename():
    brought = await read_photos(request(b"face_name=Ada+L%C3%B8v", "application/x-www-form-urlencoded; charset=utf-8"))
    assert (brought.name, brought.photos) == ("Ada Løv", ())


async def test_an_empty_file_field_of_a_browser_is_no_photo():
    brought = await read_photos(form(("face_name", None, b"Ada"), ("face_images", "", b"")))
    assert brought.photos == ()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: form(*[("face_images", f"{number}.jpg", b"1") for number in range(21)]),
        lambda: document(face_name="Ada", photos=[encoded(b"1")] * 21),
        lambda: form(("face_images", None, b"text")),
        lambda: form(("face_name", "a.jpg", b"1")),
        lambda: form(("face_name", None, b"a/b")),
        lambda: document(face_name="a\u0000"),
        lambda: document(face_name=5),
        lambda: document(photos="abc"),
        lambda: document(photos=[{"name": "a.jpg"}]),
        lambda: document(photos=[{"name": "a.jpg", "base_sf": 5}]),
        lambda: request(b"[1]"),
        lambda: request(b'{"face_name": NaN}'),
        lambda: request(b"--other\r\n\r\nx", MULTIPART),
        lambda: request(b"x", "multipart/form-data"),
    ],
)
async def test_bad_input_is_one_clear_sentence(wrong):
    """camera 11: bad input."""
    with pytest.raises(Invalid) as fault:
        await read_photos(wrong())
    assert 0 < len(fault.value.message) <= 200


@pytest.mark.parametrize("many", [lambda: form(("face_images", "a.jpg", b"1" * 3000)), lambda: document(photos=[encoded(b"1" * 3000)])])
async def test_more_than_64_mib_together_are_refused(monkeypatch, many):
    """camera 6: 64 MiB together."""
    assert (photos.FORM_BYTES, photos.JSON_BYTES) == (65 << 20, (64 << 20) // 3 * 4 + (1 << 20))
    for name in ("FORM_BYTES", "JSON_BYTES", "MOST_TOGETHER_BYTES"):
        monkeypatch.setattr(photos, name, 2000)
    with pytest.raises(Invalid) as fault:
        await read_photos(many())
    assert fault.value.code == "too_large"
