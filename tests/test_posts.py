"""A POST to a real server on loopback, which a setting allows, and to addresses that none does."""

import time

import pytest

from media.webserver import WebServer, moved, page
from triptych.errors import Invalid, Unavailable
from triptych.model import Inputs
from triptych.posts import check_target, post

HOST = "hooks.example"


def _inputs(*servers: WebServer) -> Inputs:
    return Inputs(private_hosts=(HOST, "127.0.0.1"), ports=tuple(server.port for server in servers))


def _posted(server: WebServer, path: str = "/", **more) -> int:
    url, here = f"http://{HOST}:{server.port}{path}", {"inputs": _inputs(server), "resolve": lambda *_: ["127.0.0.1"]}
    return post(url, b'{"a":1}', {"X-Mark": "1"}, **here | more)


@pytest.mark.parametrize("status", [200, 204, 404, 410, 500])
def test_a_body_is_sent_and_the_status_told(status) -> None:
    """media A5."""
    with WebServer({"/in?a=1": page(b"", status)}) as server:
        assert _posted(server, "/in?a=1") == status
        assert server.asked == [("POST", "/in?a=1", f"{HOST}:{server.port}")]
        ((headers, body),) = server.posted
        assert (headers["X-Mark"], body) == ("1", b'{"a":1}')


def test_a_post_is_not_led_elsewhere() -> None:
    """media U3, A5: a redirection is an answer like another."""
    with WebServer({"/": moved("/other"), "/other": page(b"")}) as server:
        assert _posted(server) == 302
        assert len(server.asked) == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
def test_a_name_with_a_private_address_is_refused_and_nothing_sent(address) -> None:
    """media A5: webhook URLs obey U3."""
    with WebServer({"/": page(b"")}) as server:
        with pytest.raises(Invalid, match="url host is not allowed"):
            _posted(server, inputs=Inputs(ports=(server.port,)), resolve=lambda *_: ["93.184.215.14", address])
        assert server.asked == []


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://127.0.0.1/",
            "http://10.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/x",
            "http://0.0.0.0/",
        ),
        *("http://user@example.com/", "http://example.com:22/"),
    ],
)
def test_an_address_of_its_own_network_is_refused_before_it_is_kept(url) -> None:
    """media A5, U3."""
    with pytest.raises(Invalid, match="url host is not allowed"):
        check_target(url, Inputs())


@pytest.mark.parametrize(
    "url", [None, 5, "", "example.com", "ftp://example.com/", "file:///x", "http://a b/", "http://a/\n", "http://" + "a" * 3000]
)
def test_what_is_no_url_is_refused(url) -> None:
    with pytest.raises(Invalid, match="url must be an http or https address"):
        check_target(url, Inputs())


def test_a_host_of_the_internet_needs_no_list() -> None:
    target = check_target("https://hooks.example/in?a=1", Inputs())
    assert (target.scheme, target.host, target.port, target.path, target.private) == ("https", "hooks.example", 443, "/in?a=1", False)


def test_who_answers_byte_by_byte_is_cut_off_in_time() -> None:
    """media A5: delivery delays nothing; a try has an end."""

    def drip(request) -> None:
        for _ in range(1000):
            request.wfile.write(b"H")
            if server.closing.wait(0.05):
                return

    with WebServer({"/": drip}) as server:
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="no answer"):
            _posted(server, bound_s=0.4)
        assert time.monotonic() - begun < 10


def test_where_nobody_listens_there_is_no_answer() -> None:
    with WebServer({}) as server:
        pass
    with pytest.raises(Unavailable, match="no answer"):
        _posted(server)
