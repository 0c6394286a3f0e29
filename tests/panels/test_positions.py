"""camera 6, 2.5: `/api/position` and `/api/scenario`; no camera is needed for them."""

import json
from urllib.parse import quote

import pytest

from panels.system import running_system
from triptych.messages import Answer
from triptych.panels.camera import PANEL
from triptych.tokens import Role

POSITION = {
    "name": "left",
    "cartesian_coords": [30, 25, 42],
    "polar_params": {"coords": [1.5, 1, 0.9], "delays": [0.05, 0, 0.1], "divide_counts": [3, 4, 2]},
}
SCENARIO = {"name": "round", "positions": [POSITION, POSITION | {"name": "right"}]}
B = {"job_type": "track", "scenario": None, "predicted_mission": False, "recognized_persons": None, "non_moving_target": None, "ai": None}


class Tables:
    def __init__(self, system):
        self.door, self.worker = system.door, system.worker

    async def call(self, method, path, body=None, **headers):
        """Return the answer; every handled outcome is 200 and JSON (camera W1)."""
        sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = await self.door.ask(method, f"/api/{path}", sent, **headers)
        assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
        answer = json.loads(reply.body)
        if answer["status"] == "ERROR":
            assert set(answer) == {"status", "message"}
            assert 0 < len(answer["message"]) <= 200
        return answer

    async def ok(self, method, path, body=None, **headers):
        answer = await self.call(method, path, body, **headers)
        assert answer["status"] == "OK", answer
        return answer

    async def error(self, method, path, body=None, **headers):
        answer = await self.call(method, path, body, **headers)
        assert answer["status"] == "ERROR", answer
        return answer["message"]

    async def names(self, kind, db="missions"):
        return [row["name"] for row in (await self.ok("GET", f"{kind}?db={db}"))["data"]]


@pytest.fixture
async def tables(tmp_path):
    async with running_system(tmp_path, (PANEL,)) as system:
        yield Tables(system)


KINDS = pytest.mark.parametrize(("kind", "body"), [("position", POSITION), ("scenario", SCENARIO)])


@KINDS
async def test_a_row_is_made_read_changed_and_deleted(tables, kind, body):
    """camera row 44: OK + id, a rename keeps one row."""
    before = await tables.names(kind)
    made = await tables.ok("POST", f"{kind}?db=missions", body)
    assert set(made) == {"status", "id"}
    row = f"{kind}?db=missions&id={made['id']}"
    (found,) = (await tables.ok("GET", row))["data"]
    assert (found["id"], found["name"]) == (made["id"], body["name"])
    assert await tables.ok("PUT", row, found | {"name": "Renamed"}) == {"status": "OK"}
    assert sorted(await tables.names(kind)) == sorted([*before, "Renamed"])
    assert await tables.ok("DELETE", row) == {"status": "OK"}
    assert await tables.names(kind) == before
    for method, sent in (("GET", None), ("PUT", body), ("DELETE", None)):
        assert "id" in await tables.error(method, row, sent)


@KINDS
async def test_a_second_equal_name_is_refused(tables, kind, body):
    """camera 2.5, row 44: equal after NFC, case fold, blanks and underscores."""
    first = await tables.ok("POST", f"{kind}?db=missions", body | {"name": "Scène 1"})
    for name in ("Scène 1", "SCE\u0300NE__1", " scène_1 "):
        assert "name" in await tables.error("POST", f"{kind}?db=missions", body | {"name": name})
    other = await tables.ok("POST", f"{kind}?db=missions", body | {"name": "Scène 2"})
    assert "name" in await tables.error("PUT", f"{kind}?db=missions&id={other['id']}", body | {"name": "scène 1"})
    await tables.ok("PUT", f"{kind}?db=missions&id={first['id']}", body | {"name": "SCÈNE 1"})
    await tables.ok("POST", f"{kind}?db=predicted_missions&root=true", body | {"name": "Scène 1"})


@KINDS
async def test_a_missing_or_unknown_table_is_an_error(tables, kind, body):
    """camera 6: missing db ERROR."""
    for query in ("", "?db=", "?db=users", "?db=missions&db=missions"):
        for method, sent in (("GET", None), ("POST", body), ("PUT", body), ("DELETE", None)):
            assert "db" in await tables.error(method, f"{kind}{query}", sent)


async def test_unreadable_bodies_are_errors(tables):
    """camera 11: bad input."""
    for sent in (b"", b"{", b"[]", b"null", b"\xff", b'{"name": NaN}', b"[" * 30 + b"]" * 30, b" " * 70_000):
        for kind in ("position", "scenario"):
            await tables.error("POST", f"{kind}?db=missions", sent)


async def test_arrays_have_one_value_for_each_joint(tables):
    """camera row 44: wrong joint count ERROR; 6: with the head's axes joined there are two more."""
    two = {"coords": [1, 1], "delays": [0, 0], "divide_counts": [1, 1]}
    five = {"coords": [1, 1, 1, 0, 0], "delays": [0] * 5, "divide_counts": [1] * 5}
    for wrong in (two, five):
        assert "3" in await tables.error("POST", "position?db=missions", POSITION | {"polar_params": wrong})
        assert "3" in await tables.error(
            "POST", "scenario?db=missions", SCENARIO | {"positions": [POSITION, POSITION | {"polar_params": wrong}]}
        )
    await tables.ok("PATCH", "move?expand=true")
    await tables.ok("POST", "position?db=missions", POSITION | {"polar_params": five})
    assert "5" in await tables.error("POST", "position?db=missions", POSITION | {"name": "other"})


async def test_joints_beyond_their_limits_are_refused(tables):
    """camera S2."""
    wide = POSITION["polar_params"] | {"coords": [1.5, 4.0, 0.9]}
    assert "joint 2" in await tables.error("POST", "position?db=missions", POSITION | {"polar_params": wide})


async def test_scenario_1_is_there_from_the_start_and_can_be_changed(tables):
    """camera 4: it ships in the user's and the system's table, each its own."""
    (user,) = (await tables.ok("GET", "scenario?db=missions"))["data"]
    (system,) = (await tables.ok("GET", "scenario?db=predicted_missions"))["data"]
    assert user["name"] == system["name"] == "scenario_1"
    assert user["positions"] != system["positions"]
    assert await tables.names("scenario", "emotions") == await tables.names("position") == []
    assert "name" in await tables.error("POST", "scenario?db=missions", SCENARIO | {"name": "Scenario 1"})
    await tables.ok("PUT", f"scenario?db=missions&id={user['id']}", user | {"name": "mine"})
    assert await tables.names("scenario") == ["mine"]
    await tables.ok("DELETE", f"scenario?db=missions&id={user['id']}")
    assert await tables.names("scenario") == []
    await tables.ok("POST", "scenario?db=missions", SCENARIO | {"name": "Scenario 1"})


async def test_a_get_changes_nothing(tables):
    """camera S4."""
    await tables.names("scenario")
    assert await tables.door.app.service.catalog.keys("camera.scenarios.missions") == []


@KINDS
@pytest.mark.parametrize("db", ["predicted_missions", "emotions"])
async def test_the_systems_tables_are_changed_with_root_by_admins_only(tables, kind, body, db):
    """camera 2.7, 6."""
    for root in ("", "&root=false", "&root="):
        assert await tables.error("POST", f"{kind}?db={db}{root}", body) == "not allowed"
    made = await tables.ok("POST", f"{kind}?db={db}&root=true", body)
    _, spelled = await tables.door.app.service.tokens.create(name="o", role=Role.OPERATOR, by="test", lifetime=None)
    operator = {"authorization": f"Bearer {spelled}"}
    row = f"{kind}?db={db}&root=true&id={made['id']}"
    for method, sent in (("POST", body), ("PUT", body), ("DELETE", None)):
        assert await tables.error(method, row, sent, **operator) == "not allowed"
    await tables.ok("GET", row, **operator)
    await tables.ok("POST", f"{kind}?db=missions", body, **operator)


async def test_a_mission_is_resolved_by_name_and_table(tables):
    """camera 2.5, 4, row 27, 28: `predicted_mission` chooses the table; null and unknown: ERROR and no session."""
    asked = []

    async def note(ask):
        asked.append(ask)
        return Answer()

    tables.worker.on_ask = note
    assert "scenario" in await tables.error("PUT", "job?cause=mission")
    for name, predicted in (("nope", False), ("left", False)):
        await _set(tables, name, predicted=predicted)
        assert "scenario" in await tables.error("PUT", "job?cause=mission")
    assert not [ask for ask in asked if ask.verb == "mission"]
    assert not tables.worker.started
    played = {}
    for predicted in (False, True):
        await _set(tables, "Scenario  1", predicted=predicted)
        await tables.ok("PUT", "job?cause=mission")
        played[predicted] = asked[-1].data["scenario"]
    assert played[False]["name"] == played[True]["name"] == "scenario_1"
    assert played[False] != played[True]


async def test_a_scenario_for_other_joints_is_refused_before_a_session_begins(tables):
    """camera 3.1: no joints for it."""
    await tables.door.app.service.catalog.put("cameras", "bare", {"arm": {"kind": "none"}})
    await tables.ok("POST", "job?camera=bare", B | {"scenario": "scenario_1"})
    assert "3 joints; this camera has 0" in await tables.error("PUT", "job?cause=mission&camera=bare")
    assert not tables.worker.started


async def _set(tables, scenario, *, predicted):
    await tables.ok("POST", "job", B | {"scenario": scenario, "predicted_mission": predicted})


async def test_names_in_queries_may_be_anything(tables):
    """camera 11: no 5xx."""
    for name in ("../x", "%00", "a b", "é"):
        await tables.error("GET", f"scenario?db=missions&id={quote(name)}")
