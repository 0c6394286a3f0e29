"""An alarm from its onset to the end of its job, on a system started as a user starts it (media 11.4, row 10)."""

import asyncio
import hashlib
import hmac
import io
import json
import os
import sys
from fractions import Fraction
from threading import Event

import av
import httpx
import pytest

from media.webserver import WebServer, page
from triptych.cli.demo.server import Server
from triptych.media.sample import Stretch, write_sample

PATIENCE_S = 60
SECRET = "whispered"
STORY = (
    Stretch(Fraction(0), Fraction(7), 1, "stereo"),
    Stretch(Fraction(7), Fraction(10), None, "silence"),
    Stretch(Fraction(10), Fraction(17), 2, "mono"),
)
ASK = {
    "inputUri": "movie.mp4",
    "features": ["IN_BLACK"],
    "videoContext": {"inBlackConfig": {"delay": 1, "alarmSettings": {"enabled": True, "secsInAlarmDuration": 1}}},
}
TRUTH_S = (7, 10)
CODED_S = 0.05
"""By how much AAC smears the end of a tone, in whole pictures."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("up")
    (folder / "media").mkdir()
    write_sample(folder / "media" / "movie.mp4", STORY)
    return folder


@pytest.fixture
def receiver():
    """A server that takes deliveries, each but the first time that it comes."""
    seen, arrived = set(), Event()

    def take(request) -> None:
        told = json.loads(server.posted[-1][1])
        first = told["id"] not in seen
        seen.add(told["id"])
        page(b"", 503 if first and told["event"] == "job.done" else 204)(request)
        if told["event"] == "job.done" and not first:
            arrived.set()

    with WebServer({"/in": take}) as server:
        server.arrived = arrived
        yield server


@pytest.fixture
def up(folder, receiver, monkeypatch):
    """A function that starts the system, once or again on the same data."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    config = folder / "triptych.toml"
    config.write_text(
        f'media_roots = ["media"]\nmin_free_gib = 0\n[inputs.http]\nallow_private = ["127.0.0.1"]\nports = [{receiver.port}]\n'
    )
    config.chmod(0o600)
    (folder / "data").mkdir(exist_ok=True)
    return lambda: Server(folder / "data", arguments=["--config", str(config)])


async def _asked(client, method, path, body=None):
    answer = await client.request(method, path, content=None if body is None else json.dumps(body))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _done(client, name) -> dict:
    async with asyncio.timeout(PATIENCE_S), client.stream("GET", f"/api/ai/jobs/{name}/events") as events:
        lines = [line async for line in events.aiter_lines()]
    assert "event: end" in lines, lines
    return await _asked(client, "GET", f"/api/ai/jobs/{name}")


async def test_an_episode_from_its_onset_to_the_end_of_its_job(folder, up, receiver) -> None:
    """media 11.4 row 10, A1, A2, A4, A5, R1, R2, J2: one alarm, one recording, told, signed, acknowledged, played, gone with its job."""
    async with up() as server, httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S, trust_env=False) as client:
        hook = {"type": "webhook", "url": f"http://127.0.0.1:{receiver.port}/in", "secret": SECRET}
        target = await _asked(client, "POST", "/api/ai/targets", hook)
        name = (await _asked(client, "POST", "/api/ai/jobs", ASK))["name"]
        view = await _done(client, name)
        (alarm,) = await _asked(client, "GET", "/api/ai/alarms")
        (recording,) = await _asked(client, "GET", f"/api/ai/recordings?job={name}")
        _check_documents(view, alarm, recording)
        await _check_bytes(client, recording)
        seen = await _asked(client, "POST", f"/api/ai/alarms/{alarm['_id']}:ack", {"operator": "ada"})
        assert seen == {**alarm, "acknowledged": {"operator": "ada", "time": seen["acknowledged"]["time"]}}
    async with up() as server, httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S, trust_env=False) as client:
        assert await _asked(client, "GET", "/api/ai/alarms") == [seen]
        assert await _asked(client, "GET", "/api/ai/recordings") == [recording]
        assert await asyncio.to_thread(receiver.arrived.wait, PATIENCE_S)
        _check_deliveries(receiver, name, alarm)
        outcomes = await _outcomes(client)
        assert [(told["event"], told["state"], told["tries"]) for told in outcomes] == [
            ("job.done", "delivered", 2),
            ("alarm.closed", "delivered", 1),
            ("alarm.opened", "delivered", 1),
        ]
        assert {told["target"] for told in outcomes} == {target["_id"]}
        left = folder / "data" / "media" / name
        assert sorted(path.name for path in left.iterdir() if path.is_file()) == [f"{recording['_id']}.jpg", f"{recording['_id']}.mp4"]
        assert await _asked(client, "DELETE", f"/api/ai/jobs/{name}") == {}
        assert await _asked(client, "GET", "/api/ai/alarms") == []
        assert await _asked(client, "GET", "/api/ai/recordings") == []
        assert (await client.get(recording["media"])).status_code == 404
        assert not left.exists()


def _check_documents(view, alarm, recording) -> None:
    core = "core-1"
    response = view["response"]
    assert response["recording"] == recording["_id"]
    (episode,) = response["blackAnnotations"]
    assert [float(offset[:-1]) for offset in episode.values()] == pytest.approx(TRUTH_S, abs=CODED_S)
    assert response["alarms"] == [{"feature": "IN_BLACK", "severity": 1.0, **episode, "open": False, "recording": recording["_id"]}]
    assert alarm == {
        "_id": alarm["_id"],
        "job": view["name"],
        "core": core,
        "feature": "IN_BLACK",
        "severity": 1.0,
        **episode,
        "startTime": alarm["startTime"],
        "endTime": alarm["endTime"],
        "open": False,
        "recording": recording["_id"],
        "acknowledged": None,
    }
    assert (recording["job"], recording["core"], recording["alarm"], recording["state"]) == (view["name"], core, alarm["_id"], "ready")
    assert float(recording["startTimeOffset"][:-1]) <= 2
    assert float(recording["endTimeOffset"][:-1]) >= 15


async def _check_bytes(client, recording) -> None:
    whole = await client.get(recording["media"])
    assert (whole.status_code, len(whole.content)) == (200, recording["bytes"])
    assert hashlib.sha256(whole.content).hexdigest() == recording["sha256"]
    with av.open(io.BytesIO(whole.content)) as film:
        times = [frame.time for frame in film.decode(film.streams.video[0])]
    covered = float(recording["startTimeOffset"][:-1]) + times[0], float(recording["startTimeOffset"][:-1]) + times[-1]
    assert covered[0] <= 2
    assert covered[1] >= 14.9
    with av.open(io.BytesIO(whole.content)) as film:
        assert sum(frame.samples for frame in film.decode(film.streams.audio[0])) > 12 * 48_000
    part = await client.get(recording["media"], headers={"range": "bytes=100-199", "if-range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{recording['bytes']}"
    assert (await client.get(recording["media"], headers={"range": "bytes=100-", "if-range": '"old"'})).status_code == 200
    past = await client.get(recording["media"], headers={"range": f"bytes={recording['bytes']}-"})
    assert (past.status_code, past.headers["content-range"]) == (416, f"bytes */{recording['bytes']}")
    head = await client.head(recording["media"])
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(recording["bytes"]), b"")
    thumbnail = await client.get(f"/api/ai/recordings/{recording['_id']}/thumbnail")
    assert (thumbnail.headers["content-type"], thumbnail.content[:2]) == ("image/jpeg", b"\xff\xd8")


def _check_deliveries(receiver, name, alarm) -> None:
    """The answer to the first try of job.done was 503, so it came again, after a restart or before, by the same id."""
    told = [json.loads(body) for _, body in receiver.posted]
    assert [one["event"] for one in told] == ["alarm.opened", "alarm.closed", "job.done", "job.done"]
    assert len({one["id"] for one in told}) == 3
    assert (told[1]["subject"], told[1]["data"]) == (alarm["_id"], alarm)
    assert (told[2]["subject"], told[2]["data"]["status"], told[2]["data"]["recording"]) == (name, "done", alarm["recording"])
    for headers, body in receiver.posted:
        stamp, signature = (part.partition("=")[2] for part in headers["X-Triptych-Signature"].split(","))
        assert signature == hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


async def _outcomes(client) -> list[dict]:
    """Return the deliveries once none of them waits: the answer to the last one may not have been noted yet."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            outcomes = await _asked(client, "GET", "/api/ai/deliveries")
            if all(told["state"] != "pending" for told in outcomes):
                return outcomes
            await asyncio.sleep(0.01)  # nothing else tells the outcome of a delivery
