"""Rows 27, 28, 42 and 45 of the acceptance checklist (camera.md 13), and what moves belong to them, over HTTP against a running system."""

import asyncio
import math
import time

import pytest

from conformance.test_camera import FORM, B, running
from triptych.stores.sql import SqlStore

CAMERAS = {"bare": {"name": "No arm", "arm": {"kind": "none"}}}
QUARTER = math.pi / 2
BOUND_S = 30


class Arm:
    """A running system as who moves its default camera sees it."""

    def __init__(self, seer):
        self.seer = seer

    def call(self, method, query="", **form):
        answer = self.seer.client.request(method, f"/api/move{query}", data=form or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ok(self, method, query="", **form):
        answer = self.call(method, query, **form)
        assert answer["status"] == "OK", answer
        return answer.get("data")

    def error(self, method, query="", **form):
        answer = self.call(method, query, **form)
        assert (answer["status"], set(answer)) == ("ERROR", {"status", "message"}), answer
        return answer["message"]

    @property
    def where(self):
        return self.ok("GET")

    @property
    def joints(self):
        return [math.degrees(joint) for joint in self.where["polar_coords"]]

    def until(self, condition):
        deadline = time.monotonic() + BOUND_S
        while not condition(self.where):
            assert time.monotonic() < deadline, self.where
            time.sleep(0.02)

    def moves(self):
        """Wait until a joint is another one than now."""
        first = self.joints
        self.until(lambda where: max(abs(math.degrees(now) - then) for now, then in zip(where["polar_coords"], first, strict=True)) > 1)

    def stands(self, seconds=0.4):
        """Tell whether nothing moves for so long."""
        before, until = self.where, time.monotonic() + seconds
        while time.monotonic() < until:
            if self.where != before:
                return False
        return True

    def settles(self):
        deadline = time.monotonic() + BOUND_S
        while not self.stands():
            assert time.monotonic() < deadline


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("moves") / "data"
    asyncio.run(_define(data_dir))
    with running(data_dir) as seer:
        yield seer


async def _define(data_dir):
    data_dir.mkdir(mode=0o700, exist_ok=True)
    async with SqlStore(f"sqlite:///{data_dir / 'triptych.db'}") as store:
        for camera_id, document in CAMERAS.items():
            await store.put("cameras", camera_id, document)


@pytest.fixture
def arm(system):
    rest(system)
    yield Arm(system)
    rest(system)


def rest(seer):
    for cause in ("track", "mission"):
        seer.ok("DELETE", f"?cause={cause}")
    seer.ok("POST", "?mark=single_rect", json=B)


def test_after_start_nothing_moves(arm):
    """camera S1, S4: GET never moves an axis."""
    assert arm.where["polar_coords"] == pytest.approx([QUARTER] * 3, abs=1e-4)
    assert arm.stands()


def test_row_27_a_mission_moves_holds_and_goes_on(arm):
    """camera row 27."""
    seer = arm.seer
    seer.ok("POST", json=B | {"scenario": "scenario 1"})
    seer.ok("PUT", "?cause=mission")
    seer.ok("PUT", "?cause=mission")
    arm.moves()
    step = seer.state()["mission"]["step"]
    seer.ok("DELETE", "?pause=true")
    assert arm.stands(1.0)
    assert (seer.state()["mission"]["state"], seer.state()["state"]) == ("paused", "paused")
    seer.ok("PATCH")
    assert seer.state()["mission"] == {"state": "on", "scenario": "scenario_1", "step": step}
    arm.moves()
    seer.ok("DELETE", "?cause=mission")
    assert arm.stands()
    assert seer.until(lambda state: state["session"] is None)["mission"]["state"] == "off"


def test_row_28_what_cannot_be_played_starts_nothing(arm):
    """camera row 28."""
    seer = arm.seer
    seer.error("PUT", "?cause=mission")
    seer.ok("POST", json=B | {"scenario": "nope"})
    assert "scenario" in seer.error("PUT", "?cause=mission")
    assert seer.state()["session"] is None
    seer.ok("POST", json=B | {"scenario": "scenario_1", "predicted_mission": True})
    seer.ok("PUT", "?cause=mission")
    arm.until(lambda where: abs(math.degrees(where["polar_coords"][1]) - 90) > 2)


def test_row_42_an_emergency_stop_during_mission_and_tracking(arm):
    """camera row 42: every axis still within 100 ms, both paused."""
    seer = arm.seer
    seer.ok("POST", json=B | {"scenario": "scenario_1", "ai": "official_ai"})
    seer.ok("PUT", "?cause=mission")
    seer.ok("PUT", "?cause=track")
    arm.moves()
    arm.ok("DELETE")
    assert arm.stands(1.0)
    state = seer.state()
    assert (state["track"]["state"], state["mission"]["state"]) == ("paused", "paused")
    seer.ok("PATCH")
    arm.moves()


def test_an_emergency_stop_in_every_state(arm):
    """camera S2: idle, tracking, paused, of a camera without an arm; tests/kinds proves it with the source dead."""
    seer = arm.seer
    arm.ok("DELETE")
    seer.ok("PUT", "?cause=track")
    for _ in range(2):
        arm.ok("DELETE")
        assert seer.state()["track"]["state"] == "paused"
    arm.ok("DELETE", "?camera=bare")


def test_row_45_joints_axes_and_no_arm(arm):
    """camera row 45."""
    before = arm.joints
    arm.ok("PUT", type="joint", id=3, quantity=3)
    arm.until(lambda where: math.degrees(where["polar_coords"][2]) == pytest.approx(before[2] + 3, abs=0.11))
    arm.ok("PUT", type="joint", id=3, quantity=-3)
    arm.until(lambda where: math.degrees(where["polar_coords"][2]) == pytest.approx(before[2], abs=0.11))
    height = arm.where["cartesian_coords"][2]
    arm.ok("PUT", type="axis", id="z", quantity=-5)
    arm.until(lambda where: where["cartesian_coords"][2] == pytest.approx(height - 5, abs=0.5))
    arm.settles()
    assert "reach" in arm.error("PUT", type="axis", id="z", quantity=500)
    for quantity in ("1e9", "NaN", ""):
        assert "quantity" in arm.error("PUT", type="joint", id=1, quantity=quantity)
    assert arm.stands()
    assert (arm.ok("GET", "?cause=joint_count"), arm.ok("GET", "?cause=joint_count&camera=bare")) == (3, 0)
    assert "no arm" in arm.error("PUT", "?camera=bare", type="joint", id=1, quantity=1)


def test_the_head_by_hand_and_its_limits(arm):
    """camera 6, S2."""
    arm.ok("PUT", type="head", id="home")
    arm.until(lambda where: where["head"]["pan"] == pytest.approx(0, abs=0.2))
    arm.ok("PUT", type="head", id="pan", quantity=8)
    arm.until(lambda where: where["head"]["pan"] == pytest.approx(8, abs=0.2))
    assert "limit" in arm.error("PUT", type="head", id="tilt", quantity=30)
    arm.ok("PUT", type="head", id="home")
    arm.until(lambda where: where["head"]["pan"] == pytest.approx(0, abs=0.2))


def test_a_move_made_by_a_client_is_played_once(arm):
    """camera 6: POST /api/move."""
    polar = {"coords": [1.2, QUARTER, QUARTER], "delays": [0.05, 0, 0], "divide_counts": [10, 1, 1]}
    made = arm.seer.client.post("/api/position?db=missions", json={"name": "aside", "cartesian_coords": [0, 0, 0], "polar_params": polar})
    assert made.json()["status"] == "OK"
    arm.ok("POST", "?db=missions&action=ASIDE&a_type=position")
    arm.until(lambda where: where["polar_coords"] == pytest.approx([1.2, QUARTER, QUARTER], abs=2e-3))
    assert arm.seer.state()["mission"]["state"] == "off"
    assert arm.seer.client.delete(f"/api/position?db=missions&id={made.json()['id']}").json() == {"status": "OK"}


def test_with_arm_expansion_the_head_joins(arm):
    """camera 2.3, 3.3: joints n+1 (tilt) and n+2 (pan), and the head is the mission's."""
    arm.ok("PATCH", "?expand=true")
    assert arm.ok("GET", "?cause=joint_count") == 5
    assert arm.seer.state()["parameters"]["arm_expansion"] is True
    position = {"cartesian_coords": [0, 0, 0]}
    polar = {"delays": [0.05] * 5, "divide_counts": [10] * 5}
    aims = ([QUARTER] * 3 + [0.05, 0.2], [QUARTER] * 3 + [-0.05, -0.2])
    positions = [position | {"name": str(aim[4]), "polar_params": polar | {"coords": aim}} for aim in aims]
    made = arm.seer.client.post("/api/scenario?db=missions", json={"name": "five", "positions": positions}).json()
    assert made["status"] == "OK"
    arm.seer.ok("POST", json=B | {"scenario": "five", "arm_expansion": True})
    arm.seer.ok("PUT", "?cause=mission")
    arm.until(lambda where: where["head"]["pan"] > 9)
    arm.until(lambda where: where["head"]["pan"] < -9)
    arm.seer.error("POST", json=B)
    arm.seer.ok("DELETE", "?cause=mission")
    arm.seer.ok("POST", json=B | {"scenario": "five"}, headers={})
    assert "joints" in arm.seer.error("PUT", "?cause=mission")
    arm.seer.ok("POST", "?mark=single_rect", headers=FORM)
