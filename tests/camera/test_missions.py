"""camera 4, 6: what a position and a scenario may say, and how a scenario is played."""

import json
import math
import random
from contextlib import suppress

import pytest

from triptych.camera.missions import Player, Position, Scenario, as_scenario, check_reach, name_key, read_move, straight_to
from triptych.errors import Invalid

LIMITS = [(0.0, 180.0)] * 3
POSITION = {
    "name": "left",
    "cartesian_coords": [30, 25, 42],
    "polar_params": {"coords": [1.5, 1, 0.9], "delays": [0.05, 0, 0.1], "divide_counts": [3, 4, 2]},
}


def position(joints_deg, delays=(0.0,) * 3, counts=(1,) * 3, name="p"):
    polar = {"coords": [math.radians(joint) for joint in joints_deg], "delays": list(delays), "divide_counts": list(counts)}
    return {"name": name, "cartesian_coords": [0, 0, 0], "polar_params": polar}


def scenario(*positions, loop=True):
    return read_move({"name": "s", "positions": list(positions), "loop": loop}, Scenario, [3])


def play(player, ticks, span_s=0.02, joints=(90.0, 90.0, 90.0)):
    """Let joints that obey at once do what the player says; return where they were after each tick."""
    told = []
    for _ in range(ticks):
        joints = player.advance(span_s, joints)
        told.append(joints)
    return told


@pytest.mark.parametrize(
    "other", ["scenario_1", "SCENARIO  1", " Scenario_ 1 ", "sce\u0301nario 1".replace("e\u0301", "e"), "scenario\t__1"]
)
def test_equal_names(other):
    """camera 2.5: NFC, case fold, outer blanks cut, runs of blanks or underscores as one."""
    assert name_key(other) == name_key("Scenario 1")


def test_names_that_differ():
    assert len({name_key(name) for name in ("scenario1", "scenario 1", "scenario 2", "sce\u0301nario 1")}) == 4
    assert name_key("e\u0301") == name_key("\u00c9")


def test_integers_and_an_extra_id_are_accepted():
    """camera 6."""
    found = read_move(POSITION | {"id": "x"}, Position, [3])
    assert found.cartesian_coords == (30.0, 25.0, 42.0)
    whole = {"id": 5, "name": "s", "positions": [POSITION | {"id": "y"}]}
    assert read_move(whole, Scenario, [3]).loop


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"name": ""}, "name"),
        ({"name": " _ "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": 5}, "name"),
        ({"cartesian_coords": [1, 2]}, "cartesian_coords"),
        ({"cartesian_coords": [1, 2, "3"]}, "cartesian_coords"),
        ({"cartesian_coords": [1, 2, 1e9]}, "cartesian_coords"),
        ({"extra": 1}, "extra"),
        ({"polar_params": None}, "polar_params"),
        ({"polar_params": {"coords": [1, 1], "delays": [0, 0], "divide_counts": [1, 1]}}, "each joint of the arm: 3"),
        ({"polar_params": {"coords": [1, 1, 1], "delays": [0, 0], "divide_counts": [1, 1, 1]}}, "delays"),
        ({"polar_params": {"coords": [1, 1, 1], "delays": [0, 0, -1], "divide_counts": [1, 1, 1]}}, "delays"),
        ({"polar_params": {"coords": [1, 1, 1], "delays": [0, 0, 0], "divide_counts": [1, 1, 0]}}, "divide_counts"),
        ({"polar_params": {"coords": [1, 1, 1], "delays": [0, 0, 0], "divide_counts": [1, 1, 1.5]}}, "divide_counts"),
    ],
)
def test_a_bad_position_is_refused_by_name(change, word):
    """camera row 44, W3."""
    with pytest.raises(Invalid, match=word):
        read_move(POSITION | change, Position, [3])


@pytest.mark.parametrize("body", [None, [], "x", {}, {"name": "s"}, {"name": "s", "positions": []}, {"name": "s", "positions": [None]}])
def test_a_bad_scenario_is_refused(body):
    with pytest.raises(Invalid):
        read_move(body, Scenario, [3])


def test_no_arm_takes_no_position():
    with pytest.raises(Invalid, match="each joint"):
        read_move(position((), (), ()), Position, [0])


def test_a_joint_goes_by_equal_sub_steps_one_after_each_delay():
    """camera 6: delays in seconds, divide_counts."""
    player = Player(scenario(position((120, 90, 60), (0.1, 0.1, 0.2), (3, 1, 2)), loop=False))
    told = play(player, 30, 0.05)
    assert [round(joints[0]) for joints in told[:6]] == [100, 100, 110, 110, 120, 120]
    assert [round(joints[2]) for joints in told[:6]] == [75, 75, 75, 75, 60, 60]
    assert player.finished
    assert told[-1] == pytest.approx((120, 90, 60))


def test_a_loop_goes_round_and_one_without_ends():
    """camera 4: `loop:false` plays once."""
    pair = position((100, 90, 90)), position((80, 90, 90))
    player = Player(scenario(*pair))
    assert [round(joints[0]) for joints in play(player, 8)] == [100, 100, 80, 80, 100, 100, 80, 80]
    assert (player.finished, player.step) == (False, 1)
    once = Player(scenario(*pair, loop=False))
    play(once, 8)
    assert (once.finished, once.step) == (True, 2)


def test_the_next_position_waits_for_the_joints_but_not_for_ever():
    player = Player(scenario(position((100, 90, 90)), position((80, 90, 90))))
    for _ in range(50):
        player.advance(0.05, (90.0, 90.0, 90.0))
    assert player.step == 1
    for _ in range(60):
        player.advance(0.05, (90.0, 90.0, 90.0))
    assert player.step == 2


def test_time_that_is_not_told_does_not_pass():
    """camera 3.2: after a pause the same sub-step of the same position."""
    steps = position((180, 90, 90), (1.0, 0, 0), (9, 1, 1))
    straight, paused = Player(scenario(steps)), Player(scenario(steps))
    expected = play(straight, 100)
    told = play(paused, 40)
    told.append(paused.advance(0.0, told[-1]))
    told += play(paused, 60, joints=told[-1])
    del told[40]
    assert told == expected


def test_goals_never_leave_the_way_between_the_positions():
    """A law, over random scenarios."""
    dice = random.Random(3)
    for _ in range(50):
        places = [[dice.uniform(0, 180) for _ in range(3)] for _ in range(4)]
        found = scenario(*(position(place, [dice.uniform(0, 0.2)] * 3, [dice.randint(1, 9)] * 3) for place in places))
        check_reach(found, LIMITS)
        for joints in play(Player(found), 300):
            assert all(0 <= joint <= 180 for joint in joints)


def test_a_scenario_of_other_joints_or_beyond_the_limits_is_refused():
    """camera 3.1: no joints for it; camera S2."""
    with pytest.raises(Invalid, match="3 joints; this camera has 5"):
        check_reach(scenario(position((90, 90, 90))), [*LIMITS, (0, 1), (0, 1)])
    with pytest.raises(Invalid, match="joint 2"):
        check_reach(scenario(position((90, 181, 90))), LIMITS)


def test_a_move_as_a_scenario_is_played_once():
    one = read_move(POSITION, Position, [3])
    assert not as_scenario(one).loop
    assert not as_scenario(scenario(POSITION)).loop
    player = Player(straight_to((10, 20, 30)))
    assert play(player, 2)[0] == pytest.approx((10, 20, 30))
    assert player.finished


ODD = (None, True, 0, -1, 1e308, 10**400, "x", "", [], {}, [[]], [1, 2, 3], [10**400] * 3, [1e300] * 3, "\x00", "other", 0.5)


def changed(document, dice):
    """Return a body with one of its parts made odd."""
    copy = json.loads(json.dumps(document))
    at, key = copy, dice.choice(list(copy))
    while isinstance(at[key], dict | list) and at[key] and dice.random() < 0.7:
        at = at[key]
        key = dice.choice(list(at)) if isinstance(at, dict) else dice.randrange(len(at))
    at[key] = dice.choice(ODD)
    return copy


def test_no_body_does_worse_than_be_refused():
    """camera row 50, W3, W4: whatever is sent is taken whole, or refused in words."""
    dice, taken = random.Random(50), 0
    for _ in range(1000):
        kind, body = dice.choice([(Position, POSITION), (Scenario, {"name": "s", "positions": [POSITION] * 2, "loop": True})])
        with suppress(Invalid):
            check_reach(as_scenario(read_move(changed(body, dice), kind, [3])), LIMITS)
            taken += 1
    assert 0 < taken < 900
