"""The state object of a camera (camera.md 3.3): what clients are told, and which changes of it are worth an event."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from triptych.camera.definition import Definition
from triptych.camera.eye import Eye, Glimpse, box_of
from triptych.camera.parameters import Mark, Parameters
from triptych.camera.record import Recorder


class Activity(StrEnum):
    """Where track or record stands; track's finer words come from what the camera sees."""

    OFF = "off"
    ON = "on"
    PAUSED = "paused"
    FAILED = "failed"

    @property
    def live(self) -> bool:
        """Whether it goes on, now or after a resume."""
        return self in {Activity.ON, Activity.PAUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the state object is made of."""

    camera: str
    definition: Definition
    parameters: Parameters
    mark: Mark | None
    session: str | None
    track: Activity
    job_type: str
    record: Activity
    eye: Eye | None
    recorder: Recorder | None
    age_s: float | None
    faults: tuple[str, ...]

    @property
    def glimpse(self) -> Glimpse | None:
        """The newest frame, None while the source is closed."""
        return None if self.eye is None else self.eye.newest


def session_word(*activities: Activity) -> str:
    """Return `active`, `paused` when something is paused and nothing active, or `idle`."""
    if Activity.ON in activities:
        return "active"
    return "paused" if Activity.PAUSED in activities else "idle"


def describe(facts: Facts) -> dict[str, Any]:
    """Return the state object."""
    return {
        "camera": facts.camera,
        "simulated": facts.definition.simulated,
        "session": facts.session,
        "state": session_word(facts.track, facts.record),
        "track": _track(facts),
        "record": _record(facts),
        "mission": {"state": "off", "scenario": None, "step": None},
        "live_stream": {"state": "off", "targets": []},
        "head": _head(facts),
        "detector": _detector(facts),
        "fps": 0.0 if facts.eye is None else round(facts.eye.fps, 1),
        "stale_s": None if facts.age_s is None else round(facts.age_s, 3),
        "parameters": msgspec.to_builtins(facts.parameters),
        "mark": facts.mark,
        "calibration": None,
        "warnings": warnings(facts),
    }


def essence(state: dict[str, Any]) -> object:
    """Return what of a state is told as an event when it changes: no measurements."""
    target = state["track"]["target"]
    return (
        *(state[key] for key in ("session", "state", "parameters", "mark", "warnings")),
        (state["track"]["state"], state["track"]["job_type"], target and target["track"]),
        (state["record"]["state"], state["record"]["id"]),
        (state["head"]["at_limit"], state["detector"]["name"], state["detector"]["every"]),
    )


def track_word(track: Activity, parameters: Parameters, glimpse: Glimpse | None) -> str:
    """Return the state of track as the contract calls it."""
    if track is not Activity.ON:
        return track.value
    if parameters.non_moving_target:
        return "still"
    return "starting" if glimpse is None or glimpse.phase is None else glimpse.phase.value


def warnings(facts: Facts) -> list[str]:
    """Return hints about calls that succeeded, one sentence each."""
    asked = facts.parameters
    found = list(facts.faults)
    if asked.recognized_persons == ("all",):
        found.append("recognized_persons: nobody is enrolled.")
    elif asked.recognized_persons is not None:
        found.append(f"recognized_persons: {len(asked.recognized_persons)} of the ids are not enrolled.")
    if asked.arm_expansion:
        found.append("arm_expansion: this camera has no arm.")
    if facts.recorder is not None and facts.recorder.lagging:
        found.append("record: frames are being dropped.")
    return found


def _track(facts: Facts) -> dict[str, Any]:
    glimpse = facts.glimpse
    target = glimpse.target if glimpse is not None and facts.track.live else None
    return {
        "state": track_word(facts.track, facts.parameters, glimpse),
        "job_type": facts.job_type if facts.track.live else facts.parameters.job_type,
        "target": target and {"track": target.number, "person": None, "box": box_of(target.box), "score": round(target.score, 3)},
    }


def _record(facts: Facts) -> dict[str, Any]:
    recorder = facts.recorder
    return {
        "state": facts.record.value,
        "id": recorder and recorder.id,
        "seconds": 0.0 if recorder is None else round(recorder.length_s, 2),
        "dropped": 0 if recorder is None else recorder.dropped,
    }


def _head(facts: Facts) -> dict[str, Any]:
    pose = None if facts.eye is None else facts.eye.head.pose()
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
