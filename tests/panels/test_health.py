import json
import platform

from prometheus_client.parser import text_string_to_metric_families

from panels.system import WORKER_ID, System
from triptych import __version__
from triptych.media.sandbox import has_filter
from triptych.model import WorkerState


async def test_a_server_that_answers_is_up(system: System) -> None:
    told = json.loads((await system.door.ask("GET", "/healthz")).body)
    assert told == {"status": "ok", "version": __version__, "sandbox": "full" if has_filter() else "partial"}


async def test_a_server_without_the_filter_says_that_its_sandbox_is_partial(system: System, monkeypatch) -> None:
    """media S1."""
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    assert json.loads((await system.door.ask("GET", "/healthz")).body)["sandbox"] == "partial"


async def test_the_server_is_ready_while_a_worker_takes_jobs(system: System) -> None:
    reply = await system.door.ask("GET", "/readyz")
    assert (reply.status, json.loads(reply.body)) == (200, {"ready": True, "workers": 1})
    await system.worker.bus.leave(WORKER_ID)
    await system.knows(WORKER_ID, WorkerState.LOST)
    reply = await system.door.ask("GET", "/readyz")
    assert (reply.status, json.loads(reply.body)["code"], reply.headers["retry-after"]) == (503, "not_ready", "1")


async def test_the_figures_can_be_scraped(system: System) -> None:
    body = b'{"worker_id":"%s","command":"x"}' % WORKER_ID.encode()
    assert (await system.door.ask("POST", "/start", body)).status == 201
    reply = await system.door.ask("GET", "/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(reply.body.decode())}
    jobs = {(sample.labels["kind"], sample.labels["state"]): sample.value for sample in families["triptych_jobs"].samples}
    assert jobs["command", "starting"] + jobs["command", "running"] == 1
    workers = {sample.labels["state"]: sample.value for sample in families["triptych_workers"].samples}
    assert workers == {"ready": 1, "draining": 0, "lost": 0, "removed": 0}
    requests = {(sample.labels["route"], sample.labels["status"]): sample.value for sample in families["triptych_http_requests"].samples}
    assert requests == {("/start", "201"): 1}
    assert "process_resident_memory_bytes" in families
