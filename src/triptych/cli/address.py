"""Where the server is and how it is trusted: the options that every command shares."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
from cyclopts import Parameter

from triptych.errors import Invalid

DEFAULT_SERVER = "http://127.0.0.1:8700"
HIGHEST_PORT = 65535
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server's address, what shows it who asks, and whose word is taken that it is the right one."""

    server: Annotated[str, Parameter(alias="--url", env_var="TRIPTYCH_SERVER", help="address of the server, with http:// or https://.")] = (
        DEFAULT_SERVER
    )
    token: Annotated[
        str | None, Parameter(env_var="TRIPTYCH_TOKEN", help="token to show; better as TRIPTYCH_TOKEN, which others do not see.")
    ] = None
    ca: Annotated[
        Path | None, Parameter(env_var="TRIPTYCH_CA", help="file of certificates to trust with https; the usual ones by default.")
    ] = None

    def url(self) -> httpx.URL:
        """Return the address. Raises `httpx.InvalidURL` when it is none."""
        url = httpx.URL(self.server)
        if (url.port or 0) > HIGHEST_PORT:
            raise httpx.InvalidURL("no such port")
        return url

    def headers(self) -> dict[str, str]:
        """Return what shows who asks. Raises `Invalid` when others could read the token on its way."""
        if self.token is None:
            return {}
        if self.url().scheme != "https" and self.url().host not in LOOPBACK:
            raise Invalid(f"a token is not sent to {self.server} in the clear: use https")
        return {"authorization": f"Bearer {self.token}"}

    def trust(self) -> ssl.SSLContext | bool:
        """Return whom to believe that the server is the right one: nobody has to be asked without https. Raises `Invalid`."""
        if self.url().scheme != "https":
            return False
        try:
            return ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as fault:
            raise Invalid(f"{self.ca} holds no certificates: {fault}") from None


HERE = Server()
"""The server of this machine."""
