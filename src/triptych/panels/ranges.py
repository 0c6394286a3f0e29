"""Bytes of a file over HTTP, whole or in part, as players and download managers ask for them (RFC 9110)."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import Invalid
from triptych.panels.http import live_stream

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a file is: `etag` in its quotes, `modified_s` in seconds since 1970; an attached one is saved under its name, not shown."""

    size_bytes: int
    etag: str
    media_type: str
    modified_s: float
    file_name: str
    is_attached: bool = False


def ranged(request: Request, content: Content, read: Callable[[int, int], AsyncIterator[bytes]]) -> Response:
    """Return what a request wants of `content`; `read` yields its bytes from the first place up to the second."""
    disposition = attachment(content.file_name) if content.is_attached else "inline"
    headers = {
        "accept-ranges": "bytes",
        "etag": content.etag,
        "last-modified": formatdate(content.modified_s, usegmt=True),
        "content-disposition": disposition,
    }
    if request.headers.get("if-none-match") == content.etag:
        return Response(status_code=304, headers=headers)
    is_current = request.headers.get("if-range", content.etag) == content.etag
    try:
        part = byte_range(request.headers.get("range") if is_current else None, content.size_bytes)
    except Invalid:
        return Response(status_code=416, headers={"content-range": f"bytes */{content.size_bytes}"})
    begin, end = part or (0, content.size_bytes)
    headers["content-length"] = str(end - begin)
    if part is not None:
        headers["content-range"] = f"bytes {begin}-{end - 1}/{content.size_bytes}"
    answer = live_stream(read(begin, end), content.media_type, headers)
    answer.status_code = 200 if part is None else 206
    return answer


def attachment(file_name: str) -> str:
    """Return the header value that saves a file under any name (RFC 6266): spelt out in ASCII, and whole beside it where that differs."""
    plain = "".join(one if " " <= one <= "~" and one not in '"\\' else "_" for one in file_name)
    whole = "" if plain == file_name else f"; filename*=UTF-8''{quote(file_name, safe='')}"
    return f'attachment; filename="{plain}"{whole}'


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return (first, end) of the one range that a `Range` header asks for, end exclusive; None for the whole.

    Several ranges and those that make no sense are answered with the whole (RFC 9110 14.2). Raises `Invalid` with code
    `range_not_satisfiable` where the range begins past the end.
    """
    found = _RANGE.fullmatch((header or "").strip())
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        begin, end = max(0, size - int(last)), size
    else:
        begin, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < begin:
            return None
    if begin >= size:
        raise Invalid("The range lies past the end.", code="range_not_satisfiable", field="range")
    return begin, end
