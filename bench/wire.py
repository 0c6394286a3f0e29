"""A kept-alive HTTP/1.1 client with next to no cost of its own, so that a bench measures the server."""

import asyncio
from types import TracebackType
from typing import Self

LENGTH = b"content-length:"


class Wire:
    """One connection; requests on it go one after the other."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.close()

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Send `body` and return status and body of the answer. Raises `OSError` or `EOFError` when the server is gone."""
        return await self._ask("POST", path, body)

    async def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body of the answer. Raises as `post`."""
        return await self._ask("GET", path, b"")

    async def _ask(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answer.partition(LENGTH)[2].partition(b"\r\n")[0])
        return int(answer[9:12]), await self._reader.readexactly(length)
