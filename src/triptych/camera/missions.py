"""Positions and scenarios of an arm, and how one is played step by step. Pure; time and joints are arguments."""

import math
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from triptych.errors import Invalid

Finite = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
Delay = Annotated[float, msgspec.Meta(ge=0, le=60)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Move = TypeVar("Move", bound="Position | Scenario")

HEAD_JOINTS = 2
"""The head's tilt and pan, which may join the arm as joints n+1 and n+2."""
NAME_CHARACTERS = 80
MOST_POSITIONS = 200
ARRIVED_DEG = 1.0
PATIENCE_S = 5.0
"""How long a joint that does not arrive holds up the next position."""


class Polar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Joints in radians. Joint n goes there in `divide_counts[n]` equal sub-steps, one every `delays[n]` seconds."""

    coords: tuple[Finite, ...]
    delays: tuple[Delay, ...]
    divide_counts: tuple[Count, ...]


class Position(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pose of an arm. `cartesian_coords` tells its tip in millimetres; the joints are what is played."""

    name: str
    cartesian_coords: tuple[Finite, Finite, Finite]
    polar_params: Polar

    @property
    def joints_deg(self) -> tuple[float, ...]:
        """Return the joints."""
        return tuple(math.degrees(joint) for joint in self.polar_params.coords)


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Positions, one after the other; with `loop` for ever."""

    name: str
    positions: Annotated[tuple[Position, ...], msgspec.Meta(min_length=1, max_length=MOST_POSITIONS)]
    loop: bool = True

    @property
    def joint_count(self) -> int:
        """Return how many joints it moves."""
        return len(self.positions[0].polar_params.coords)


def name_key(name: str) -> str:
    """Return what is the same for names that count as equal: NFC, case folded, runs of blanks and underscores as one (camera 2.5)."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return "_".join(folded.replace("_", " ").split())


def read_move(document: object, kind: type[Move], joint_counts: Sequence[int]) -> Move:
    """Return the position or scenario of a body; an `id` in it counts for nothing.

    `joint_counts` are the lengths that its arrays may have. Raises `Invalid`, naming the key and what is allowed.
    """
    try:
        found = msgspec.convert(_without_ids(document), kind)
    except msgspec.ValidationError as fault:
        raise Invalid(f"{fault}.", field="body") from None
    positions: tuple[Position, ...] = found.positions if isinstance(found, Scenario) else (found,)
    for named in (found, *positions):
        _check_name(named.name)
    lengths = {len(array) for position in positions for array in msgspec.structs.astuple(position.polar_params)}
    if len(lengths) != 1 or not lengths <= set(joint_counts) - {0}:
        allowed = " or ".join(map(str, joint_counts))
        raise Invalid(f"coords, delays and divide_counts must have one value for each joint of the arm: {allowed}.", field="polar_params")
    return found


def as_scenario(move: Position | Scenario) -> Scenario:
    """Return a scenario that plays `move` once."""
    if isinstance(move, Position):
        return Scenario(name=move.name, positions=(move,), loop=False)
    return msgspec.structs.replace(move, loop=False)


def straight_to(joints_deg: Sequence[float]) -> Scenario:
    """Return a scenario that sends the joints to these angles at once."""
    polar = Polar(coords=tuple(map(math.radians, joints_deg)), delays=(0.0,) * len(joints_deg), divide_counts=(1,) * len(joints_deg))
    return Scenario(name="move", positions=(Position(name="move", cartesian_coords=(0.0, 0.0, 0.0), polar_params=polar),), loop=False)


def check_reach(scenario: Scenario, limits: Sequence[tuple[float, float]]) -> None:
    """Raise `Invalid` when a scenario has not these joints, or leaves their limits in degrees."""
    if scenario.joint_count != len(limits):
        raise Invalid(f"scenario moves {scenario.joint_count} joints; this camera has {len(limits)}.", field="scenario")
    for position in scenario.positions:
        for number, (joint, (low, high)) in enumerate(zip(position.joints_deg, limits, strict=True), 1):
            if not low - _DUST_DEG <= joint <= high + _DUST_DEG:
                raise Invalid(f"coords sends joint {number} beyond its limits of {low:g} to {high:g} degrees.", field="coords")


class Player:
    """Plays one scenario: tell it how much time passed and where the joints are, and send them where it says."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.finished = False
        self._place = 0
        self._elapsed_s = 0.0
        self._from: tuple[float, ...] | None = None

    @property
    def step(self) -> int:
        """Return the number of the position it is on the way to, from 1."""
        return self._place + 1

    def advance(self, span_s: float, joints_deg: Sequence[float]) -> tuple[float, ...]:
        """Return where the joints are to be after another `span_s` seconds, in degrees; they stand at `joints_deg` now."""
        if self._from is None:
            self._from = tuple(joints_deg)
        else:
            self._elapsed_s += span_s
        position = self.scenario.positions[self._place]
        goal = self._sub_steps(position, self._from)
        if self._is_there(position, joints_deg):
            self._turn_over(position)
        return goal

    def _sub_steps(self, position: Position, start_deg: Sequence[float]) -> tuple[float, ...]:
        polar = position.polar_params
        return tuple(
            start + (end - start) * _part(self._elapsed_s, delay_s, count)
            for start, end, delay_s, count in zip(start_deg, position.joints_deg, polar.delays, polar.divide_counts, strict=True)
        )

    def _is_there(self, position: Position, joints_deg: Sequence[float]) -> bool:
        polar = position.polar_params
        late_s = self._elapsed_s - max(delay_s * count for delay_s, count in zip(polar.delays, polar.divide_counts, strict=True))
        near = all(abs(end - joint) <= ARRIVED_DEG for end, joint in zip(position.joints_deg, joints_deg, strict=True))
        return late_s >= 0 and (near or late_s > PATIENCE_S)

    def _turn_over(self, position: Position) -> None:
        last = self._place + 1 == len(self.scenario.positions)
        if last and not self.scenario.loop:
            self.finished = True
            return
        self._place, self._elapsed_s, self._from = (0 if last else self._place + 1), 0.0, position.joints_deg


def _part(elapsed_s: float, delay_s: float, count: int) -> float:
    """Return which part of the way is due: a sub-step at once, and the next after each delay."""
    done = count if delay_s <= 0 else math.floor(elapsed_s / delay_s) + 1
    return min(done, count) / count


def _check_name(name: str) -> None:
    printable = not any(unicodedata.category(letter).startswith("C") for letter in name)
    if not (name_key(name) and len(name) <= NAME_CHARACTERS and printable):
        raise Invalid(f"name must be text of 1 to {NAME_CHARACTERS} characters.", field="name")


def _without_ids(document: object) -> object:
    if not isinstance(document, dict):
        raise Invalid("The body must be a JSON object.", field="body")
    bare: dict[str, Any] = {key: value for key, value in document.items() if key != "id"}
    positions = bare.get("positions")
    if isinstance(positions, list):
        bare["positions"] = [_without_ids(position) if isinstance(position, dict) else position for position in positions]
    return bare


_DUST_DEG = 1e-3
