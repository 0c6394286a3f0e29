"""Where an inputUri leads: which file below the media roots it names, and whether that is one we read (media 2.5, 2.6)."""

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from triptych.errors import Invalid, NotFound
from triptych.media.hosts import check_url
from triptych.model import Inputs

MOST_URI_BYTES = 4096
PEEK_BYTES = 4096
UNPROCESSABLE = "unprocessable"
BAD_MEDIA = "bad_media"
REMOTE = frozenset({"http", "https"})
WILDCARDS = "*?"
NOWHERE_ELSE = Inputs()

NO_URI = "inputUri must be a path or URI"
OUTSIDE = "inputUri is outside the media roots"
REFERS_OUTSIDE = "input refers to media outside the file"


def check_uri(uri: object, inputs: Inputs = NOWHERE_ELSE) -> str:
    """Return the path that `uri` names below the roots, its `file:` scheme stripped, or the URL itself for http(s).

    Judges by the words alone, before anything is looked at. Raises `Invalid`.
    """
    if not isinstance(uri, str) or not uri or len(uri.encode(errors="replace")) > MOST_URI_BYTES or _CONTROL.search(uri):
        raise Invalid(NO_URI, field="inputUri")
    scheme = _SCHEME.match(uri)
    if scheme is None:
        return uri
    rest = uri[scheme.end() :].removeprefix("//")
    match scheme[1].lower():
        case "file" if rest:
            return rest
        case "file":
            raise Invalid(NO_URI, field="inputUri")
        case "gs" if inputs.buckets:
            return _bucket_path(rest, inputs.buckets)[1]
        case "http" | "https" if inputs.hosts:
            check_url(uri, inputs)
            return uri
        case _:
            raise Invalid(f"inputUri scheme '{scheme[1]}' is not allowed here", field="inputUri")


def is_remote(uri: str) -> bool:
    """Say whether `uri` is fetched over the network rather than opened."""
    scheme = _SCHEME.match(uri)
    return scheme is not None and scheme[1].lower() in REMOTE


def open_input(uri: str, roots: Sequence[str], inputs: Inputs = NOWHERE_ELSE) -> int:
    """Return a read-only descriptor of the regular file that `uri` names; the caller closes it.

    Raises `Invalid` (outside the roots; code `unprocessable` for what is no file with something in it) or `NotFound`. No message
    holds a real path.
    """
    path = check_uri(uri, inputs)
    homes = [os.path.realpath(root) for root in roots]
    escaped = not homes
    for candidate in _candidates(path, _bucket_folder(uri, inputs), homes):
        if not _is_within(os.path.realpath(candidate), homes):
            escaped = True
            continue
        descriptor = _open(candidate, homes)
        if descriptor is not None:
            return descriptor
    if escaped:
        raise Invalid(OUTSIDE, field="inputUri")
    raise _not_found()


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


def peek(uri: str, roots: Sequence[str], inputs: Inputs = NOWHERE_ELSE) -> None:
    """Refuse at submit what can be judged from a look at the file and its first 4 KiB (media U0). Raises as `open_input` does.

    Of what is fetched, or may lie in a root that is mounted on the worker alone, the job is the judge.
    """
    check_uri(uri, inputs)
    if is_remote(uri):
        return
    try:
        descriptor = open_input(uri, roots, inputs)
    except NotFound:
        if all(Path(root).is_dir() for root in roots):
            raise
        return
    try:
        refuse_text(os.pread(descriptor, PEEK_BYTES, 0))
    except Invalid as fault:
        if fault.code != BAD_MEDIA:
            raise
    finally:
        os.close(descriptor)


def refuse_text(head: bytes) -> None:
    """Raise `Invalid` when a file that begins with `head` is text: a playlist, a manifest, a script, or any other.

    Its code is `unprocessable`, but `bad_media` for an IMF composition, of which the job is the judge (media 9).
    """
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
    if _COMPOSITION.search(text):
        raise Invalid(REFERS_OUTSIDE, code=BAD_MEDIA, field="inputUri")
    kind = next((kind for kind, pattern in _KINDS if pattern.search(text)), "text file")
    raise _unprocessable(f"input is a {kind} that points to other media; submit the media itself")


def _candidates(path: str, bucket: str | None, homes: Sequence[str]) -> Iterator[str]:
    """Yield where `path` may lie, in order: as it is spelled, then percent-decoded. With a `bucket` it lies in that folder alone."""
    for spelled in dict.fromkeys((path, unquote(path))):
        if "\0" in spelled:
            continue
        if bucket is None:
            yield from _places(spelled, homes)
        else:
            below = _below(bucket, spelled)
            yield below if _is_within(below, (bucket,)) else "/"


def _places(spelled: str, homes: Sequence[str]) -> Iterator[str]:
    """Yield where a path may lie, in order: literally as it is, then below each root."""
    whole = os.path.normpath("/" + spelled.lstrip("/")) if spelled.startswith("/") else None
    if whole is not None and _is_within(os.path.realpath(whole), homes):
        yield whole
    for home in homes:
        yield _below(home, spelled)


def _below(folder: str, spelled: str) -> str:
    return os.path.normpath(os.path.join(folder, spelled.lstrip("/")))  # noqa: PTH118 - pathlib would not resolve ".."


def _bucket_folder(uri: str, inputs: Inputs) -> str | None:
    """Return the folder of the bucket that `uri` names; None where it names none."""
    scheme = _SCHEME.match(uri)
    if scheme is None or scheme[1].lower() != "gs":
        return None
    return os.path.normpath(_bucket_path(uri[scheme.end() :].removeprefix("//"), inputs.buckets)[0])


def _bucket_path(rest: str, buckets: Mapping[str, str]) -> tuple[str, str]:
    """Return the folder and the path in it that `bucket/object` names."""
    bucket, _, name = rest.partition("/")
    if bucket not in buckets:
        raise Invalid(f"inputUri bucket '{bucket}' is not known here", field="inputUri")
    if any(letter in name for letter in WILDCARDS):
        raise Invalid("inputUri must name one object, without wildcards", field="inputUri")
    if not name:
        raise Invalid(NO_URI, field="inputUri")
    return buckets[bucket], name


def _is_within(real: str, homes: Sequence[str]) -> bool:
    return any(Path(real).is_relative_to(home) for home in homes)


def _open(path: str, homes: Sequence[str]) -> int | None:
    """Look at what lies at `path` without touching it, then open just that, whatever lies there by then; None when nothing does."""
    try:
        looked_at = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as fault:
        raise _not_found() from fault
    try:
        _check(looked_at, homes)
        return os.open(f"/proc/self/fd/{looked_at}", os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as fault:
        raise _not_found() from fault
    finally:
        os.close(looked_at)


def _check(descriptor: int, homes: Sequence[str]) -> None:
    """Raise `Invalid` unless what a name led to lies in a root and is a file with something in it (media U1)."""
    found = os.fstat(descriptor)
    if not _is_within(os.path.realpath(f"/proc/self/fd/{descriptor}"), homes):
        raise Invalid(OUTSIDE, field="inputUri")
    if not stat.S_ISREG(found.st_mode):
        raise _unprocessable("input is not a regular file")
    if found.st_size == 0:
        raise _unprocessable("input is empty")


def _not_found() -> NotFound:
    return NotFound("input not found", code="input_not_found", field="inputUri")


def _unprocessable(message: str) -> Invalid:
    return Invalid(message, code=UNPROCESSABLE, field="inputUri")


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(?::|,(?=[^/]*:))")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_COMPOSITION = re.compile(
    r"\A\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(\w+:)?(CompositionPlaylist|OutputProfileList|AssetMap|PackingList)\b", re.DOTALL
)
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
