"""The state object of a camera (camera.md 3.3): what clients are told, and which changes of it are worth an event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from triptych.camera.activity import Activity, Standing
from triptych.camera.calibration import Calibration
from triptych.camera.definition import Definition
from triptych.camera.eye import Eye, Glimpse
from triptych.camera.parameters import Mark, Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the state object is made of."""

    camera: str
    definition: Definition
    parameters: Parameters
    mark: Mark | None
    session: str | None
    activities: Mapping[str, Activity]
    eye: Eye | None
    age_s: float | None
    faults: tuple[str, ...]
    calibration: Calibration | None = None

    @property
    def glimpse(self) -> Glimpse | None:
        """The newest frame, None while the source is closed."""
        return None if self.eye is None else self.eye.newest


def session_word(*standings: Standing) -> str:
    """Return `active`, `paused` when something is paused and nothing active, or `idle`."""
    if Standing.ON in standings:
        return "active"
    return "paused" if Standing.PAUSED in standings else "idle"


def describe(facts: Facts) -> dict[str, Any]:
    """Return the state object."""
    return {
        "camera": facts.camera,
        "simulated": facts.definition.simulated,
        "session": facts.session,
        "state": session_word(*(activity.standing for activity in facts.activities.values())),
        **{cause: activity.describe() for cause, activity in facts.activities.items()},
        "head": _head(facts),
        "detector": _detector(facts),
        "fps": 0.0 if facts.eye is None else round(facts.eye.fps, 1),
        "stale_s": None if facts.age_s is None else round(facts.age_s, 3),
        "parameters": msgspec.to_builtins(facts.parameters),
        "mark": facts.mark,
        "calibration": msgspec.to_builtins(facts.calibration),
        "warnings": warnings(facts),
    }


def essence(state: dict[str, Any]) -> object:
    """Return what of a state is told as an event when it changes: no measurements."""
    target = state["track"]["target"]
    return (
        *(state[key] for key in ("session", "state", "parameters", "mark", "calibration", "warnings", "mission", "live_stream")),
        (state["track"]["state"], state["track"]["job_type"], target and (target["track"], target["person"])),
        (state["record"]["state"], state["record"]["id"]),
        (state["head"]["at_limit"], state["detector"]["name"], state["detector"]["every"]),
    )


def warnings(facts: Facts) -> list[str]:
    """Return hints about calls that succeeded, one sentence each."""
    asked = facts.parameters
    found = list(facts.faults)
    if asked.arm_expansion and not facts.definition.arm_options().joints_deg:
        found.append("arm_expansion: this camera has no arm.")
    return [*found, *(hint for activity in facts.activities.values() for hint in activity.warnings())]


def _head(facts: Facts) -> dict[str, Any]:
    pose = None if facts.eye is None else facts.eye.wheel.axes.pose()
    glimpse = facts.glimpse
    return {
        "kind": facts.definition.head["kind"],
        "pan": 0.0 if pose is None else round(pose.pan_deg, 2),
        "tilt": 0.0 if pose is None else round(pose.tilt_deg, 2),
        "moving": glimpse is not None and glimpse.moving,
        "at_limit": glimpse is not None and glimpse.at_limit,
    }


def _detector(facts: Facts) -> dict[str, Any]:
    eye = facts.eye
    if eye is None or eye.detector is None:
        return {"name": None, "every": 1, "ms": 0.0}
    return {"name": eye.detector.name, "every": eye.cadence.every, "ms": round(eye.detect_ms, 1)}
