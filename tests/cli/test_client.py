"""What the commands say when the server is not there, is another's, or refuses."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from triptych.cli.client import only
from triptych.cli.records import Worker
from triptych.errors import Invalid, Unavailable


def _worker(name):
    return Worker(id=name, state="ready", seen_at=datetime.now(UTC), slots={}, slots_used={})


class Stranger(BaseHTTPRequestHandler):
    """Another program's page, whatever is asked."""

    def do_GET(self):
        self.send_response(404 if "missing" in self.path else 200)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, *_):
        pass


@pytest.fixture
def stranger():
    with HTTPServer(("127.0.0.1", 0), Stranger) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def _refused(process):
    printed, told = process.communicate(timeout=60)
    assert (process.returncode, printed) == (2, "")
    (line,) = told.splitlines()
    return line


@pytest.mark.parametrize(
    "words", [("ps",), ("workers", "--json"), ("run", "--", "true"), ("logs", "x", "-f"), ("start", "true"), ("stop", "x")]
)
def test_a_server_that_is_not_there_is_told_in_one_sentence(start, words):
    told = _refused(start(words[0], "--server", "http://127.0.0.1:1", *words[1:]))
    assert told.startswith("triptych: no server answers at http://127.0.0.1:1;")


@pytest.mark.parametrize("address", ["nonsense", "ftp://here", "http://[", "http://127.0.0.1:99999"])
def test_what_is_no_address_is_told(start, address):
    assert address in _refused(start("ps", "--server", address))


@pytest.mark.parametrize("words", [("ps",), ("wait", "x"), ("workers",)])
def test_a_server_of_something_else_is_told(start, stranger, words):
    assert _refused(start(*words, "--server", stranger)) == f"triptych: what answers at {stranger} is not a Triptych server"


def test_a_refusal_without_a_reason_is_told_by_its_status(start, stranger):
    assert "404" in _refused(start("wait", "missing", "--server", stranger))


def test_the_address_may_come_from_the_environment(call):
    assert json.loads(call("workers", "--json").stdout)["workers"]


def test_the_only_worker_is_taken_and_several_are_named():
    assert only([_worker("one")]) == "one"
    with pytest.raises(Invalid, match=r"--worker: one, two"):
        only([_worker("one"), _worker("two")])
    with pytest.raises(Unavailable):
        only([])
