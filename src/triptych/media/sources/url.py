"""A far camera: RTSP over one TCP connection, or pictures by HTTP, from an address that was judged (camera S7)."""

import http.client
import socket
import ssl
import urllib.request
from binascii import b2a_base64
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

import av
from av.container import InputContainer

from triptych import __version__
from triptych.contracts import Clock
from triptych.errors import Invalid, Unavailable
from triptych.media.decode import DEMUXERS
from triptych.media.hosts import check_not_metadata
from triptych.media.lines import Resolve, addresses, judged_line
from triptych.media.live import Line, LiveSource
from triptych.media.relay import Relay
from triptych.media.sources import UrlOptions
from triptych.model import Place

CONNECT_S = SILENCE_S = 3.0
MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
BUFFER_BYTES = 1 << 15
PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
REFUSED = "The camera's host is not allowed."


class UrlSource(LiveSource):
    """The picture of a far camera, with its sound where it has one."""

    def __init__(self, options: UrlOptions, clock: Clock, place: Place, *, resolve: Resolve = addresses) -> None:
        kind = RtspLine if urlsplit(options.url).scheme.startswith("rtsp") else HttpLine
        line: Line = kind(options, place.inputs.private_hosts, resolve)
        super().__init__(line, clock)


class _Held(Protocol):
    def close(self) -> object: ...


class FarLine:
    """What both ways have in common: a connection that was judged, and hanging up."""

    schemes: frozenset[str]

    def __init__(self, options: UrlOptions, private_hosts: Sequence[str] = (), resolve: Resolve = addresses) -> None:
        self._options, self._private_hosts, self._resolve = options, private_hosts, resolve
        self._held: list[_Held] = []
        self._hung_up = False

    def hang_up(self) -> None:
        """End whatever is open, so that nobody waits for it any longer."""
        self._hung_up = True
        for one in list(self._held):
            _end(one)

    def close(self) -> None:
        """Give every connection back."""
        for one in self._held:
            _end(one)
            one.close()

    def _connect(self, parts: SplitResult) -> socket.socket:
        """Return a connection to where `parts` lead. Raises `Unavailable` for an address that is not allowed."""
        host = (parts.hostname or "").removesuffix(".")
        if parts.scheme not in self.schemes or not host:
            raise Unavailable(REFUSED, code="source_lost")
        check = None if host in self._private_hosts else check_not_metadata
        tls = self._context() if parts.scheme in {"https", "rtsps"} else None
        try:
            port = parts.port or PORTS[parts.scheme]
            line = judged_line(host, port, check, self._resolve, tls=tls, silence_s=SILENCE_S, connect_s=CONNECT_S)
        except Invalid as fault:
            raise Unavailable(REFUSED, code="source_lost") from fault
        except socket.gaierror as fault:
            raise Unavailable("The camera's host is not known.", code="source_lost") from fault
        except ssl.SSLError as fault:
            raise Unavailable("The camera's certificate is not trusted.", code="source_lost") from fault
        except ConnectionError as fault:
            raise Unavailable("The camera's host takes no connection.", code="source_lost") from fault
        return self._keep(line)

    def _keep(self, line: socket.socket) -> socket.socket:
        self._held.append(line)
        if self._hung_up:
            _end(line)
        return line

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if not self._options.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class RtspLine(FarLine):
    """RTSP with its media on the same TCP connection. FFmpeg speaks to a relay on loopback, never to the network."""

    schemes = frozenset({"rtsp", "rtsps"})

    def open(self) -> InputContainer:
        """Return the stream, after at most 3 redirects."""
        url = self._options.url
        for _ in range(1 + MOST_REDIRECTS):
            relay = Relay(self._connect(urlsplit(url)))
            self._held.append(relay)
            try:
                return self._play(url, relay.port)
            except av.FFmpegError:
                relay.close()
                if relay.moved is None:
                    raise
                url = _led(url, relay.moved)
        raise Unavailable("The camera leads from one address to the next.", code="source_lost")

    def _play(self, url: str, port: int) -> InputContainer:
        parts = urlsplit(url)
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        near = parts._replace(scheme="rtsp", netloc=f"{user}127.0.0.1:{port}", fragment="").geturl()
        options = {
            "rtsp_transport": "tcp",
            "protocol_whitelist": "tcp",
            "allowed_media_types": "video+audio",
            "analyzeduration": "200000",
            "fpsprobesize": "3",
        }
        return av.open(near, format="rtsp", container_options=options, timeout=(SILENCE_S, None))


class HttpLine(FarLine):
    """Pictures by HTTP: a multipart of JPEGs, or a stream in a format that holds all of itself."""

    schemes = frozenset({"http", "https"})

    def open(self) -> InputContainer:
        """Return the stream, after at most 3 redirects."""
        url = self._options.url
        for _ in range(1 + MOST_REDIRECTS):
            response = self._get(urlsplit(url))
            if response.status not in REDIRECTS or not response.headers["Location"]:
                return _container(response)
            url = _led(url, response.headers["Location"])
            response.close()
        raise Unavailable("The camera leads from one address to the next.", code="source_lost")

    def _get(self, parts: SplitResult) -> http.client.HTTPResponse:
        """Ask once, and again with the credentials of the address if the camera wants to see them."""
        response = self._ask(parts, None)
        if response.status == http.HTTPStatus.UNAUTHORIZED and parts.username is not None:
            authorization = _authorization(response.headers.get_all("WWW-Authenticate", []), parts)
            response.close()
            response = self._ask(parts, authorization)
        return response

    def _ask(self, parts: SplitResult, authorization: str | None) -> http.client.HTTPResponse:
        kind = http.client.HTTPConnection if parts.scheme == "http" else http.client.HTTPSConnection
        connection = kind(parts.hostname or "", parts.port)
        connection.sock = self._connect(parts)
        headers = {"User-Agent": f"triptych/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
        if authorization is not None:
            headers["Authorization"] = authorization
        connection.request("GET", _selector(parts), headers=headers)
        response = connection.getresponse()
        self._held.append(response)
        return response


def _end(held: _Held) -> None:
    """Let whoever waits for it go on."""
    if isinstance(held, socket.socket):
        with suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)
    if isinstance(held, Relay):
        held.close()


class Body:
    """What a response gives, as FFmpeg reads files: forwards only."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response

    def read(self, size_bytes: int) -> bytes:
        """Return what is there, at most `size_bytes`; nothing at the end."""
        return self._response.read1(size_bytes)

    def close(self) -> None:
        """End the response."""
        self._response.close()


def _container(response: http.client.HTTPResponse) -> InputContainer:
    if response.status in {http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN}:
        raise Unavailable("The camera refused the user name or password.", code="source_lost")
    if response.status == http.HTTPStatus.NOT_FOUND:
        raise Unavailable("The camera has no such stream.", code="source_lost")
    if response.status != http.HTTPStatus.OK:
        raise Unavailable("The camera answered with an error.", code="source_lost")
    is_multipart = response.headers.get_content_type().startswith("multipart/")
    options = {"protocol_whitelist": "none", "analyzeduration": "500000"}
    options |= {"probesize": "32"} if is_multipart else {"format_whitelist": DEMUXERS}
    return av.open(Body(response), "r", format="mpjpeg" if is_multipart else None, container_options=options, buffer_size=BUFFER_BYTES)


def _authorization(challenges: Sequence[str], parts: SplitResult) -> str | None:
    """Return the answer to the first challenge that we know."""
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    passwords.add_password(None, bare.geturl(), unquote(parts.username or ""), unquote(parts.password or ""))
    request = urllib.request.Request(bare._replace(path=_selector(parts), query="", fragment="").geturl())  # noqa: S310 - never opened
    for challenge in challenges:
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "digest":
            asked = urllib.request.parse_keqv_list(list(filter(None, urllib.request.parse_http_list(rest))))
            return f"Digest {urllib.request.HTTPDigestAuthHandler(passwords).get_authorization(request, asked)}"
    return _basic(parts)


def _basic(parts: SplitResult) -> str:
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return f"Basic {b2a_base64(pair.encode(), newline=False).decode()}"


def _selector(parts: SplitResult) -> str:
    return quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe="/%?=&:@!$'()*+,;~")


def _led(url: str, location: str) -> str:
    """Return where an answer led; the credentials go along to the same host alone."""
    before, after = urlsplit(url), urlsplit(urljoin(url, location))
    bare = after.netloc.rpartition("@")[2]
    user = before.netloc.rpartition("@")[0] if before.hostname == after.hostname else ""
    return after._replace(netloc=f"{user}@{bare}" if user else bare).geturl()
