"""Where live streams go: sites and their accounts as people edit them, and the targets that come of them. Pure."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from triptych.errors import Invalid

Kind = Literal["rtmp", "rtmps", "srt", "file"]
KINDS: tuple[Kind, ...] = ("rtmp", "rtmps", "srt", "file")
PORTS = {"rtmp": 1935, "rtmps": 443}
NAME_CHARACTERS = 80
KEY_CHARACTERS = 1024
URL_CHARACTERS = 2048
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account at a site. Its key is kept apart and never told."""

    account_name: str
    is_active: bool = True


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A place that takes live streams: `server` is where they are sent, `url` a page for people."""

    id: str
    name: str
    url: str = ""
    server: str
    to_be_used: bool = False
    marks: bool = False
    stream_ids: tuple[Account, ...] = ()

    @property
    def kind(self) -> Kind:
        """How it is spoken to."""
        return server_kind(self.server)

    def account(self, name: str) -> Account | None:
        """Return the account of that name, None where there is none."""
        return next((one for one in self.stream_ids if one.account_name == name), None)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One way out of a live stream."""

    site_id: str
    site: str
    account: str | None
    server: str
    key: str = ""
    marks: bool = False

    @property
    def kind(self) -> Kind:
        """How it is spoken to."""
        return server_kind(self.server)

    def __repr__(self) -> str:
        return f"Target({self.site!r}, {self.account!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server listens, and the path behind it without its first slash."""

    host: str
    port: int
    path: str


def server_kind(server: str) -> Kind:
    """Return the kind of a server. Raises `Invalid`."""
    scheme = server.partition(":")[0].lower()
    for kind in KINDS:
        if scheme == kind:
            return kind
    raise Invalid(f"server must begin with one of {', '.join(f'{kind}:' for kind in KINDS)}.", field="server")


def check_server(server: str) -> None:
    """Raise `Invalid` for a server that no stream can be sent to."""
    if len(server) > URL_CHARACTERS or _CONTROL.search(server) or " " in server:
        raise Invalid(f"server must have at most {URL_CHARACTERS} characters, none of them blank.", field="server")
    if server_kind(server) == "file":
        file_name(server)
    else:
        address(server)


def address(server: str) -> Address:
    """Return where a server listens. Raises `Invalid`."""
    parts = urlsplit(server)
    port = _port(parts)
    if not parts.hostname or parts.username is not None or port is None:
        raise Invalid("server must be a URL with a host, a port where it is not the usual one, and no credentials.", field="server")
    if parts.scheme != "srt" and not parts.path.strip("/"):
        raise Invalid("server must name the application behind its host, as in rtmp://host/live.", field="server")
    return Address(host=parts.hostname, port=port, path=parts.path.strip("/") + (f"?{parts.query}" if parts.query else ""))


def file_name(server: str) -> str:
    """Return the name of a file target. Raises `Invalid`."""
    name = server.partition(":")[2]
    if not _FILE.fullmatch(name):
        raise Invalid("server must be file: and a name of 1 to 80 letters, digits, - and _.", field="server")
    return name


def check_label(value: str, field: str, most: int = NAME_CHARACTERS) -> None:
    """Raise `Invalid` for a name that is empty, too long, or holds control characters."""
    if not value.strip() or len(value) > most or _CONTROL.search(value):
        raise Invalid(f"{field} must be a text of 1 to {most} characters.", field=field)


def _port(parts: SplitResult) -> int | None:
    """Return the port, None where there is none or it is none."""
    try:
        port = PORTS.get(parts.scheme) if parts.port is None else parts.port
    except ValueError:
        return None
    return port or None
