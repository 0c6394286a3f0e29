"""camera 6: `/api/cameras`."""

import json

import pytest

from triptych.model import Submission
from triptych.tokens import Role

HOOK = {"url": "https://hooks.example/in", "secret": "whispered"}


async def asked(door, method, query="", body=None, **headers):
    reply = await door.ask(method, f"/api/cameras{query}", b"" if body is None else json.dumps(body).encode(), **headers)
    assert reply.status == 200
    return json.loads(reply.body)


async def make(door, **definition):
    return (await asked(door, "POST", "", definition))["data"]["id"]


async def listed(door, camera_id):
    return next(camera for camera in (await asked(door, "GET"))["data"] if camera["id"] == camera_id)


async def test_the_default_camera_is_listed_with_what_it_is_made_of(system):
    (camera,) = (await asked(system.door, "GET"))["data"]
    assert (camera["id"], camera["default"], camera["source"], camera["head"]) == ("default", True, {"kind": "scene"}, {"kind": "crop"})
    assert {"name", "arm", "size", "fps", "hfov", "preset", "limits"} <= set(camera)


async def test_a_camera_is_made_changed_and_deleted(system):
    camera_id = await make(system.door, name="Attic", source={"kind": "scene", "figures": 0})
    assert (await listed(system.door, camera_id))["name"] == "Attic"
    assert await asked(system.door, "PATCH", f"?id={camera_id}", {"name": "Cellar"}) == {"status": "OK"}
    changed = await listed(system.door, camera_id)
    assert (changed["name"], changed["source"]) == ("Cellar", {"kind": "scene", "figures": 0})
    assert await asked(system.door, "DELETE", f"?id={camera_id}") == {"status": "OK"}
    assert [camera["id"] for camera in (await asked(system.door, "GET"))["data"]] == ["default"]


async def test_the_default_camera_can_be_changed_and_not_deleted(system):
    assert await asked(system.door, "PATCH", "?id=default", {"name": "Studio", "lock_wait_s": 3}) == {"status": "OK"}
    assert (await listed(system.door, "default"))["name"] == "Studio"
    assert (await asked(system.door, "DELETE", "?id=default"))["status"] == "ERROR"


@pytest.mark.parametrize(
    ("method", "query", "body"),
    [
        ("POST", "", {"source": {"kind": "telescope"}}),
        ("POST", "", {"source": {"kind": ["scene"]}}),
        ("POST", "", {"head": {"kind": {}}}),
        ("POST", "", {"name": ""}),
        ("POST", "", {"name": "a\n\x00b"}),
        ("POST", "", {"name": "../x"}),
        ("POST", "", {"name": "n" * 81}),
        ("POST", "", {"colour": "red"}),
        ("POST", "", {"lock_wait_s": 61}),
        ("POST", "", []),
        ("POST", "", {"head": {"kind": "crop", "speed_deg_s": 0}}),
        ("POST", "", {"head": {"kind": "crop", "size": [0, 0]}}),
        ("POST", "", {"head": {"kind": "crop", "size": [10**9, 10**9]}}),
        ("POST", "", {"head": {"kind": "crop", "pan_deg": [10, 60]}}),
        ("POST", "", {"webhook": {"url": "ftp://x", "secret": "s"}}),
        ("POST", "", {"webhook": {"url": "http://127.0.0.1/", "secret": "s"}}),
        ("PATCH", "", {"name": "x"}),
        ("PATCH", "?id=nobody", {"name": "x"}),
        ("PATCH", "?id=default", {"source": None}),
        ("DELETE", "", None),
        ("DELETE", "?id=nobody", None),
        ("GET", "?admin_id=a&admin_id=b", None),
    ],
    ids=str,
)
async def test_what_cannot_be_is_refused_in_one_sentence_and_changes_nothing(system, method, query, body):
    """camera W3."""
    before = await asked(system.door, "GET")
    answer = await asked(system.door, method, query, body)
    assert answer["status"] == "ERROR"
    assert 0 < len(answer["message"]) <= 200
    assert await asked(system.door, "GET") == before


async def test_secrets_are_masked_and_come_back_unharmed(system):
    """camera S6: camera passwords are write-only."""
    camera_id = await make(system.door, name="Gate", webhook=HOOK)
    shown = await listed(system.door, camera_id)
    assert shown["webhook"] == {"url": HOOK["url"], "secret": "****"}
    await asked(system.door, "PATCH", f"?id={camera_id}", {"name": "Gates", "webhook": shown["webhook"]})
    service = system.door.app.service
    assert (await service.catalog.get("cameras", camera_id))["webhook"]["secret"] == "whispered"
    (target,) = (service.herald.target(f"camera:{camera_id}"),)
    assert (target.url, target.secret, target.events) == (HOOK["url"], "whispered", ("camera.alarm",))


async def test_the_webhook_of_a_camera_is_no_target_of_media_jobs(system):
    camera_id = await make(system.door, webhook=HOOK)
    herald = system.door.app.service.herald
    assert herald.targets() == []
    for method in ("GET", "DELETE", "PUT"):
        assert (await system.door.ask(method, f"/api/ai/targets/camera:{camera_id}", b"{}")).status == 404
    await asked(system.door, "PATCH", f"?id={camera_id}", {"webhook": None})
    assert not herald.knows(f"camera:{camera_id}")


async def test_a_camera_at_work_is_not_changed(system):
    """camera 6: a change while active: ERROR."""
    await system.worker.announce(slots={"camera": 8})
    service = system.door.app.service
    await service.engine.submit(Submission(kind="camera", spec={"camera": "default"}, worker_id=system.worker.id, queue=False))
    for method, body in (("PATCH", {"name": "x"}), ("DELETE", None)):
        assert (await asked(system.door, method, "?id=default", body))["status"] == "ERROR"
    assert "at work" in (await asked(system.door, "PATCH", "?id=default", {"name": "x"}))["message"]


@pytest.mark.parametrize(("role", "may"), [(Role.VIEWER, False), (Role.OPERATOR, False), (Role.ADMIN, True)])
async def test_only_admins_define_cameras(system, role, may):
    """camera 2.7."""
    _, spelled = await system.door.app.service.tokens.create(name="t", role=role, by="test")
    answer = await asked(system.door, "POST", "", {"name": "Attic"}, authorization=f"Bearer {spelled}")
    assert answer["status"] == ("OK" if may else "ERROR")
