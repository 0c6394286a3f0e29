"""camera 6, media R2: bytes of recordings, and their ranges."""

import pytest
from starlette.responses import Response

from triptych.errors import Invalid
from triptych.panels.http import Panel, Role, Route
from triptych.panels.ranges import Content, attachment, byte_range, ranged

SIZE = 1000
FILM = bytes(number % 251 for number in range(SIZE))


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-99", (0, 100)),
        ("bytes=900-", (900, 1000)),
        ("bytes=900-5000", (900, 1000)),
        ("bytes=-100", (900, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes=500-400", None),
        ("bytes=0-1,5-6,8-9", None),
        ("bytes=-", None),
        ("items=0-99", None),
        ("bytes=a-b", None),
    ],
)
def test_one_range_is_kept_and_nonsense_is_the_whole(header, part):
    """The bad-input table of camera 11: reversed and several ranges are answered with the whole."""
    assert byte_range(header, SIZE) == part


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_past_the_end_is_refused(header):
    with pytest.raises(Invalid, match="past the end"):
        byte_range(header, SIZE)


@pytest.fixture
async def film(open_door):
    """A server with one file of 1000 bytes."""

    async def read(begin, end):
        for at in range(begin, end, 300):
            yield FILM[at : min(end, at + 300)]

    async def play(request):
        content = Content(size_bytes=SIZE, etag='"e1"', media_type="video/mp4", modified_s=0, file_name="a.mp4")
        return ranged(request, content, read)

    route = Route(method="GET", path="/film", handler=play, role=Role.VIEWER, summary="Play.")
    door = await open_door(Panel(name="p", routes=(route,), refuse=lambda *_: Response(status_code=500)))

    async def ask(method="GET", **headers):
        return await door.ask(method, "/film", **headers)

    return ask


async def test_the_whole_and_its_head(film):
    """media R2, G7: HEAD works wherever GET does."""
    whole, head = await film(), await film("HEAD")
    assert (whole.status, whole.body) == (200, FILM)
    assert (head.status, head.body) == (200, b"")
    for answer in (whole, head):
        assert answer.headers["content-length"] == "1000"
        assert (answer.headers["accept-ranges"], answer.headers["etag"], answer.headers["content-type"]) == ("bytes", '"e1"', "video/mp4")
    part = await film("HEAD", range="bytes=0-9")
    assert (part.status, part.headers["content-length"], part.body) == (206, "10", b"")


async def test_a_part(film):
    """media R2: Range, 206, 416."""
    part = await film(range="bytes=290-610")
    assert (part.status, part.headers["content-range"], part.body) == (206, "bytes 290-610/1000", FILM[290:611])
    past = await film(range="bytes=1000-")
    assert (past.status, past.headers["content-range"]) == (416, "bytes */1000")


async def test_a_part_of_an_older_file_is_the_whole_of_this_one(film):
    """media R2: If-Range, ETag."""
    assert (await film(range="bytes=0-9", if_range='"e1"')).status == 206
    assert (await film(range="bytes=0-9", if_range='"e0"')).body == FILM
    assert (await film(if_none_match='"e1"')).status == 304
    assert (await film(if_none_match='"e0"')).status == 200


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("12_00_00.mp4", 'attachment; filename="12_00_00.mp4"'),
        ("Grüße.mp4", "attachment; filename=\"Gr__e.mp4\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.mp4"),
        ('a"b;c.mp4', "attachment; filename=\"a_b;c.mp4\"; filename*=UTF-8''a%22b%3Bc.mp4"),
    ],
)
def test_a_file_is_saved_under_any_name(name, header):
    """camera S5, RFC 6266: what people call a recording never breaks a header."""
    assert attachment(name) == header
    header.encode("ascii")
