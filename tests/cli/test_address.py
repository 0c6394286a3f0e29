"""Where the server is, and who may see the token."""

from pathlib import Path

import httpx
import pytest

from triptych.cli.address import DEFAULT_SERVER, HERE, Server
from triptych.errors import Invalid


def test_this_machines_server_is_the_usual_one() -> None:
    assert (HERE.url(), HERE.headers(), HERE.trust()) == (httpx.URL(DEFAULT_SERVER), {}, False)


@pytest.mark.parametrize("address", ["http://127.0.0.1:8700", "http://localhost", "http://[::1]:8700", "https://triptych.example"])
def test_a_token_is_shown_on_loopback_and_over_https(address: str) -> None:
    assert Server(server=address, token="t").headers() == {"authorization": "Bearer t"}


def test_a_token_is_never_sent_in_the_clear() -> None:
    with pytest.raises(Invalid, match="use https"):
        Server(server="http://triptych.example", token="t").headers()


def test_a_file_without_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    for ca in (tmp_path / "ca.pem", tmp_path / "absent.pem"):
        with pytest.raises(Invalid, match=r"holds no certificates"):
            Server(server="https://here", ca=ca).trust()
