"""The server's own fetcher: one input by http(s) into a file without a name, from an address that was judged (media U2, U3)."""

import http.client
import os
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urljoin

from triptych import __version__
from triptych.errors import Invalid, TriptychError
from triptych.media import measured
from triptych.media.hosts import Target, check_url
from triptych.media.inputs import PEEK_BYTES, is_remote, open_input, refuse_text
from triptych.media.lines import Resolve, addresses, connected
from triptych.media.measured import Alive, Broken, FromDecoder
from triptych.media.sandbox import Decoder
from triptych.model import Inputs, Place

MOST_BYTES = 10 << 30
MOST_S = 2 * 60 * 60
MOST_REDIRECTS = 3
SILENCE_S = 30.0
PIECE_BYTES = 1 << 18
REDIRECTS = frozenset({301, 302, 303, 307, 308})
GONE = frozenset({404, 410})


class NotFetched(TriptychError):
    """The input could not be fetched. Codes: `input_gone`, `limits`, `bad_media`."""

    code = "input_gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The most that one fetch may take."""

    size_bytes: int = MOST_BYTES
    seconds: float = MOST_S


class Fetching:
    """The fetch of one URL, in a process of its own, as the job that waits for it holds it. Start it from a process with one thread."""

    def __init__(self, url: str, inputs: Inputs, spool: int, bounds: Bounds) -> None:
        """Begin; `spool` is the descriptor of a file to fill and stays the caller's."""
        self._process = Decoder(spool, lambda spool, send: _fetch_all(url, inputs, bounds, spool, send))
        self.is_done = False

    def filenos(self) -> set[int]:
        """Return what there is to wait for now."""
        return set() if self.is_done else {self._process.fileno()}

    def work(self) -> list[FromDecoder]:
        """Return what has arrived, without waiting: signs of life, and `Broken` if it fails; `is_done` says that all is there."""
        told = self._process.read()
        if told is not None:
            return [measured.decode(message) for message in told]
        self.is_done = self._process.join() == 0
        return [] if self.is_done else [Broken(code="internal", message="input could not be fetched")]

    def hold(self) -> None:
        """Stop where it is."""
        self._process.hold()

    def release(self) -> None:
        """Go on."""
        self._process.release()

    def end(self) -> None:
        """Kill the process if it lives."""
        self._process.end()


def open_source(uri: str, place: Place) -> tuple[int, Fetching | None]:
    """Return a read-only descriptor of the input, and the fetch that fills it where it comes over the network.

    Raises as `inputs.open_input` does, and `Invalid` for text.
    """
    if is_remote(uri):
        return start_fetch(uri, place.inputs, place.data_dir)
    source = open_input(uri, place.media_roots, place.inputs)
    try:
        refuse_text(os.pread(source, PEEK_BYTES, 0))
    except Invalid:
        os.close(source)
        raise
    return source, None


def start_fetch(url: str, inputs: Inputs, folder: str, bounds: Bounds | None = None) -> tuple[int, Fetching]:
    """Begin to fetch `url`; return the descriptor of the file that fills, read-only, and the fetch.

    The file lies in `folder` without a name: its space is free again when the last descriptor is closed. Raises `Invalid` for a URL that
    is not allowed.
    """
    check_url(url, inputs)
    spool = _nameless_file(folder)
    try:
        source = os.open(f"/proc/self/fd/{spool}", os.O_RDONLY | os.O_CLOEXEC)
        return source, Fetching(url, inputs, spool, bounds or Bounds())
    finally:
        os.close(spool)


def fetch(url: str, inputs: Inputs, bounds: Bounds, take: Callable[[bytes], None], resolve: Resolve | None = None) -> None:
    """Get `url`, following at most 3 redirects, and hand what comes to `take`. Raises `Invalid` or `NotFetched`."""
    for _ in range(1 + MOST_REDIRECTS):
        moved = _get(check_url(url, inputs), bounds, take, resolve or addresses)
        if moved is None:
            return
        url = urljoin(url, moved)
    raise NotFetched("input could not be fetched: too many redirects")


def _nameless_file(folder: str) -> int:
    """Return a descriptor of a new file that no folder holds, so that whatever ends the job frees it."""
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        descriptor, path = tempfile.mkstemp(dir=folder, prefix=".fetch-")
        Path(path).unlink()
        return descriptor


def _fetch_all(url: str, inputs: Inputs, bounds: Bounds, spool: int, send: Callable[[bytes], None]) -> None:
    """Be the fetching process."""
    signal.signal(signal.SIGALRM, lambda *_: _too_long())
    signal.setitimer(signal.ITIMER_REAL, bounds.seconds)
    taker = _Taker(spool, bounds.size_bytes, send)
    try:
        fetch(url, inputs, bounds, taker.take)
        _check_head(os.pread(spool, PEEK_BYTES, 0))
    except Invalid as fault:
        send(measured.encode(Broken(code="bad_media", message=fault.message)))
    except NotFetched as fault:
        send(measured.encode(Broken(code=fault.code, message=fault.message)))


def _check_head(head: bytes) -> None:
    if not head:
        raise Invalid("input is empty", field="inputUri")
    refuse_text(head)


def _too_long() -> None:
    raise NotFetched("input takes longer to fetch than this server allows", code="limits")


class _Taker:
    """Writes what comes and gives a sign of life now and then."""

    def __init__(self, spool: int, most_bytes: int, send: Callable[[bytes], None]) -> None:
        self._spool = spool
        self._left_bytes = most_bytes
        self._send = send
        self._told_at = -1.0

    def take(self, piece: bytes) -> None:
        self._left_bytes -= len(piece)
        if self._left_bytes < 0:
            raise too_large()
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[os.write(self._spool, rest) :]
        except OSError as fault:
            raise NotFetched("this server has no room for the input", code="limits") from fault
        if time.monotonic() - self._told_at >= 1:
            self._told_at = time.monotonic()
            self._send(measured.encode(Alive()))


def too_large() -> NotFetched:
    """Return the refusal of an input over the cap."""
    return NotFetched("input is larger than this server fetches", code="limits")


def _get(target: Target, bounds: Bounds, take: Callable[[bytes], None], resolve: Resolve) -> str | None:
    """Send one request and take what it gives; return where it was moved to instead."""
    try:
        connection = connected(target, resolve, silence_s=SILENCE_S)
        with closing(connection):
            headers = {"User-Agent": f"triptych/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
            connection.request("GET", quote(target.path, safe="/%?=&:@!$'()*+,;~"), headers=headers)
            with closing(connection.getresponse()) as response:
                return _answer(response, bounds, take)
    except (OSError, http.client.HTTPException, ValueError) as fault:
        raise NotFetched("input could not be fetched") from fault


def _answer(response: http.client.HTTPResponse, bounds: Bounds, take: Callable[[bytes], None]) -> str | None:
    if response.status in REDIRECTS and (moved := response.getheader("Location")):
        return moved
    if response.status in GONE:
        raise NotFetched("input not found")
    if response.status != http.HTTPStatus.OK or response.getheader("Content-Encoding", "identity") != "identity":
        raise NotFetched("input could not be fetched")
    if response.length is not None and response.length > bounds.size_bytes:
        raise too_large()
    promised, taken = response.length, 0
    while piece := response.read1(PIECE_BYTES):
        taken += len(piece)
        take(piece)
    if promised is not None and taken < promised:
        raise NotFetched("input could not be fetched: it ended early")
    return None
