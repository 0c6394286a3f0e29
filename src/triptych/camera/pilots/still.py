"""Watches without turning the head (camera 4, `non_moving_target`)."""

from collections.abc import Sequence
from datetime import timedelta

from triptych.camera.control import Command, Phase
from triptych.camera.track import Lock, Track
from triptych.contracts import Frame, Pose


class Still:
    """Follows a target with the eye only. A head that drifts off by itself is led back; one that somebody turned stays there."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._left: Pose | None = None
        self._last: Pose | None = None
        self._leads_back = False

    def watch(self, frame: Frame, pose: Pose, tracks: Sequence[Track]) -> Track | None:  # noqa: ARG002 - the tracks know where the head looked
        """Return the target."""
        return self._lock.update(frame.captured, tracks)

    def steer(self, now: timedelta, head: Pose) -> Command:
        """Stand still where the head was left; back to there once it is a degree off."""
        if self._left is None or self._turned(now, head):
            self._left, self._leads_back = head, False
        self._last = Pose(at=now, pan_deg=head.pan_deg, tilt_deg=head.tilt_deg)
        self._leads_back = _apart(head, self._left) > (_BACK_WITHIN_DEG if self._leads_back else _DRIFTED_DEG)
        aim = self._left if self._leads_back else head
        cap = _BACK_DEG_S if self._leads_back else 0.0
        return Command(phase=Phase.STILL, moves=self._leads_back, pan_deg=aim.pan_deg, tilt_deg=aim.tilt_deg, cap_deg_s=cap)

    def forget(self) -> None:
        """Watch nobody; the next choice is free."""
        self._lock.release()

    def _turned(self, now: timedelta, head: Pose) -> bool:
        """Say whether somebody else turned the head since the last look: drift is slower."""
        if self._last is None or self._leads_back:
            return False
        passed = now - self._last.at
        return passed > _LONG or _apart(head, self._last) > _DRIFT_DEG_S * passed.total_seconds() + _JITTER_DEG


def _apart(one: Pose, other: Pose) -> float:
    return max(abs(one.pan_deg - other.pan_deg), abs(one.tilt_deg - other.tilt_deg))


_DRIFTED_DEG, _BACK_WITHIN_DEG, _BACK_DEG_S = 1.0, 0.2, 10.0
_DRIFT_DEG_S, _JITTER_DEG, _LONG = 1.0, 0.1, timedelta(seconds=0.5)
