"""camera 6: `/api/identity` and `/api/system_info`."""

import json

import pytest

from triptych.tokens import Role

NAMES = {"public_id": "studio-1", "private_id": "p-77", "name": "Studio"}


async def asked(door, method, path, body=None, **headers):
    reply = await door.ask(method, path, b"" if body is None else json.dumps(body).encode(), **headers)
    assert reply.status == 200
    return json.loads(reply.body)


async def bearer(system, role):
    _, spelled = await system.door.app.service.tokens.create(name="t", role=role, by="test")
    return {"authorization": f"Bearer {spelled}"}


async def test_names_are_empty_until_they_are_set_and_the_private_one_is_for_admins(system):
    """camera 6: private_id null unless admin."""
    nobody = {"public_id": None, "private_id": None, "name": None}
    assert await asked(system.door, "GET", "/api/identity") == {"status": "OK", "data": nobody}
    assert await asked(system.door, "PUT", "/api/identity", NAMES) == {"status": "OK"}
    assert (await asked(system.door, "GET", "/api/identity"))["data"] == NAMES
    for role in (Role.VIEWER, Role.OPERATOR):
        told = await asked(system.door, "GET", "/api/identity", **await bearer(system, role))
        assert told["data"] == NAMES | {"private_id": None}
        assert (await asked(system.door, "PUT", "/api/identity", NAMES, **await bearer(system, role)))["status"] == "ERROR"


@pytest.mark.parametrize("body", [{}, [], None, NAMES | {"name": 5}, NAMES | {"more": 1}, NAMES | {"name": ""}, NAMES | {"name": "x" * 81}])
async def test_names_that_are_none_are_refused(system, body):
    answer = await asked(system.door, "PUT", "/api/identity", body)
    assert (answer["status"], (await asked(system.door, "GET", "/api/identity"))["data"]["name"]) == ("ERROR", None)
    assert len(answer["message"]) <= 200


async def test_operators_see_how_the_machine_fares_and_viewers_do_not(system):
    """camera 6: true for operators, null below."""
    info = (await asked(system.door, "GET", "/api/system_info", **await bearer(system, Role.OPERATOR)))["data"]
    assert list(info) == [
        *("ram_usage_percent", "cpu_usage_percent", "cpu_temperature", "disk_usage_percent", "free_disk_space", "versions")
    ]
    assert 0 < info["ram_usage_percent"] < 100
    assert 0 < info["disk_usage_percent"] <= 100
    assert info["free_disk_space"] > 1_000_000
    assert info["versions"]["av"]
    hidden = (await asked(system.door, "GET", "/api/system_info", **await bearer(system, Role.VIEWER)))["data"]
    assert hidden == dict.fromkeys(info)
