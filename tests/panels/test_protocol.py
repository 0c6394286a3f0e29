import asyncio

import pytest

from panels.door import Open, request
from panels.sample import FIRST, SECOND
from triptych.panels import protocol

DELETE = b"DEL /api/job?cause=x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize("cut", range(5))
async def test_the_token_del_is_served_as_delete_however_it_is_cut(open_door: Open, cut: int) -> None:
    """Camera W6."""
    door = await open_door(SECOND)
    async with door.line() as line:
        await line.send(*filter(None, (DELETE[:cut], DELETE[cut:])))
        assert b'"method":"DELETE"' in (await line.reply()).body


async def test_del_is_understood_on_a_kept_connection_and_between_pipelined_requests(open_door: Open) -> None:
    """Camera W6."""
    door = await open_door(SECOND)
    post = request("POST", "/api/job", b"DEL /api/job DEL D")
    plain = request("DELETE", "/api/job")
    async with door.line() as line:
        for pieces in ([DELETE, plain], [DELETE + post + DELETE + plain + DELETE], [post + b"\r\n" + DELETE[:2], DELETE[2:]]):
            await line.send(*pieces)
            whole = b"".join(pieces)
            for _ in range(whole.count(b"HTTP/1.1")):
                reply = await line.reply()
                assert (reply.status, b"DELETE" in reply.body or b'"body":"DEL /api/job DEL D"' in reply.body) == (200, True)


@pytest.mark.parametrize("pieces", [[b"one ", b"DEL", b" two DE", b"L three D"], [b"D", b"E", b"L", b" ", b"/"], [b"DEL DEL DEL"]])
async def test_del_inside_a_body_is_left_alone(open_door: Open, pieces: list[bytes]) -> None:
    door = await open_door(SECOND)
    body = b"".join(pieces)
    async with door.line() as line:
        await line.send(request("POST", "/api/job", body)[: -len(body)], *pieces)
        assert b'"body":"' + body + b'"' in (await line.reply()).body


async def test_a_header_value_may_say_del(open_door: Open) -> None:
    door = await open_door(SECOND)
    assert (await door.ask("GET", "/api/job", x_note="DEL DEL D")).status == 200


async def test_other_unknown_tokens_are_refused(open_door: Open) -> None:
    door = await open_door(SECOND)
    assert (await door.ask("DELE", "/api/job")).status == 400


@pytest.mark.parametrize("size", [1, 100])
async def test_a_head_above_16_kib_is_refused(open_door: Open, size: int) -> None:
    """Workers 9: header cap 16 KiB; one long header or many, in one packet."""
    door = await open_door(SECOND)
    fields = {f"x_{number}": "v" * (17_000 // size) for number in range(size)}
    assert (await door.ask("GET", "/api/job", **fields)).status == 431
    assert (await door.ask("GET", "/api/job", x="v" * 15_000)).status == 200


async def test_a_head_that_never_ends_is_cut_off(open_door: Open) -> None:
    door = await open_door(SECOND)
    async with door.line() as line:
        await line.send(b"GET /api/job HTTP/1.1\r\nX: ", *[b"v" * 6000] * 4)
        reply = await line.reply()
        assert (reply.status, await line.is_closed()) == (431, True)


@pytest.mark.parametrize(
    "sent", [b"GET /api/job HTTP/1.1\r\nHo", b"DE", b"", b"POST /api/job HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nab"]
)
async def test_a_client_that_stops_talking_is_dropped(open_door: Open, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """Workers 9: 30 s read time-out; shortened here."""
    monkeypatch.setattr(protocol, "READ_TIMEOUT_S", 0.2)
    door = await open_door(SECOND)
    async with door.line() as line:
        await line.send(sent)
        async with asyncio.timeout(10):
            answer = await line.reader.read()
    assert answer.startswith(b"HTTP/1.1 408") or answer == b""


async def test_a_slow_handler_is_no_slow_client(open_door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "READ_TIMEOUT_S", 0.1)
    door = await open_door(SECOND)
    async with door.line() as line:
        await line.send(request("GET", "/api/tick"))
        await line.reader.readuntil(b'data: {"n":1}\n\n\r\n')
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await line.reader.read(1)


async def test_a_body_larger_than_the_cap_is_refused_and_the_connection_stays_usable(open_door: Open) -> None:
    door = await open_door(FIRST)
    async with door.line() as line:
        await line.send(request("POST", "/start", b"x" * 300_000), request("POST", "/start", b"after"))
        first, second = await line.reply(), await line.reply()
        assert (first.status, b"too_large" in first.body) == (418, True)
        assert b"after" in second.body
