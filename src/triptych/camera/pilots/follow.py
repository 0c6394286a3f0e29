"""Follows one face with the head (camera 4, 7)."""

from collections.abc import Sequence
from datetime import timedelta

from triptych.camera.control import UNLEARNT_LAG, Command, Controller, Patience, Preset, Sight
from triptych.camera.track import Lock, Track, sight_of
from triptych.contracts import Frame, Limits, Pose


class Follower:
    """Chooses a target by `lock`, which others may share, and keeps it in the middle. `lag` is the head's, 60 ms until it is learnt."""

    def __init__(
        self, lock: Lock, preset: Preset, limits: Limits, *, lag: timedelta = UNLEARNT_LAG, patience: Patience | None = None
    ) -> None:
        self.lock, self._controller = lock, Controller(preset, limits, lag=lag, patience=patience)
        self._sight: Sight | None = None

    @property
    def preset(self) -> Preset:
        """How it follows; may be changed at any time."""
        return self._controller.preset

    @preset.setter
    def preset(self, preset: Preset) -> None:
        self._controller.preset = preset

    def keep_to(self, limits: Limits) -> None:
        """Take how far the head reaches from now on: what carries it may have turned."""
        self._controller.limits = limits

    def watch(self, frame: Frame, pose: Pose, tracks: Sequence[Track]) -> Track | None:  # noqa: ARG002 - the tracks know where the head looked
        """Return the target."""
        target = self.lock.update(frame.captured, tracks)
        self._sight = sight_of(target, frame.captured)
        return target

    def steer(self, now: timedelta, head: Pose) -> Command:
        """Return the command that follows what the newest frame showed."""
        return self._controller.update(now, head, self._sight)

    def forget(self) -> None:
        """Follow nobody; the next choice is free."""
        self.lock.release()
        self._controller.forget()
