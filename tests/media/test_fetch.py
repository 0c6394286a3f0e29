import os
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from kinds.jobprocess import PATIENCE_S, JobProcess
from media.webserver import WebServer, moved, page
from triptych.errors import Invalid, TriptychError
from triptych.media.fetch import Bounds, NotFetched, _nameless_file, fetch
from triptych.media.hosts import REFUSED
from triptych.media.sample import write_sample
from triptych.messages import Answer, Paused, Resumed
from triptych.model import EndReason, Inputs

HOST = "media.example"


class Names:
    """A name service that gives one answer after the other."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def _inputs(server: WebServer, *hosts: str, private: bool = True) -> Inputs:
    hosts = hosts or (HOST,)
    return Inputs(hosts=hosts, private_hosts=hosts if private else (), ports=(server.port,))


def _fetched(server: WebServer, path: str, *, inputs: Inputs | None = None, names: Names | None = None, scheme: str = "http") -> bytes:
    pieces: list[bytes] = []
    url = f"{scheme}://{HOST}:{server.port}{path}"
    fetch(url, inputs or _inputs(server), Bounds(), pieces.append, names or Names(["127.0.0.1"]))
    return b"".join(pieces)


def test_what_a_host_gives_is_fetched_by_get_under_its_own_name() -> None:
    """media U2."""
    with WebServer({"/a%20b.mp4?c=1": page(b"\0media")}) as server:
        assert _fetched(server, "/a b.mp4?c=1") == b"\0media"
        assert server.asked == [("GET", "/a%20b.mp4?c=1", f"{HOST}:{server.port}")]


def test_an_answer_without_a_length_is_taken_to_its_end() -> None:
    with WebServer({"/a": page(b"\0" * 700_000, promised=-1)}) as server:
        assert len(_fetched(server, "/a")) == 700_000


def test_three_redirects_are_followed_and_no_fourth() -> None:
    """media U2."""
    pages = {f"/{number}": moved(f"/{number + 1}") for number in range(5)} | {"/5": page(b"\0end")}
    with WebServer(pages) as server:
        assert _fetched(server, "/2") == b"\0end"
        with pytest.raises(NotFetched, match="too many redirects"):
            _fetched(server, "/1")


@pytest.mark.parametrize(
    "to", ["http://elsewhere.example/x", "file:///etc/passwd", "http://127.0.0.1/", "//u@media.example/", "gopher://media.example/"]
)
def test_each_redirect_is_checked_anew(to) -> None:
    """media U2."""
    with WebServer({"/a": moved(to)}) as server:
        with pytest.raises(Invalid, match=REFUSED):
            _fetched(server, "/a")
        assert len(server.asked) == 1


def test_the_address_that_was_judged_is_the_one_that_is_called() -> None:
    """media U3: a name that leads elsewhere the second time is not asked a second time."""
    with WebServer({"/a": page(b"\0media")}) as server:
        names = Names(["127.0.0.1"], ["192.0.2.1"])
        assert _fetched(server, "/a", names=names) == b"\0media"
        assert names.asked == [HOST]


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"]])
def test_a_host_with_a_private_address_is_refused_and_not_called(answer) -> None:
    """media U3."""
    with WebServer({"/a": page(b"\0media")}) as server:
        with pytest.raises(Invalid) as caught:
            _fetched(server, "/a", inputs=_inputs(server, private=False), names=Names(answer))
        assert caught.value.message == REFUSED
        assert server.asked == []


def test_each_hop_is_resolved_and_judged_by_itself() -> None:
    """media U3: a host that may be private leads to one that may not."""
    with WebServer({"/b": page(b"\0secret")}) as inner, WebServer({"/a": moved(f"http://public.example:{inner.port}/b")}) as outer:
        inputs = Inputs(hosts=(HOST, "public.example"), private_hosts=(HOST,), ports=(outer.port, inner.port))
        with pytest.raises(Invalid, match=REFUSED):
            _fetched(outer, "/a", inputs=inputs)
        assert (len(outer.asked), inner.asked) == (1, [])


@contextmanager
def _tls(name: str, monkeypatch, tmp_path: Path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with WebServer({"/a": page(b"\0media")}, context) as server:
        yield server


def test_a_certificate_must_carry_the_name_of_the_host_and_not_its_address(monkeypatch, tmp_path) -> None:
    """media U3: the pinned address changes nothing about whose certificate is asked for."""
    with _tls(HOST, monkeypatch, tmp_path) as server:
        assert _fetched(server, "/a", scheme="https") == b"\0media"
    for wrong in ("elsewhere.example", "127.0.0.1"):
        with _tls(wrong, monkeypatch, tmp_path) as server, pytest.raises(NotFetched, match=r"could not be fetched"):
            _fetched(server, "/a", scheme="https")


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (page(b"", 404), "input_gone", "input not found"),
        (page(b"", 500), "input_gone", "input could not be fetched"),
        (page(b"", 302), "input_gone", "input could not be fetched"),
        (page(b"x", Content_Encoding="gzip"), "input_gone", "input could not be fetched"),
        (page(b"\0half", promised=9), "input_gone", "input could not be fetched: it ended early"),
        (lambda request: request.wfile.write(b"no http\r\n"), "input_gone", "input could not be fetched"),
    ],
)
def test_what_cannot_be_fetched_says_nothing_about_the_network(answer, code, message) -> None:
    with WebServer({"/a": answer}) as server, pytest.raises(TriptychError) as caught:
        _fetched(server, "/a")
    assert (caught.value.code, caught.value.message) == (code, message)


def test_a_host_that_does_not_answer_is_told_without_its_address() -> None:
    with WebServer({}) as server:
        port = server.port
    with pytest.raises(NotFetched) as caught:
        fetch(f"http://{HOST}:{port}/", Inputs(hosts=(HOST,), private_hosts=(HOST,), ports=(port,)), Bounds(), bytes, Names(["127.0.0.1"]))
    assert caught.value.message == "input could not be fetched"


def test_more_than_the_cap_is_refused_before_it_is_read() -> None:
    """media U2: 10 GiB."""
    with WebServer({"/a": page(b"", promised=11 << 30)}) as server, pytest.raises(NotFetched) as caught:
        _fetched(server, "/a")
    assert caught.value.code == "limits"
    assert Bounds() == Bounds(size_bytes=10 << 30, seconds=2 * 60 * 60)


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("sample") / "a.mp4"
    write_sample(path)
    return path.read_bytes()


@contextmanager
def _job(tmp_path: Path, server: WebServer):
    with JobProcess(tmp_path, Inputs(hosts=("127.0.0.1",), private_hosts=("127.0.0.1",), ports=(server.port,))) as job:
        yield job, f"http://127.0.0.1:{server.port}"


def test_a_job_fetches_its_input_and_leaves_nothing(tmp_path, sample) -> None:
    """media U2: the spool file is gone with the job."""
    with WebServer({"/a.mp4": page(sample)}) as server, _job(tmp_path, server) as (job, address):
        job.start(f"{address}/a.mp4")
        ended = job.ended()
        assert ended.end.reason is EndReason.DONE
        assert len(ended.result["shotAnnotations"]) == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (page(b"#EXTM3U\nhttp://127.0.0.1/x\n"), "bad_media", "input is a playlist that points to other media; submit the media itself"),
        (page(b"", 404), "input_gone", "input not found"),
        (page(b"\0noise" * 1000), "bad_media", "input is not a media file this server can read"),
        (page(b""), "bad_media", "input is empty"),
        (moved("http://elsewhere.example/"), "bad_media", REFUSED),
    ],
)
def test_a_job_whose_input_cannot_be_had_says_why(tmp_path, answer, code, message) -> None:
    """media 2.5, U0: the whole check of http(s) is the job's."""
    with WebServer({"/a.mp4": answer}) as server, _job(tmp_path, server) as (job, address):
        job.start(f"{address}/a.mp4")
        end = job.ended().end
    assert (end.reason, end.fault.code, end.fault.message) == (EndReason.FAILED, code, message)


@contextmanager
def _slow(tmp_path: Path):
    """A host that begins to answer and then is silent."""

    def silent(request) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"\0")
        server.closing.wait(PATIENCE_S)

    with WebServer({"/a.mp4": silent}) as server, _job(tmp_path, server) as (job, address):
        job.start(f"{address}/a.mp4")
        while not server.asked:
            time.sleep(0.005)
        yield job


def test_a_fetch_is_stopped_with_its_job(tmp_path) -> None:
    """media J6, P9: within 5 s, and nothing of it runs afterwards."""
    with _slow(tmp_path) as job:
        fetching, began = job.decoder(), time.monotonic()
        assert job.answer(job.stop()) == Answer()
        assert job.ended().end.reason is EndReason.CANCELLED
        assert time.monotonic() - began < 5
        assert not Path(f"/proc/{fetching}").exists()


def test_a_fetch_stands_still_while_its_job_is_paused(tmp_path) -> None:
    with _slow(tmp_path) as job:
        assert job.answer(job.pause()) == Answer()
        job.until(lambda body: isinstance(body, Paused))
        assert Path(f"/proc/{job.decoder()}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        assert job.answer(job.resume()) == Answer()
        job.until(lambda body: isinstance(body, Resumed))


def test_a_deadline_ends_a_fetch(tmp_path) -> None:
    """media P9."""
    with WebServer({"/a.mp4": lambda request: server.closing.wait(PATIENCE_S)}) as server, _job(tmp_path, server) as (job, address):
        job.start(f"{address}/a.mp4", deadline_s=0.2)
        assert job.ended().end.fault.code == "deadline"


PROGRAM = """
import os, select, sys
from triptych.media.fetch import Bounds, start_fetch
from triptych.model import Inputs
url, port, folder, size_bytes, seconds = sys.argv[1:]
inputs = Inputs(hosts=("127.0.0.1",), private_hosts=("127.0.0.1",), ports=(int(port),))
source, fetching = start_fetch(url, inputs, folder, Bounds(size_bytes=int(size_bytes), seconds=float(seconds)))
said = []
while not fetching.is_done and not any(hasattr(message, "code") for message in said):
    select.select(list(fetching.filenos()), [], [])
    said += fetching.work()
fetching.end()
told = [f"{message.code}: {message.message}" for message in said if hasattr(message, "code")]
print(*told, os.fstat(source).st_size, os.fstat(source).st_nlink, len(os.listdir(folder)))
try:
    os.write(source, b"x")
except OSError:
    print("read-only")
"""


def _bounded(tmp_path: Path, server: WebServer, size_bytes: int, seconds: float) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    arguments = [f"http://127.0.0.1:{server.port}/a", str(server.port), str(tmp_path), str(size_bytes), str(seconds)]
    command = [sys.executable, "-W", "error", "-c", PROGRAM, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=environment, check=True)
    return done.stdout.splitlines()


def test_the_file_has_no_name_and_whoever_reads_it_cannot_write_it(tmp_path) -> None:
    """media U2, S1: one read-only descriptor, and nothing to clear away."""
    with WebServer({"/a": page(b"\0" * 1000)}) as server:
        assert _bounded(tmp_path, server, 1000, 60) == ["1000 0 0", "read-only"]


def test_a_fetch_ends_at_its_cap_even_when_no_length_was_promised(tmp_path) -> None:
    """media U2: 10 GiB, here 999 bytes."""
    with WebServer({"/a": page(b"\0" * 1000, promised=-1)}) as server:
        assert _bounded(tmp_path, server, 999, 60)[0] == "limits: input is larger than this server fetches 0 0 0"


def test_a_fetch_ends_when_its_time_is_over(tmp_path) -> None:
    """media U2: 2 h, here 0.2 s."""
    with WebServer({"/a": lambda request: server.closing.wait(PATIENCE_S)}) as server:
        assert _bounded(tmp_path, server, 999, 0.2)[0] == "limits: input takes longer to fetch than this server allows 0 0 0"


def test_where_no_nameless_file_can_be_made_a_name_is_taken_away_at_once(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(os, "O_TMPFILE", os.O_RDONLY | os.O_EXCL)
    descriptor = _nameless_file(str(tmp_path))
    assert (os.fstat(descriptor).st_nlink, os.write(descriptor, b"x"), list(tmp_path.iterdir())) == (0, 1, [])
    os.close(descriptor)
