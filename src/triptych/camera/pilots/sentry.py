"""Watches a room: sweeps it, stops for a visitor and follows, then sweeps on (camera 4, secure)."""

from collections.abc import Sequence
from datetime import timedelta

from triptych.camera.control import Command, Phase, Preset
from triptych.camera.pilots.follow import Follower
from triptych.camera.track import Lock, Track
from triptych.camera.visits import OVER, Judge, Standing
from triptych.contracts import Frame, Limits, Pose

SWEEP_DEG_S = 30.0
ARC_DEG = 10.0
_NEAR_DEG = 1.0
_LEAD_DEG = 6.0


class Sentry:
    """Sweeps the whole pan range to and fro, the tilt on an arc of up to 10 degrees, until `judge` takes a face for more than expected."""

    def __init__(self, preset: Preset, limits: Limits, judge: Judge) -> None:
        self._lock, self._limits, self._judge = Lock(), limits, judge
        self._follower = Follower(self._lock, preset, limits)
        self._direction = 1
        self._seen_at: timedelta | None = None

    @property
    def preset(self) -> Preset:
        """How it follows a visitor; may be changed at any time."""
        return self._follower.preset

    @preset.setter
    def preset(self, preset: Preset) -> None:
        self._follower.preset = preset

    def keep_to(self, limits: Limits) -> None:
        """Sweep and follow within `limits` from now on: a far head tells them late."""
        self._limits = limits
        self._follower.keep_to(limits)

    def watch(self, frame: Frame, pose: Pose, tracks: Sequence[Track]) -> Track | None:
        """Return the visitor, or the face that has to be looked at longer."""
        wanted = [track for track in tracks if track.confirmed and self._judge(track).standing is not Standing.EXPECTED]
        target = self._follower.watch(frame, pose, wanted)
        if target is not None and target.seen:
            self._seen_at = frame.captured
        elif self._is_over(frame.captured, tracks, target):
            self.forget()
        return target

    def steer(self, now: timedelta, head: Pose) -> Command:
        """Follow whoever is there, else sweep."""
        if self._seen_at is None:
            return self._sweep(head)
        return self._follower.steer(now, head)

    def forget(self) -> None:
        """Sweep on from here."""
        self._follower.forget()
        self._seen_at = None

    def _is_over(self, at: timedelta, tracks: Sequence[Track], target: Track | None) -> bool:
        """Say whether the visitor is gone, or turned out to be expected."""
        if self._seen_at is None:
            return False
        passes = target is None and any(track.number == self._lock.number for track in tracks)
        return passes or at - self._seen_at > OVER

    def _sweep(self, head: Pose) -> Command:
        low, high = self._limits.pan_deg
        if high - low <= 0:
            return Command(phase=Phase.SWEEPING, moves=False, pan_deg=head.pan_deg, tilt_deg=head.tilt_deg, cap_deg_s=0.0)
        if head.pan_deg >= high - _NEAR_DEG:
            self._direction = -1
        elif head.pan_deg <= low + _NEAR_DEG:
            self._direction = 1
        pan = min(max(head.pan_deg + self._direction * _LEAD_DEG, low), high)
        return Command(phase=Phase.SWEEPING, moves=True, pan_deg=pan, tilt_deg=self._arc(pan), cap_deg_s=SWEEP_DEG_S)

    def _arc(self, pan_deg: float) -> float:
        """Return the tilt at a pan: an arc, highest in the middle of the way to the right and lowest on the way back."""
        low, high = self._limits.pan_deg
        tilt_low, tilt_high = self._limits.tilt_deg
        reach = min(ARC_DEG, tilt_high - tilt_low) / 2
        middle = (tilt_low + tilt_high) / 2
        part = (pan_deg - low) / (high - low)
        return middle + self._direction * reach * 4 * part * (1 - part)
