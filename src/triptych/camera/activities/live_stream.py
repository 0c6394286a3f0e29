"""The activity `live_stream`: one picture to many far ends, and to whoever watches `live.mp4` (camera 3)."""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec

from triptych.camera.activity import Stage, Standing
from triptych.camera.broadcast import Broadcast
from triptych.camera.eye import Glimpse
from triptych.camera.farend import LEAVE_BOUND_S, FarEnd
from triptych.camera.fragments import Reading
from triptych.camera.outlet import Disk
from triptych.camera.outlets import OUTLETS
from triptych.camera.parameters import Parameters
from triptych.camera.sites import Target
from triptych.camera.stream import View
from triptych.errors import Invalid, NotFound, TriptychError, Unavailable
from triptych.model import Json

FIRST_TRY_S = 4.0
"""How long a start waits for the far ends: PUT live_stream answers within 5 s (camera W9)."""
PEEK = timedelta(seconds=2)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a start brings."""

    targets: tuple[Target, ...] = ()


class Streaming:
    """Sends what the camera sees to every target, and keeps it for readers while it is on."""

    def __init__(self, stage: Stage) -> None:
        self.standing, self.fault = Standing.OFF, None
        self._stage = stage
        self._broadcast: Broadcast | None = None
        self._ends: list[FarEnd] = []

    standing: Standing
    fault: TriptychError | None

    def start(self, data: Json) -> None:
        """Send to the targets of `data`; where it is on already, new ones join, others leave. Raises `Unavailable` when none takes it."""
        targets = _ordered(data)
        begun = time.monotonic()
        new = not self.standing.live
        if new:
            self._begin()
        self.resume()
        if any(target.marks for target in targets):
            self._search()
        try:
            self._send_to(targets, begun + FIRST_TRY_S)
        except Unavailable:
            if new:
                self._end(Standing.OFF)
                self._stage.rest()
            raise
        self._stage.tell()

    def stop(self) -> None:
        """End it: far ends get what was encoded, files are finished."""
        self._end(Standing.OFF)

    def pause(self) -> None:
        """Send the last picture and silence."""
        with self._stage.lock:
            if self.standing is Standing.ON and self._broadcast is not None:
                self.standing = Standing.PAUSED
                self._broadcast.pause()

    def resume(self) -> None:
        """Be live again."""
        with self._stage.lock:
            if self.standing is Standing.PAUSED and self._broadcast is not None:
                self.standing = Standing.ON
                self._broadcast.resume()

    def check(self, parameters: Parameters) -> None:
        """Live streams honour every parameter."""

    def adapt(self) -> None:
        """The mark is taken from the stage with each picture."""

    def notice(self, glimpse: Glimpse) -> None:
        """Hand a picture to the encoders."""
        if self._broadcast is None:
            return
        self._broadcast.offer(View(frame=glimpse.frame, objects=glimpse.marked()), self._stage.mark, glimpse.sound)
        if self._broadcast.marked and self._stage.eye is not None:
            self._stage.eye.peek(self._stage.clock.monotonic() + PEEK)

    def blind(self, fault: TriptychError) -> None:
        """End: nothing more will come."""
        if self.standing.live:
            self.fault = fault
            self._end(Standing.FAILED)

    def describe(self) -> dict[str, Any]:
        """Return where the stream and each target stand."""
        return {
            "state": self._word(),
            "targets": [
                {"site": end.target.site, "account": end.target.account, "state": end.state, "retries": end.retries} for end in self._ends
            ],
        }

    def warnings(self) -> list[str]:
        """Name the targets that are not reached."""
        lost = {"reconnecting", "failed"}
        return [f"live_stream: {end.target.site} is {end.state}." for end in self._ends if end.state in lost]

    def read(self, cursor: int) -> Reading:
        """Return what came after `cursor` of the clean stream. Raises `NotFound` with code `live_off`."""
        if self._broadcast is None:
            raise NotFound("There is no live stream.", code="live_off")
        return self._broadcast.ring(marks=False).read(cursor)

    def _begin(self) -> None:
        eye = self._stage.opened()
        glimpse = eye.newest
        if glimpse is None:
            raise Unavailable("The camera gives no picture.", code="source_silent")
        height, width = glimpse.frame.image.shape[:2]
        broadcast = Broadcast((width, height), eye.source.fps, self._stage.clock, self._broke)
        with self._stage.lock:
            self._broadcast, self.standing, self.fault = broadcast, Standing.ON, None

    def _search(self) -> None:
        """Let the eye look for faces; without a detector marks are missing, and nothing else."""
        with suppress(Unavailable):
            self._stage.search(self._stage.opened())

    def _send_to(self, targets: Sequence[Target], until_s: float) -> None:
        """Let new targets join and others leave; raises `Unavailable` where none is there at `until_s`, and lets the new ones go again."""
        joined = [target for target in targets if all(end.target != target for end in self._ends)]
        left = [end for end in self._ends if end.target not in targets]
        ends = [self._reach(target) for target in joined]
        with self._stage.lock:
            self._ends += ends
        if targets and not self._taken(until_s):
            self._dismiss(ends)
            raise Unavailable("live_stream: no target took the stream.", code="live_refused")
        self._dismiss(left)

    def _reach(self, target: Target) -> FarEnd:
        if self._broadcast is None:
            raise Unavailable("There is no live stream.", code="live_off")
        disk = Disk(folder=self._stage.folder, check_room=self._stage.archive.check_room)
        return FarEnd(target, self._broadcast.ring(marks=target.marks), disk, self._stage.tell)

    def _taken(self, until_s: float) -> bool:
        """Wait until each target was tried; return whether any is on."""
        for end in self._ends:
            end.tried(timedelta(seconds=until_s - time.monotonic()))
        return any(end.state == "on" for end in self._ends)

    def _dismiss(self, ends: Sequence[FarEnd]) -> None:
        for end in ends:
            end.leave()
        _join(ends)
        with self._stage.lock:
            self._ends = [end for end in self._ends if end not in ends]

    def _end(self, into: Standing) -> None:
        with self._stage.lock:
            broadcast, self._broadcast = self._broadcast, None
            ends, self._ends = self._ends, []
            self.standing = into
        if broadcast is not None:
            broadcast.close()
        _join(ends)

    def _broke(self) -> None:
        """Take it from the encoders that they failed."""
        with self._stage.lock:
            self._broadcast, self.standing = None, Standing.FAILED
            ends, self._ends = self._ends, []
            self.fault = Unavailable("The live stream cannot be encoded.", code="live_failed")
        for end in ends:
            end.leave()
        self._stage.tell()
        self._stage.rest()

    def _word(self) -> str:
        if self.standing is not Standing.ON:
            return self.standing.value
        states = {end.state for end in self._ends}
        if not states or "on" in states:
            return "on"
        return "connecting" if "connecting" in states else "reconnecting"


def _ordered(data: Json) -> tuple[Target, ...]:
    try:
        targets = msgspec.convert(data, Order).targets
    except msgspec.ValidationError as fault:
        raise Invalid("targets must be a list of targets.", field="targets") from fault
    for target in targets:
        if target.kind not in OUTLETS:
            raise Unavailable(f"{target.site}: this FFmpeg has no {target.kind}.", code="protocol_missing")
    return targets


def _join(ends: Sequence[FarEnd]) -> None:
    until_s = time.monotonic() + LEAVE_BOUND_S
    for end in ends:
        end.join(max(0.0, until_s - time.monotonic()))
