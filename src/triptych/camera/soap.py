"""SOAP 1.2 as ONVIF devices speak it: one call, one answer, signed by a WS-Security user name token."""

import base64
import hashlib
import os
from datetime import UTC, datetime, timedelta
from typing import Final
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import httpx

from triptych.clock import to_text
from triptych.errors import Unavailable

BOUND_S: Final = 0.5
"""As long as a device turns without a fresh command: one that takes longer to answer has stopped by itself."""
CONNECT_S: Final = 1.0
MOST_BYTES: Final = 1 << 20
ENVELOPE: Final = "{http://www.w3.org/2003/05/soap-envelope}"
_SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"


class Soap:
    """One device. `skew` is how far its clock is ahead: a signature is good for the device's own time only. Several threads may call."""

    def __init__(self, user: str, password: str) -> None:
        self.skew = timedelta(0)
        self._user, self._password = user, password
        auth = httpx.DigestAuth(user, password) if user else None
        self._http = httpx.Client(timeout=httpx.Timeout(BOUND_S, connect=CONNECT_S), auth=auth, trust_env=False, follow_redirects=False)

    def call(self, url: str, body: str, *, signed: bool = True) -> ET.Element:
        """Return what the body of the answer holds.

        Raises `Unavailable`: code `head_silent` when nobody answers, `head_refused` when the device refuses.
        """
        envelope = self._envelope(body, signed=signed and bool(self._user))
        try:
            with self._http.stream(
                "POST", url, content=envelope, headers={"Content-Type": "application/soap+xml; charset=utf-8"}
            ) as answer:
                text = _bounded(answer)
        except httpx.HTTPError as fault:
            raise Unavailable("The ONVIF device does not answer.", code="head_silent") from fault
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise Unavailable("The ONVIF device refuses user or password.", code="head_refused")
        return _content(text)

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def _envelope(self, body: str, *, signed: bool) -> bytes:
        header = f"<s:Header>{self._token()}</s:Header>" if signed else ""
        text = f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">{header}<s:Body>{body}</s:Body></s:Envelope>'
        return f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode()

    def _token(self) -> str:
        """Return the user name token with a digest of nonce, time and password, as WS-Security 1.0 says."""
        nonce, created = os.urandom(16), to_text(datetime.now(UTC) + self.skew, digits=3)
        signature = hashlib.sha1(nonce + created.encode() + self._password.encode(), usedforsecurity=False)
        digest, shown = (base64.b64encode(one).decode() for one in (signature.digest(), nonce))
        return (
            f'<w:Security s:mustUnderstand="1" xmlns:w="{_SECURITY}wssecurity-secext-1.0.xsd"><w:UsernameToken>'
            f"<w:Username>{escape(self._user)}</w:Username>"
            f'<w:Password Type="{_SECURITY}username-token-profile-1.0#PasswordDigest">{digest}</w:Password>'
            f'<w:Nonce EncodingType="{_SECURITY}soap-message-security-1.0#Base64Binary">{shown}</w:Nonce>'
            f'<u:Created xmlns:u="{_SECURITY}wssecurity-utility-1.0.xsd">{created}</u:Created>'
            "</w:UsernameToken></w:Security>"
        )


def _bounded(answer: httpx.Response) -> bytes:
    text = b""
    for part in answer.iter_bytes():
        text += part
        if len(text) > MOST_BYTES:
            raise Unavailable("The ONVIF device answers more than 1 MB.", code="head_refused")
    return text


def _content(text: bytes) -> ET.Element:
    """Return the first element of the body. What defines entities is not read: an answer needs none."""
    if b"<!DOCTYPE" in text:
        raise Unavailable("The ONVIF device answers with a document type.", code="head_refused")
    try:
        body = ET.fromstring(text).find(f"{ENVELOPE}Body")  # noqa: S314 - of bounded size, without entities
    except ET.ParseError as fault:
        raise Unavailable("The ONVIF device answers no XML.", code="head_refused") from fault
    content = None if body is None else next(iter(body), None)
    if content is None:
        raise Unavailable("The ONVIF device answers no SOAP.", code="head_refused")
    if content.tag == f"{ENVELOPE}Fault":
        raise Unavailable(f"The ONVIF device refuses: {_reason(content)}.", code="head_refused")
    return content


def _reason(fault: ET.Element) -> str:
    text = fault.findtext(f"{ENVELOPE}Reason/{ENVELOPE}Text") or "no reason given"
    return " ".join(text.split())[:100].rstrip(".")
