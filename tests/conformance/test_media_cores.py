"""Cores and watched directories on a running system (media 11.4, row 12)."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from triptych.cli.demo.server import Server
from triptych.media.sample import write_sample

PATIENCE_S = 60
CORES = "/api/ai/cores"
WORKFLOW = {"name": "evening", "videoContext": {"audioFormatConfig": {"enabled": True}}}


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "movie.mp4"
    write_sample(path)
    return path


@pytest.fixture
def folder(tmp_path, sample) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "media" / "in").mkdir(parents=True)
    shutil.copy(sample, tmp_path / "media" / "movie.mp4")
    return tmp_path


@pytest.fixture(autouse=True)
def path_of_the_source(monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@asynccontextmanager
async def _up(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A system that was started as a user starts it, once or again."""
    server = Server(folder / "data", arguments=["--media-root", str(folder / "media")])
    async with server, httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S, trust_env=False) as client:
        yield client


async def _asked(client, method, path, **body):
    answer = await client.request(method, path, content=json.dumps(body) if body else None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _over(client, count: int) -> list[dict]:
    """Follow what happens until so many media jobs have ended, and return those, oldest first."""
    ended: set[str] = set()
    async with asyncio.timeout(PATIENCE_S), client.stream("GET", "/api/v1/events", headers={"last-event-id": "0"}) as events:
        async for line in events.aiter_lines():
            event = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
            if event.get("kind") == "annotate" and event["state"] == "ended":
                ended.add(event["job_id"])
            if len(ended) == count:
                break
    jobs = (await client.get("/api/v1/jobs", params={"kind": "annotate"})).json()["jobs"]
    return sorted((job for job in jobs if job["id"] in ended), key=lambda job: job["created_at"])


async def test_jobs_for_one_core_run_there_one_after_the_other(folder) -> None:
    """media J7, 3.2: one job per core; a job with `target` waits for that core."""
    async with _up(folder) as client:
        assert [core["name"] for core in await _asked(client, "GET", "/api/config/cores")] == ["core-1", "core-2", "core-3", "core-4"]
        for target in (3, 3, 3):
            await _asked(client, "POST", "/api/ai/jobs", inputUri="movie.mp4", features=["AUDIO_FORMAT"], target=target)
        await _asked(client, "POST", "/api/ai/jobs", inputUri="movie.mp4", features=["AUDIO_FORMAT"])
        jobs = await _over(client, 4)
        assert [job["end_reason"] for job in jobs] == ["done"] * 4
        assert [job["core"] for job in jobs[:3]] == [3, 3, 3]
        assert jobs[3]["core"] != 3
        assert jobs[0]["ended_at"] <= jobs[1]["started_at"] <= jobs[1]["ended_at"] <= jobs[2]["started_at"]
        assert jobs[3]["started_at"] < jobs[2]["started_at"]


async def test_each_new_or_changed_file_in_a_watched_directory_is_analysed_once(folder, sample) -> None:
    """media 3.2, J7: dir_poll, remembered over restarts."""
    inbox = folder / "media" / "in"
    async with _up(folder) as client:
        await _asked(client, "POST", "/api/ai/workflows", **WORKFLOW)
        told = await _asked(client, "PUT", f"{CORES}/core-2", type="dir_poll", directory="in", workflow="evening", pollSeconds=1)
        assert (told["source"], told["__v"], told["state"]) == ("in", 1, "idle")
        shutil.copy(sample, inbox / "news item.mp4.part")
        (inbox / "news item.mp4.part").rename(inbox / "news item.mp4")
        (first,) = await _over(client, 1)
        view = await _asked(client, "GET", f"/api/ai/jobs/{first['id']}")
        assert (view["status"], view["origin"], view["workflow"]) == ("done", "dir_poll", "evening")
        assert view["response"]["inputUri"] == "in/news item.mp4"
        assert view["response"]["audioFormatAnnotations"]
        assert (first["core"], first["priority"]) == (2, 20)
        os.utime(inbox / "news item.mp4", (1_700_000_000, 1_700_000_000))
        assert [job["spec"]["input_uri"] for job in await _over(client, 2)] == ["in/news item.mp4"] * 2
        refusal = await client.post("/api/ai/jobs", content=b'{"inputUri":"movie.mp4","features":["AUDIO_FORMAT"],"target":2}')
        assert (refusal.status_code, refusal.json()["error"]["message"]) == (400, "core 2 does not take jobs")
    async with _up(folder) as client:
        assert (await _asked(client, "GET", f"{CORES}/core-2"))["directory"] == "in"
        shutil.copy(sample, inbox / "later.mp4")
        jobs = await _over(client, 3)
        assert [job["spec"]["input_uri"] for job in jobs] == ["in/news item.mp4", "in/news item.mp4", "in/later.mp4"]
        refusal = await client.delete("/api/ai/workflows/evening")
        assert (refusal.status_code, refusal.json()["error"]["message"]) == (409, "workflow 'evening' is used by core 'core-2'")
