"""What the commands say when the server is not there, is another's, or refuses."""

import asyncio
import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from triptych.cli.client import only
from triptych.cli.demo.server import Server
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


async def _has_asked(url, route):
    """Wait until the server has answered a request of this route."""
    async with httpx.AsyncClient() as client, asyncio.timeout(30):
        while f'route="{route}"' not in (await client.get(f"{url}/metrics")).text:
            await asyncio.sleep(0.02)


async def test_output_goes_on_where_it_was_when_the_server_is_killed(start, tmp_path):
    """workers F1, O3, K11: `run` prints every byte once, and exits as the job does."""
    data, named = tmp_path / "data", ("--worker-id", "here")
    script = "for i in 1 2 3; do echo $i; done; while ! test -e $0/go; do sleep 0.05; done; for i in 4 5 6; do echo $i; done; exit 7"
    async with Server(data, arguments=named) as first:
        process = start("run", "--server", first.url, "--", "bash", "-c", script, str(tmp_path))
        assert [await asyncio.to_thread(process.stdout.readline) for _ in range(3)] == ["1\n", "2\n", "3\n"]
        first.kill()
        async with Server(data, arguments=named, port=first.port):
            (tmp_path / "go").touch()
            printed, _ = await asyncio.to_thread(process.communicate, timeout=60)
    assert (printed, process.returncode) == ("4\n5\n6\n", 7)


async def test_a_restart_of_the_server_breaks_no_command_that_waits(start, tmp_path):
    """workers F1: whoever waits, waits on; how the job ended is told by the server that came back."""
    data, named = tmp_path / "data", ("--worker-id", "here")
    async with Server(data, arguments=named) as first, httpx.AsyncClient(base_url=first.url, timeout=30) as client:
        asked = {"worker_id": "here", "command": "sleep", "path": "300"}
        job_id = (await client.post("/start", json=asked)).json()["job_id"]
        process = start("wait", job_id, "--server", first.url)
        await _has_asked(first.url, "/api/v1/jobs/{id}")
        first.kill()
        async with Server(data, arguments=named, port=first.port), httpx.AsyncClient(base_url=first.url, timeout=30) as again:
            await again.post(f"/api/v1/jobs/{job_id}/stop", json={"grace_s": 1})
            printed, told = await asyncio.to_thread(process.communicate, timeout=60)
    assert (printed, process.returncode) == ("stopped\n", 143)
    assert told == f"triptych: {first.url} does not answer; trying again for 60 s\n"
