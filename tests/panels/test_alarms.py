"""Alarms over HTTP, told by a scripted worker; tests/conformance/test_media_alarms.py has a real one raise them."""

import json

import pytest

from episodes import ALARM, RECORDING, alarm, recording
from panels.system import WORKER_ID
from triptych.messages import Ended, Finding
from triptych.model import End, EndReason, State, Submission
from triptych.tokens import Role

SPEC = {"input_uri": "a.mp4", "features": ["IN_BLACK"]}
OTHER = "64b1f0a2c3d4e5f60123cccc"


async def told(system, *documents, end=False) -> str:
    """Run a job that tells of (note, changes) and return its name, once the engine has it all."""
    name = (await system.engine.submit(Submission(kind="annotate", spec=SPEC))).id
    await system.job(name, State.RUNNING)
    for note, changes in documents:
        document = alarm(name, **changes) if note == "alarm" else recording(name, **changes)
        await system.worker.report(name, Finding(note=note, data=document))
    waiting = len(documents)
    async for happening in system.engine.watch(after=0, job_id=name):
        waiting -= happening.note in {"alarm", "recording"}
        if not waiting:
            break
    if end:
        await system.worker.report(name, Ended(end=End(reason=EndReason.DONE), result={}))
        await system.job(name, State.ENDED)
    return name


async def _asked(system, method, path, body=None, **headers):
    reply = await system.door.ask(method, path, b"" if body is None else json.dumps(body).encode(), **headers)
    return reply.status, json.loads(reply.body)


async def test_alarms_are_listed_newest_first_and_filtered(system) -> None:
    """media A2: filters job, core, feature, open."""
    first = await told(system, ("alarm", {"open": False}), end=True)
    second = await told(system, ("alarm", {"_id": OTHER, "feature": "SILENCE", "startTime": "2026-03-02T00:00:00.000000Z"}))
    _, alarms = await _asked(system, "GET", "/api/ai/alarms")
    assert [(seen["_id"], seen["job"], seen["core"]) for seen in alarms] == [(OTHER, second, "core-1"), (ALARM, first, "core-1")]
    for query, expected in (
        (f"job={first}", [ALARM]),
        ("job=x", []),
        ("core=core-1", [OTHER, ALARM]),
        ("core=core-2", []),
        ("feature=SILENCE", [OTHER]),
        ("open=true", [OTHER]),
        ("open=false", [ALARM]),
        ("open=true&feature=IN_BLACK", []),
    ):
        assert [seen["_id"] for seen in (await _asked(system, "GET", f"/api/ai/alarms?{query}"))[1]] == expected, query
    status, refusal = await _asked(system, "GET", "/api/ai/alarms?open=yes")
    assert (status, refusal["error"]["message"]) == (400, "open must be true or false")
    assert await _asked(system, "GET", f"/api/ai/alarms/{ALARM}") == (200, alarms[1])


@pytest.mark.parametrize("path", [":ack", "/ack"])
async def test_an_operator_acknowledges_an_alarm(system, path) -> None:
    """media A2: POST /{id}:ack {"operator"}."""
    await told(system, ("alarm", {}))
    status, seen = await _asked(system, "POST", f"/api/ai/alarms/{ALARM}{path}", {"operator": "ada"})
    assert (status, seen["acknowledged"]["operator"]) == (200, "ada")
    assert await _asked(system, "GET", f"/api/ai/alarms/{ALARM}") == (200, seen)
    for body in ({}, {"operator": ""}, {"operator": 5}, {"operator": "a\n"}, {"operator": "a" * 129}):
        status, refusal = await _asked(system, "POST", f"/api/ai/alarms/{ALARM}{path}", body)
        assert (status, refusal["error"]["message"]) == (400, "operator must be 1 to 128 printable characters")


@pytest.mark.parametrize("odd", ["x", "64b1f0a2c3d4e5f60123ffff", RECORDING, "..%2f..%2fetc%2fpasswd", "%00"])
async def test_an_odd_or_unknown_id_is_not_found(system, odd) -> None:
    """media 2.5, G3."""
    await told(system, ("alarm", {}), ("recording", {}))
    for method, path in (("GET", ""), ("POST", ":ack"), ("POST", "/ack")):
        status, refusal = await _asked(system, method, f"/api/ai/alarms/{odd}{path}", {"operator": "ada"} if method == "POST" else None)
        assert (status, refusal["error"]["message"]) == (404, "alarm not found")


@pytest.mark.parametrize(
    ("role", "bounds", "reads", "acks"),
    [(Role.VIEWER, {}, 200, 403), (Role.OPERATOR, {}, 200, 200), (Role.OPERATOR, {"workers": (WORKER_ID,)}, 403, 403)],
    ids=["viewer", "operator", "bound"],
)
async def test_who_may_see_and_acknowledge(system, role, bounds, reads, acks) -> None:
    """media G10."""
    await told(system, ("alarm", {}))
    _, spelled = await system.door.app.service.tokens.create(name="t", role=role, by="test", **bounds)
    headers = {"authorization": f"Bearer {spelled}"}
    assert (await system.door.ask("GET", "/api/ai/alarms", **headers)).status == reads
    assert (await system.door.ask("POST", f"/api/ai/alarms/{ALARM}:ack", b'{"operator":"a"}', **headers)).status == acks


async def test_a_deleted_job_takes_its_alarms_along_at_once(system) -> None:
    """media 2.2: DELETE."""
    name = await told(system, ("alarm", {}), ("recording", {}))
    assert (await _asked(system, "DELETE", f"/api/ai/jobs/{name}")) == (200, {})
    assert await _asked(system, "GET", "/api/ai/alarms") == (200, [])
    assert await _asked(system, "GET", "/api/ai/recordings") == (200, [])
