"""Missions: plays a scenario with the joints of the arm (camera 3.1, 4)."""

from typing import Any

import msgspec

from triptych.camera.activity import Stage, Standing
from triptych.camera.eye import Glimpse
from triptych.camera.missions import Player, Scenario
from triptych.camera.parameters import Parameters
from triptych.errors import Invalid, TriptychError, Unavailable
from triptych.model import Json


class Playing:
    """The activity `mission`. Its scenario comes with the start: the server knows them by name."""

    def __init__(self, stage: Stage) -> None:
        self.standing, self.fault = Standing.OFF, None
        self._stage = stage
        self._player: Player | None = None

    standing: Standing
    fault: TriptychError | None

    def start(self, data: Json) -> None:
        """Play `scenario`, in place of another one; the same one goes on. Raises `Invalid` when the joints are not for it."""
        scenario = _read(data)
        if self.standing.live and self._player is not None and self._player.scenario == scenario:
            self.resume()
            return
        self._begin(scenario)
        self._stage.tell()

    def stop(self) -> None:
        """End; the joints stand where they are."""
        with self._stage.lock:
            if self.standing.live:
                self._stage.manual.limb.drop()
            self.standing, self._player = Standing.OFF, None

    def pause(self) -> None:
        """Hold the joints."""
        with self._stage.lock:
            if self.standing is Standing.ON:
                self.standing = Standing.PAUSED
                self._stage.manual.limb.hold()

    def resume(self) -> None:
        """Go on in the same sub-step."""
        with self._stage.lock:
            if self.standing is Standing.PAUSED:
                self.standing = Standing.ON
                self._stage.manual.limb.go_on()
                self._stage.manual.wake()

    def check(self, parameters: Parameters) -> None:
        """Raise `Invalid` when the running mission moves the head and is no longer to."""
        if self._moves_head and not parameters.arm_expansion:
            raise Invalid("arm_expansion must be true while the mission moves the head.", field="arm_expansion")

    def adapt(self) -> None:
        """Change nothing: another scenario is for the next start."""

    def notice(self, glimpse: Glimpse) -> None:
        """Change nothing: joints keep their own time."""

    def blind(self, fault: TriptychError) -> None:
        """Fail if it moves the head, which is closed with its source; the arm alone goes on."""
        with self._stage.lock:
            if self._moves_head:
                self._stage.manual.limb.drop()
                self.standing, self.fault = Standing.FAILED, fault

    def describe(self) -> dict[str, Any]:
        """Return `state, scenario, step`: the number of the position it is on the way to."""
        player = self._player
        return {
            "state": self.standing.value,
            "scenario": player and player.scenario.name,
            "step": player.step if player is not None and self.standing.live else None,
        }

    def warnings(self) -> list[str]:
        """Return no hints."""
        return []

    @property
    def _moves_head(self) -> bool:
        player = self._player
        return self.standing.live and player is not None and player.scenario.joint_count > len(self._stage.manual.limb.arm.limits)

    def _begin(self, scenario: Scenario) -> None:
        limb = self._stage.manual.limb
        if scenario.joint_count > len(limb.arm.limits):
            if not self._stage.parameters.arm_expansion:
                raise Invalid(f"scenario moves {scenario.joint_count} joints; this camera has {len(limb.arm.limits)}.", field="scenario")
            self._stage.opened()
        with self._stage.lock:
            self._player = limb.begin(scenario, self._went_on)
            self.standing, self.fault = Standing.ON, None
        self._stage.manual.wake()

    def _went_on(self) -> None:
        """Take it from the thread of the joints that there is another step, or none any more."""
        with self._stage.lock:
            over = self.standing.live and self._player is not None and not self._stage.manual.limb.plays
            if over and self._player is not None and self._player.finished:
                self.standing = Standing.FINISHED
            elif over:
                self.standing, self.fault = Standing.FAILED, Unavailable("The arm does not answer.", code="arm_silent")
        self._stage.tell()
        if over:
            self._stage.rest()


def _read(data: Json) -> Scenario:
    try:
        return msgspec.convert(data.get("scenario"), Scenario)
    except msgspec.ValidationError:
        raise Invalid("scenario must be the name of a scenario.", field="scenario") from None
