"""Targets and deliveries over HTTP."""

import json
from datetime import UTC, datetime

import pytest

from triptych.tokens import Role
from triptych.webhooks import EVENTS, Event

HOOK = {"type": "webhook", "url": "https://hooks.example/in", "secret": "whispered", "events": ["job.done"]}
TARGETS = "/api/ai/targets"


async def _asked(system, method, path, body=None, **headers):
    reply = await system.door.ask(method, path, b"" if body is None else json.dumps(body).encode(), **headers)
    return reply.status, json.loads(reply.body)


async def test_a_target_is_made_told_replaced_and_deleted_and_its_secret_never_told(system) -> None:
    """media A4: webhook {url, secret, events}."""
    status, made = await _asked(system, "POST", TARGETS, HOOK)
    assert (status, made) == (200, {"_id": made["_id"], "type": "webhook", "url": HOOK["url"], "events": ["job.done"], "disabled": False})
    one = f"{TARGETS}/{made['_id']}"
    assert await _asked(system, "GET", TARGETS) == (200, [made])
    assert await _asked(system, "GET", one) == (200, made)
    change = {"type": "webhook", "url": "http://hooks.example/"}
    assert await _asked(system, "PUT", one, change) == (200, {**made, "url": "http://hooks.example/", "events": list(EVENTS)})
    herald = system.door.app.service.herald
    assert herald.target(made["_id"]).secret == "whispered"
    await _asked(system, "PUT", one, {**change, "secret": "louder"})
    assert herald.target(made["_id"]).secret == "louder"
    for _, told in [await _asked(system, "GET", TARGETS), await _asked(system, "GET", "/api/v1/audit")]:
        assert "louder" not in json.dumps(told)
        assert "whispered" not in json.dumps(told)
    assert await _asked(system, "DELETE", one) == (200, {})
    for method, body in (("GET", None), ("DELETE", None), ("PUT", HOOK)):
        status, refusal = await _asked(system, method, one, body)
        assert (status, refusal["error"]["message"]) == (404, "target not found")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "mqtt", "topic": "triptych/core-1/IN_BLACK"}, "MQTT targets are not available in this version"),
        ({"type": "pigeon"}, "type must be webhook"),
        ({"url": None}, "url must be an http or https address"),
        ({"url": "ftp://hooks.example/"}, "url must be an http or https address"),
        ({"url": "http://127.0.0.1/"}, "url host is not allowed"),
        ({"url": "http://[::ffff:169.254.169.254]/"}, "url host is not allowed"),
        ({"url": "http://hooks.example:22/"}, "url host is not allowed"),
        ({"secret": ""}, "secret must be a string of 1 to 256 characters"),
        ({"secret": 5}, "secret must be a string of 1 to 256 characters"),
        ({"events": []}, f"events must be an array of some of {', '.join(EVENTS)}"),
        ({"events": ["job.done", "job.begun"]}, f"events must be an array of some of {', '.join(EVENTS)}"),
        ({"events": "job.done"}, f"events must be an array of some of {', '.join(EVENTS)}"),
    ],
    ids=str,
)
async def test_what_does_not_fit_is_refused(system, change, message) -> None:
    """media A4, A5: webhook URLs obey U3."""
    status, refusal = await _asked(system, "POST", TARGETS, HOOK | change)
    assert (status, refusal["error"]["message"]) == (400, message)
    assert await _asked(system, "GET", TARGETS) == (200, [])


async def test_deliveries_are_listed_newest_first_with_their_outcome(system) -> None:
    """media A5: GET /api/ai/deliveries."""
    target = (await _asked(system, "POST", TARGETS, HOOK | {"events": list(EVENTS)}))[1]["_id"]
    herald = system.door.app.service.herald
    for name in ("alarm.opened", "job.done"):
        await herald.announce(Event(name=name, subject="64b1f0a2c3d4e5f60123aaaa", at=datetime.now(UTC), data={}))
    _, listed = await _asked(system, "GET", "/api/ai/deliveries")
    assert [(told["event"], told["target"], told["state"], told["tries"], told["status"]) for told in listed] == [
        ("job.done", target, "pending", 0, None),
        ("alarm.opened", target, "pending", 0, None),
    ]
    assert listed[0]["nextTime"] is not None
    assert "data" not in listed[0]


@pytest.mark.parametrize(("role", "targets", "deliveries"), [(Role.VIEWER, 403, 200), (Role.OPERATOR, 403, 200), (Role.ADMIN, 200, 200)])
async def test_targets_are_the_admins(system, role, targets, deliveries) -> None:
    """media G10."""
    _, spelled = await system.door.app.service.tokens.create(name="t", role=role, by="test")
    headers = {"authorization": f"Bearer {spelled}"}
    assert (await system.door.ask("GET", TARGETS, **headers)).status == targets
    assert (await system.door.ask("POST", TARGETS, json.dumps(HOOK).encode(), **headers)).status == targets
    assert (await system.door.ask("GET", "/api/ai/deliveries", **headers)).status == deliveries
