"""A certificate of a test's own, as files for a server and as trust for a client."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The files of a server that is called 127.0.0.1 and localhost, and a client's trust in it."""

    cert: Path
    key: Path
    ca: Path
    trust: ssl.SSLContext


def made(folder: Path) -> Tls:
    """Make them in a folder."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    found = Tls(cert=folder / "cert.pem", key=folder / "key.pem", ca=folder / "ca.pem", trust=ssl.create_default_context())
    for blob in issued.cert_chain_pems:
        blob.write_to_path(found.cert, append=True)
    found.key.touch(0o600)
    issued.private_key_pem.write_to_path(found.key)
    authority.cert_pem.write_to_path(found.ca)
    authority.configure_trust(found.trust)
    return found
