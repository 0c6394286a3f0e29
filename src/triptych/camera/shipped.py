"""The scenarios that every server has from the start, made for the default arm: other moves in each table."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from triptych.camera.arms import SimOptions
from triptych.camera.kinematics import Geometry, tip
from triptych.camera.missions import Polar, Position, Scenario

_ARM = SimOptions()
_SUB_STEP_S = 0.05


def _position(name: str, joints_deg: Sequence[float], seconds: float) -> Position:
    place = tip(Geometry(base_mm=_ARM.base_mm, links_mm=_ARM.links_mm), joints_deg).place_mm
    x, y, z = (round(at, 1) for at in place)
    polar = Polar(
        coords=tuple(round(math.radians(joint), 4) for joint in joints_deg),
        delays=(_SUB_STEP_S,) * len(joints_deg),
        divide_counts=(round(seconds / _SUB_STEP_S),) * len(joints_deg),
    )
    return Position(name=name, cartesian_coords=(x, y, z), polar_params=polar)


_LOOK_ROUND = Scenario(
    name="scenario_1",
    positions=(_position("left", (105.0, 90.0, 92.0), 2.0), _position("right", (75.0, 90.0, 88.0), 4.0)),
)
_NOD = Scenario(
    name="scenario_1",
    positions=(_position("back", (90.0, 100.0, 84.0), 2.0), _position("forth", (90.0, 80.0, 96.0), 3.0)),
)

SCENARIOS: Mapping[str, Mapping[str, Scenario]] = MappingProxyType(
    {
        "missions": {"0c5f2a51-3f0b-4f6c-9d8e-5a1f2f9b7a01": _LOOK_ROUND},
        "predicted_missions": {"0c5f2a51-3f0b-4f6c-9d8e-5a1f2f9b7a02": _NOD},
    }
)
"""By table and id."""
