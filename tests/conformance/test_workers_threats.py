"""The threat table of workers.md 9, row by row, against `triptych up` as it runs by default and beyond loopback.

The rows' finer cases are proved beside their code: tests/panels/{test_guards,test_access,test_protocol,test_server}.py,
tests/agent/test_confine.py, tests/test_{tokens,audit,logs,policy}.py.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from conformance.up import DOCUMENTED_WORKER, UpServer
from panels.tls import Tls, made
from triptych.wiring import PANELS

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMAND = (sys.executable, "-m", "triptych.cli")
IS_ROOT = os.getuid() == 0
ROOT_MAY = {"TRIPTYCH_RUN_AS": "nobody"} if IS_ROOT else {}
CANARY = "canary-7f3a"


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | more


def refused(data: Path, *words: object, **variables: str) -> str:
    """Run `triptych up` that must not start, and return its one sentence."""
    command = [*COMMAND, "up", "--port", "0", "--data", str(data), *map(str, words)]
    done = subprocess.run(command, env=environment(**variables), capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    return [line for line in done.stderr.splitlines() if line.startswith("triptych: ")][-1]


def made_token(data: Path, *words: str) -> str:
    command = [*COMMAND, "token", "create", "test", *words, "--data", str(data)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=100, check=True).stdout.strip()


async def started(client: httpx.AsyncClient, command: str, path: str = "", **headers: str) -> httpx.Response:
    body = {"worker_id": DOCUMENTED_WORKER, "command": command, "path": path}
    return await client.post("/start", json=body, headers=headers)


async def output(up: UpServer, *argv: str) -> bytes:
    """Run a native job to its end and return what it wrote."""
    job = {"worker_id": DOCUMENTED_WORKER, "command": argv[0], "args": argv[1:]}
    job_id = (await up.client.post("/api/v1/jobs", json=job)).json()["id"]
    record = (await up.client.get(f"/api/v1/jobs/{job_id}", params={"wait_s": 30})).json()
    assert record["state"] == "ended"
    return (await up.client.get(f"/api/v1/jobs/{job_id}/output")).content


@contextmanager
def running(data: Path, **variables: str) -> Iterator[int]:
    """Run `triptych up` on a data folder, and give the port that it listens on."""
    command = [*COMMAND, "up", "--json", "--port", "0", "--data", str(data), "--worker-id", DOCUMENTED_WORKER]
    with subprocess.Popen(command, env=environment(**variables), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield httpx.URL(json.loads(process.stdout.readline())["url"]).port or 0
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
    assert process.returncode == 0


class Beyond:
    """A `triptych up` that listens on every address, and what it takes to talk to it."""

    def __init__(self, url: str, tls: Tls) -> None:
        self.url, self.tls = url, tls

    def client(self, spelled: str | None = None) -> httpx.AsyncClient:
        headers = {} if spelled is None else {"authorization": f"Bearer {spelled}"}
        return httpx.AsyncClient(base_url=self.url, verify=self.tls.trust, headers=headers, timeout=30)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return made(tmp_path_factory.mktemp("tls"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def beyond(tls: Tls) -> AsyncIterator[tuple[Beyond, str]]:
    """Such a system with listed commands, and its administrator's token."""
    with reachable_folder() as data:
        spelled = made_token(data, "--role", "admin")
        write_settings(data, tls, '[commands]\ntrue = "/bin/true"\nsh = "/bin/sh"\n')
        with running(data, **ROOT_MAY) as port:
            yield Beyond(f"https://127.0.0.1:{port}", tls), spelled


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """Make a folder that the account of commands can be let into; those of pytest lie in one that is root's alone."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def write_settings(data: Path, tls: Tls, more: str = "") -> None:
    (data / "triptych.toml").write_text(f'host = "0.0.0.0"\ntls_cert = "{tls.cert}"\ntls_key = "{tls.key}"\n{more}')


async def test_row_1_whoever_reaches_the_port_finds_no_server_that_is_not_set_up(tls: Tls) -> None:
    """Workers 9, S5, S10: started off loopback unconfigured, or half configured, it exits with 2 and says what to do."""
    with reachable_folder() as data:
        assert "without tokens and TLS" in refused(data, "--host", "0.0.0.0")
        if IS_ROOT:
            write_settings(data, tls, 'commands = "any"')
            assert "as root" in refused(data)
        write_settings(data, tls)
        assert "list the commands" in refused(data, **ROOT_MAY)
        write_settings(data, tls, 'commands = "any"')
        assert "triptych token create" in refused(data, **ROOT_MAY)
        made_token(data, "--role", "admin", "--expires-in-s", "0.001")
        assert "triptych token create" in refused(data, **ROOT_MAY)


async def test_row_1_whoever_reaches_a_server_that_is_set_up_needs_a_token_and_tls(beyond: tuple[Beyond, str]) -> None:
    """Workers 9: the server's own user on this machine, too."""
    there, spelled = beyond
    async with there.client() as nobody, there.client(spelled) as admin:
        for client, status, text in ((nobody, 500, "not authorised"), (admin, 201, None)):
            reply = await started(client, "true")
            assert (reply.status_code, reply.json().get("error")) == (status, text)
        assert (await nobody.get("/healthz")).status_code == 401
        assert (await admin.get("/api/v1/audit/verify")).json()["intact"] is True
    async with httpx.AsyncClient(base_url=there.url.replace("https", "http")) as plain:
        with pytest.raises(httpx.HTTPError):
            await plain.get("/healthz")


async def test_row_1_the_command_line_believes_the_named_authority_only_and_shows_its_token(beyond: tuple[Beyond, str]) -> None:
    """Workers 9: `--ca` and TRIPTYCH_TOKEN against a server that speaks TLS."""
    there, spelled = beyond
    trusted = ("--server", there.url, "--ca", str(there.tls.ca))

    def told(*words: str, **variables: str) -> tuple[int, str]:
        command = [*COMMAND, *words]
        done = subprocess.run(command, env=environment(**variables), capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    assert await asyncio.to_thread(told, "run", *trusted, "--", "sh", "-c", "echo out; exit 3", TRIPTYCH_TOKEN=spelled) == (3, "out\n")
    code, text = await asyncio.to_thread(told, "workers", "--server", there.url, TRIPTYCH_TOKEN=spelled)
    assert (code, "is not trusted; --ca names the file" in text) == (2, True)
    for wrong in ({}, {"TRIPTYCH_TOKEN": "no-such-token"}):
        for words in (("workers",), ("start", "true", "--worker", DOCUMENTED_WORKER)):
            code, text = await asyncio.to_thread(told, *words, *trusted, **wrong)
            assert (code, text.partition(";")[0]) == (2, "triptych: not authorised")
            assert "TRIPTYCH_TOKEN" in text


async def test_row_1_beyond_loopback_a_worker_runs_what_is_listed(beyond: tuple[Beyond, str]) -> None:
    """Workers S5."""
    there, spelled = beyond
    async with there.client(spelled) as admin:
        texts = [(await started(admin, command, path)).json().get("error") for command, path in (("id", ""), ("sh", "30"), ("sh", "-c"))]
        assert texts == ['command not allowed: "id"', "path is not a file", "path starts with a dash"]
        job = {"worker_id": DOCUMENTED_WORKER, "command": "id"}
        refusals = [
            await admin.post("/api/v1/jobs", json=job | more)
            for more in ({}, *({"command": "sh", "script": path} for path in ("30", "-c")))
        ]
        assert [(reply.status_code, reply.json()["detail"]) for reply in refusals] == [(403, text) for text in texts]


@pytest.mark.skipif(not IS_ROOT, reason="only root can become a second user")
async def test_row_2_another_local_user_is_not_authorised(up: UpServer) -> None:
    """Workers 9: connect as a second uid."""
    url = up.client.base_url
    code = f"""
import encodings.idna, os, socket
os.setuid(65534)
line = socket.create_connection(("{url.host}", {url.port}))
line.sendall(b"POST /start HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\nContent-Length: 2\\r\\n\\r\\n{{}}")
print(line.makefile().read())
"""
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    told, _ = await child.communicate()
    assert b'{"error":"not authorised"}' in told


FORGED = [
    ({"host": "evil.example"}, "host not allowed"),
    ({"host": "127.0.0.1.nip.io"}, "host not allowed"),
    ({"origin": "null"}, "cross-site request refused"),
    ({"origin": "https://evil.example"}, "cross-site request refused"),
    ({"sec-fetch-site": "cross-site"}, "cross-site request refused"),
    ({"sec-fetch-site": "same-site"}, "cross-site request refused"),
]


@pytest.mark.parametrize(("headers", "text"), FORGED)
async def test_row_3_a_web_page_is_refused_on_every_route(up: UpServer, headers: dict[str, str], text: str) -> None:
    """Workers 9: forged Origin, Host and fetch headers on every route; never an Access-Control header."""
    for panel in PANELS:
        for route in panel.routes:
            path = route.path.replace("{id}", "x").replace("{name}", "x")
            async with up.client.stream(route.method, path, headers=headers) as reply:
                body = await reply.aread()
            assert text.encode() in body or b"not allowed" in body, f"{route.method} {path}: {body[:80]!r}"
            assert not [name for name in reply.headers if name.startswith("access-control")]


async def test_row_4_a_stolen_token_does_what_its_role_covers_until_it_is_revoked(up: UpServer) -> None:
    """Workers 9: roles, bounds, expiry, instant revocation; the matrix role by route is in tests/panels/test_access.py."""

    async def take(**body: object) -> tuple[str, dict[str, str]]:
        reply = (await up.client.post("/api/v1/tokens", json={"name": "t", **body})).json()
        return reply["id"], {"authorization": f"Bearer {reply['token']}"}

    viewer, operator = await take(role="viewer"), await take(role="operator", commands=["true"])
    assert (await started(up.client, "true", **viewer[1])).json() == {"error": "not authorised"}
    assert (await started(up.client, "sh", **operator[1])).json() == {"error": "not authorised"}
    assert (await started(up.client, "true", **operator[1])).status_code == 201
    assert (await up.client.get("/api/v1/tokens", headers=operator[1])).status_code == 403
    assert (await up.client.delete(f"/api/v1/tokens/{operator[0]}")).status_code == 204
    assert (await started(up.client, "true", **operator[1])).json() == {"error": "not authorised"}
    _, brief = await take(role="operator", expires_in_s=0.001)
    assert (await started(up.client, "true", **brief)).json() == {"error": "not authorised"}


async def test_row_5_no_worker_can_join_and_none_listens(up: UpServer) -> None:
    """Workers 9, L1. There is no fleet in this release: the one worker is part of the server, whose one socket is all that listens."""
    pids = {pid for pid in processes() if str(up.data).encode() in command_of(pid)}
    assert pids
    inodes = {inode for pid in pids | children(pids) for inode in sockets(pid)}
    assert [port for port, inode in listening() if inode in inodes] == [up.client.base_url.port]


async def test_row_6_nothing_of_the_servers_environment_or_descriptors_reaches_a_job(tmp_path: Path) -> None:
    """Workers 9, S7, S8: a canary variable, Triptych's own secrets, and the sockets and files that a server has open."""
    secrets = {"TRIPTYCH_TOKEN": CANARY, "PLANTED": CANARY, "TRIPTYCH_CA": "/dev/null"}
    with running(tmp_path, **secrets) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            here = UpServer(client=client, data=tmp_path)
            told = await output(here, "sh", "-c", "cat /proc/$$/environ; tr '\\0' ' ' </proc/$$/cmdline; ls /proc/$$/fd")
            assert (await client.post("/api/v1/tokens", json={"name": "t", "role": "admin"})).status_code == 201
    assert b"TRIPTYCH_JOB_ID" in told
    assert CANARY.encode() not in told
    assert b"TRIPTYCH_TOKEN" not in told
    assert told.split()[-3:] == [b"0", b"1", b"2"]
    assert CANARY.encode() not in everything_in(tmp_path)


@pytest.mark.parametrize("path", ["/etc/passwd", "../output", "worker/../../triptych.db", "door/passwd", "/proc/self/root/etc/passwd"])
async def test_row_7_no_path_escapes_its_root(up: UpServer, path: str) -> None:
    """Workers 9, S2; the whole table, with races, is in tests/agent/test_confine.py."""
    door = up.data / "root" / "door"
    door.is_symlink() or door.symlink_to("/etc")
    reply = await started(up.client, "cat", path)
    assert (reply.status_code, reply.json()) == (500, {"error": "path outside the worker root"})


async def test_row_8_hostile_output_and_names_steer_nothing(up: UpServer) -> None:
    """Workers 9, W3: escaped error texts, output that no browser renders, pages without script, logs that stay JSON lines."""
    hostile = "\x1b]0;owned\x07\n<script>alert(1)</script>"
    text = (await started(up.client, hostile)).content
    assert (b"\n" in text[:-1], b"\x1b" in text, b"<" in text) == (False, False, False)
    job = {"worker_id": DOCUMENTED_WORKER, "command": "printf", "args": ["%s", hostile]}
    job_id = (await up.client.post("/api/v1/jobs", json=job)).json()["id"]
    await up.client.get(f"/api/v1/jobs/{job_id}", params={"wait_s": 30})
    reply = await up.client.get(f"/api/v1/jobs/{job_id}/output")
    assert reply.content == hostile.encode()
    assert (reply.headers["content-type"], reply.headers["x-content-type-options"]) == ("application/octet-stream", "nosniff")
    page = await up.client.get("/reference")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    await up.client.get("/nowhere/%1b%5b31m%0aforged")
    for line in (up.data / "server.log").read_text().splitlines():
        assert isinstance(json.loads(line), dict)


async def test_row_9_no_client_takes_more_than_its_share(up: UpServer) -> None:
    """Workers 9, W2, W8: caps on body and head, and a repeat starts nothing; time-outs and floods are in tests/panels."""
    large = await up.client.post("/start", content=b" " * (1024 * 1024 + 1))
    assert large.json() == {"error": "body is larger than 1048576 bytes"}
    assert (await up.client.post("/api/v1/jobs", content=b" " * (4 * 1024 * 1024 + 1))).status_code == 413
    assert (await up.client.get("/healthz", headers={"x": "y" * 16 * 1024})).status_code == 431
    first, second = [await started(up.client, "true", **{"idempotency-key": "threat-9"}) for _ in range(2)]
    assert first.json() == second.json()


async def test_row_9_a_token_starts_so_many_jobs_a_second_beyond_loopback(tls: Tls) -> None:
    """Workers 9: per-token rate of starts."""
    with reachable_folder() as data:
        spelled = made_token(data, "--role", "operator")
        write_settings(data, tls, 'starts_per_s = 2\ncommands = {true = "/bin/true"}\n')
        with running(data, **ROOT_MAY) as port:
            async with Beyond(f"https://127.0.0.1:{port}", tls).client(spelled) as client:
                replies = await asyncio.gather(*(started(client, "true") for _ in range(20)))
                job = {"worker_id": DOCUMENTED_WORKER, "command": "true"}
                native = await asyncio.gather(*(client.post("/api/v1/jobs", json=job) for _ in range(10)))
    assert {reply.json().get("error") for reply in replies} == {None, "too many starts"}
    assert {reply.headers["retry-after"] for reply in native if reply.status_code == 429} == {"1"}


async def test_row_10_deeds_are_told_and_an_edited_entry_is_found(tmp_path: Path) -> None:
    """Workers 9: who started, stopped and was denied; edit one entry and verification fails."""
    with running(tmp_path) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            job_id = (await started(client, "sleep", "60")).json()["job_id"]
            await client.post("/stop", json={"worker_id": DOCUMENTED_WORKER, "job_id": job_id})
            await client.get("/api/v1/jobs", headers={"origin": "https://evil.example"})
    entries = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    us = f"uid:{os.getuid()}"
    told = [(entry["who"], entry["deed"], entry["what"].get("job")) for entry in entries]
    assert told == [
        ("server", "server.start", None),
        (us, "job.start", job_id),
        (us, "job.stop", job_id),
        ("nobody", "denied", None),
        ("server", "server.stop", None),
    ]
    assert verified(tmp_path)["intact"] is True
    file = tmp_path / "audit.jsonl"
    file.write_text(file.read_text().replace("job.start", "job.pause"))
    assert verified(tmp_path)["intact"] is False


def verified(data: Path) -> Any:
    command = [*COMMAND, "audit", "verify", "--json", "--data", str(data)]
    return json.loads(subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=100, check=False).stdout)


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def processes() -> set[int]:
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()}


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def children(parents: set[int]) -> set[int]:
    """Return every descendant."""
    found: set[int] = set()
    for pid in processes():
        try:
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent in parents:
            found.add(pid)
    return found | children(found) if found else found


def sockets(pid: int) -> set[int]:
    """Return the inodes of a process's sockets."""
    found = set()
    folder = Path(f"/proc/{pid}/fd")
    for entry in folder.iterdir() if folder.exists() else ():
        target = str(entry.readlink())
        if target.startswith("socket:["):
            found.add(int(target[8:-1]))
    return found


def listening() -> list[tuple[int, int]]:
    """Return (port, inode) of each TCP socket that listens."""
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return [(int(row[1].rpartition(":")[2], 16), int(row[9])) for row in rows if row[3] == "0A"]
