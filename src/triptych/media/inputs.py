"""Where an inputUri leads: which file below the media roots it names, and whether that is one we read (media 2.5, 2.6)."""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from triptych.errors import Invalid, NotFound, TriptychError

MOST_URI_BYTES = 4096
PEEK_BYTES = 4096
UNPROCESSABLE = "unprocessable"

NO_URI = "inputUri must be a path or URI"
OUTSIDE = "inputUri is outside the media roots"


def check_uri(uri: object) -> str:
    """Return the path that `uri` names, its `file:` scheme stripped. Raises `Invalid`."""
    if not isinstance(uri, str) or not uri or len(uri.encode(errors="replace")) > MOST_URI_BYTES or _CONTROL.search(uri):
        raise Invalid(NO_URI, field="inputUri")
    scheme = _SCHEME.match(uri)
    if scheme is None:
        return uri
    if scheme[1].lower() != "file":
        raise Invalid(f"inputUri scheme '{scheme[1]}' is not allowed here", field="inputUri")
    path = uri[scheme.end() :].removeprefix("//")
    if not path:
        raise Invalid(NO_URI, field="inputUri")
    return path


def open_input(uri: str, roots: Sequence[str]) -> int:
    """Return a read-only descriptor of the regular file that `uri` names; the caller closes it.

    Raises `Invalid` (outside the roots; code `unprocessable` for what is no file with something in it) or `NotFound`. No message
    holds a real path.
    """
    path = check_uri(uri)
    homes = [os.path.realpath(root) for root in roots]
    escaped = not homes
    for candidate in _candidates(path, homes):
        if not _is_within(os.path.realpath(candidate), homes):
            escaped = True
            continue
        descriptor = _open(candidate)
        if descriptor is not None:
            return _checked(descriptor, homes)
    if escaped:
        raise Invalid(OUTSIDE, field="inputUri")
    raise NotFound("input not found", code="input_not_found", field="inputUri")


def find_directory(path: str, roots: Sequence[str]) -> str:
    """Return where the directory `path` lies, spelled as it is. Raises `Invalid` when it is not there or outside the roots."""
    homes = [os.path.realpath(root) for root in roots]
    escaped = not homes
    for candidate in _places(check_uri(path), homes):
        if not _is_within(os.path.realpath(candidate), homes):
            escaped = True
        elif Path(candidate).is_dir():
            return candidate
    raise Invalid("directory is outside the media roots" if escaped else "directory not found", field="directory")


def peek(uri: str, roots: Sequence[str]) -> None:
    """Refuse at submit what can be judged from a look at the file and its first 4 KiB (media U0). Raises as `open_input` does."""
    descriptor = open_input(uri, roots)
    try:
        refuse_text(os.pread(descriptor, PEEK_BYTES, 0))
    finally:
        os.close(descriptor)


def refuse_text(head: bytes) -> None:
    """Raise `Invalid` when a file that begins with `head` is text: a playlist, a manifest, a script, or any other."""
    if b"\0" in head:
        return
    try:
        text = head.decode("utf-8-sig", errors="strict")
    except UnicodeDecodeError as fault:
        if fault.start < len(head) - 3 or fault.reason != "unexpected end of data":
            return
        text = head[: fault.start].decode("utf-8-sig")
    if _BINARY.search(text):
        return
    kind = next((kind for kind, pattern in _KINDS if pattern.search(text)), "text file")
    raise _unprocessable(f"input is a {kind} that points to other media; submit the media itself")


def _candidates(path: str, homes: Sequence[str]) -> Iterator[str]:
    """Yield where `path` may lie, in order: as it is spelled, then percent-decoded."""
    for spelled in dict.fromkeys((path, unquote(path))):
        if "\0" not in spelled:
            yield from _places(spelled, homes)


def _places(spelled: str, homes: Sequence[str]) -> Iterator[str]:
    """Yield where a path may lie, in order: literally as it is, then below each root."""
    whole = os.path.normpath("/" + spelled.lstrip("/")) if spelled.startswith("/") else None
    if whole is not None and _is_within(os.path.realpath(whole), homes):
        yield whole
    for home in homes:
        below = os.path.normpath(os.path.join(home, spelled.lstrip("/")))  # noqa: PTH118 - pathlib would not resolve ".."
        yield below


def _is_within(real: str, homes: Sequence[str]) -> bool:
    return any(Path(real).is_relative_to(home) for home in homes)


def _open(path: str) -> int | None:
    """Open without blocking and without following what a device would do; None when nothing is there."""
    try:
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            raise _unprocessable("input is not a regular file")
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as fault:
        raise NotFound("input not found", code="input_not_found", field="inputUri") from fault


def _checked(descriptor: int, homes: Sequence[str]) -> int:
    """Return `descriptor` if what was really opened lies in a root and is a file with something in it (media U1)."""
    try:
        found = os.fstat(descriptor)
        if not _is_within(os.path.realpath(f"/proc/self/fd/{descriptor}"), homes):
            raise Invalid(OUTSIDE, field="inputUri")
        if not stat.S_ISREG(found.st_mode):
            raise _unprocessable("input is not a regular file")
        if found.st_size == 0:
            raise _unprocessable("input is empty")
    except TriptychError:
        os.close(descriptor)
        raise
    return descriptor


def _unprocessable(message: str) -> Invalid:
    return Invalid(message, code=UNPROCESSABLE, field="inputUri")


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(?::|,(?=[^/]*:))")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_KINDS = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("playlist", r"\A\s*(#EXTM3U|\[playlist\]|<asx|<playlist|<\?xml[^>]*>\s*<playlist|\[Reference\])"),
        ("manifest", r"\A\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(MPD|SmoothStreamingMedia|smil)"),
        ("concat list", r"\A\s*(ffconcat version|(#[^\n]*\n\s*)*file\s)"),
        ("session description", r"\Av=0\r?\n"),
        ("subtitle", r"\A\s*(WEBVTT|\[Script Info\]|\d+\r?\n\d\d:\d\d:\d\d)"),
        ("drawing", r"\A\s*(<\?xml[^>]*>\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg"),
        ("script", r"\A#!"),
    )
)
