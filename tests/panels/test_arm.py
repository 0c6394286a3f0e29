"""camera 6, 11: what `/api/move` takes and refuses; the worker answers every ask with nothing."""

import json

import pytest

from panels.system import running_system
from triptych.messages import Answer
from triptych.panels.camera import PANEL

FORM = "application/x-www-form-urlencoded; charset=UTF-8"


class Moves:
    def __init__(self, system):
        self.door, self.asked = system.door, []
        system.worker.on_ask = self.note

    async def note(self, ask):
        self.asked.append((ask.verb, ask.data))
        return Answer(data={"polar_coords": []} if ask.verb == "where" else {})

    async def call(self, method, query="", body=b"", content_type=FORM):
        reply = await self.door.ask(method, f"/api/move{query}", body, content_type=content_type)
        assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
        return json.loads(reply.body)

    async def ok(self, method, query="", body=b""):
        answer = await self.call(method, query, body)
        assert answer["status"] == "OK", answer
        return answer.get("data")

    async def error(self, method, query="", body=b""):
        answer = await self.call(method, query, body)
        assert set(answer) == {"status", "message"}, answer
        assert 0 < len(answer["message"]) <= 200
        return answer["message"]


@pytest.fixture
async def moves(tmp_path):
    async with running_system(tmp_path, (PANEL,)) as system:
        await system.door.app.service.catalog.put("cameras", "bare", {"arm": {"kind": "none"}})
        yield Moves(system)


async def test_where_and_how_many(moves):
    """camera 6, row 45: an integer, 0 without an arm."""
    assert await moves.ok("GET") == {"polar_coords": []}
    assert await moves.ok("GET", "?cause=joint_count") == 3
    assert await moves.ok("GET", "?cause=joint_count&camera=bare") == 0
    for query in ("?cause=x", "?cause=joint_count&cause=joint_count", "?camera=x"):
        await moves.error("GET", query)
    assert [verb for verb, _ in moves.asked] == ["where"]


STEPS = (
    (b"type=joint&id=3&quantity=-3", ("joint", "3", -3.0)),
    (b"type=axis&id=x&quantity=12.5", ("axis", "x", 12.5)),
    (b"type=axis&id=z&quantity=+1e1", ("axis", "z", 10.0)),
    (b"type=head&id=pan&quantity=%2B5&admin_id=x", ("head", "pan", 5.0)),
    (b"type=head&id=home", ("head", "home", 0.0)),
    (b"type=head&id=home&quantity=", ("head", "home", 0.0)),
)
BAD_STEPS = (
    (b"", "type"),
    (b"type=wheel&id=1&quantity=1", "type"),
    (b"type=joint&quantity=1", "id"),
    (b"type=joint&id=&quantity=1", "id"),
    (b"type=joint&id=1", "quantity"),
    (b"type=joint&id=1&quantity=", "quantity"),
    (b"type=joint&id=1&quantity=1e9", "quantity"),
    (b"type=joint&id=1&quantity=NaN", "quantity"),
    (b"type=joint&id=1&quantity=inf", "quantity"),
    (b"type=joint&id=1&quantity=1_0", "quantity"),
    (b"type=joint&id=1&quantity=0x10", "quantity"),
    (b"type=joint&id=1&quantity=%D9%A3", "quantity"),
    (b"type=joint&id=1&quantity=" + b"9" * 400, "quantity"),
    (b"type=joint&type=joint&id=1&quantity=1", "once"),
    (b"type=head&id=pan&quantity=", "quantity"),
    (b"\xff\xfe", "form"),
    (b"type=%ff&id=1", "form"),
    (b"&".join([b"a=1"] * 50), "form"),
    (b" " * 70_000, "65536"),
)


async def test_a_step_is_passed_on(moves):
    for body, step in STEPS:
        assert await moves.ok("PUT", "", body) is None
        verb, data = moves.asked[-1]
        assert (verb, data["type"], data["id"], data["quantity"]) == ("move", *step)


async def test_a_bad_step_is_refused_and_nothing_is_asked(moves):
    """camera 11: quantity 1e9, NaN, empty: ERROR, no motion."""
    for body, word in BAD_STEPS:
        assert word in await moves.error("PUT", "", body), body
    assert not moves.asked


async def test_a_move_is_played_once_by_name_or_id(moves):
    """camera 6."""
    await moves.ok("POST", "?db=missions&action=Scenario%201&a_type=scenario")
    ((verb, data),) = moves.asked
    assert (verb, data["scenario"]["name"], data["scenario"]["loop"]) == ("play", "scenario_1", False)
    listed = json.loads((await moves.door.ask("GET", "/api/scenario?db=predicted_missions")).body)["data"]
    await moves.ok("POST", f"?db=predicted_missions&action={listed[0]['id']}&a_type=scenario")
    assert [position["name"] for position in moves.asked[-1][1]["scenario"]["positions"]] == ["back", "forth"]


UNKNOWN = (
    ("", "db"),
    ("?db=x&action=scenario_1&a_type=scenario", "db"),
    ("?db=missions&action=scenario_1", "a_type"),
    ("?db=missions&action=scenario_1&a_type=x", "a_type"),
    ("?db=missions&a_type=scenario", "action"),
    ("?db=missions&action=nope&a_type=scenario", "name"),
    ("?db=missions&action=scenario_1&a_type=position", "name"),
    ("?db=missions&action=scenario_1&a_type=scenario&camera=bare", "joints"),
)


async def test_an_unknown_move_is_refused(moves):
    for query, word in UNKNOWN:
        assert word in await moves.error("POST", query), query
    assert not moves.asked


async def test_the_heads_axes_join_the_joints_and_leave_them(moves):
    """camera 6: joints n+1 and n+2."""
    await moves.ok("PATCH", "?expand=true")
    assert await moves.ok("GET", "?cause=joint_count") == 5
    assert [data["parameters"]["arm_expansion"] for verb, data in moves.asked if verb == "configure"] == [True]
    await moves.ok("PATCH", "?expand=false")
    assert await moves.ok("GET", "?cause=joint_count") == 3
    for query in ("", "?expand=", "?expand=1", "?expand=true&camera=bare"):
        assert "expand" in await moves.error("PATCH", query)


async def test_a_delete_asks_for_the_emergency_stop(moves):
    await moves.ok("DELETE")
    assert [verb for verb, _ in moves.asked] == ["halt"]
