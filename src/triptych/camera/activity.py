"""The seam of what a camera can be busy with: track, record, mission and live stream are members, a session owns one of each (camera 3)."""

import threading
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from triptych.camera.definition import Definition
from triptych.camera.eye import Eye, Glimpse
from triptych.camera.manual import Manual
from triptych.camera.parameters import Mark, Parameters
from triptych.camera.persons.reception import Reception
from triptych.camera.records import Archive
from triptych.contracts import Clock
from triptych.errors import TriptychError
from triptych.model import Json


class Standing(StrEnum):
    """Where an activity stands; each has finer words of its own for what it does while it is on."""

    OFF = "off"
    ON = "on"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def live(self) -> bool:
        """Whether it goes on, now or after a resume."""
        return self in {Standing.ON, Standing.PAUSED}


class Stage(Protocol):
    """What a session offers to its activities.

    `lock` guards everything that the frame loop and the calls share; `folder` is the worker's data folder.
    """

    camera: str
    folder: Path
    definition: Definition
    parameters: Parameters
    mark: Mark | None
    archive: Archive
    reception: Reception
    clock: Clock
    lock: threading.RLock
    manual: Manual
    activities: "Mapping[str, Activity]"

    @property
    def eye(self) -> Eye | None:
        """Return the open eye, None while the source is closed."""
        ...

    def opened(self) -> Eye:
        """Return the eye, opened if need be, having seen a frame. Raises `Unavailable` with code `source_silent`."""
        ...

    def search(self, eye: Eye) -> None:
        """Let the eye look for faces. Raises `Unavailable` when there is no detector."""
        ...

    def fresh(self) -> Glimpse:
        """Return a frame that is at most 200 ms old. Raises `Unavailable`."""
        ...

    def tell(self) -> None:
        """Tell the state to whoever watches, if it is another one."""
        ...

    def event(self, note: str, data: Json) -> None:
        """Tell something that happened: `note` is its kind (`alarm`, `removed`, ...)."""
        ...

    def settled(self, fault: TriptychError | None = None) -> None:
        """Say that nobody has to wait for a lock any more; `fault` says why there never will be one."""
        ...

    def rest(self) -> None:
        """End the session's job if nothing goes on any more."""
        ...


class Activity(Protocol):
    """One activity of a camera. Calls come from the session's thread, one after the other, without its lock."""

    standing: Standing
    fault: TriptychError | None
    """Why it failed, or None."""

    def start(self, data: Json) -> None:
        """Begin; where it is on already, take what changed; where it is paused, go on. Raises `TriptychError`; nothing changed then."""
        ...

    def stop(self) -> None:
        """End; everything it wrote is whole then. Without effect while it is off."""
        ...

    def pause(self) -> None:
        """Hold; without effect unless it is on."""
        ...

    def resume(self) -> None:
        """Go on exactly where it was held; without effect unless it is paused."""
        ...

    def check(self, parameters: Parameters) -> None:
        """Raise `TriptychError` for parameters that it cannot honour while it goes on."""
        ...

    def adapt(self) -> None:
        """Take the parameters and the mark of the stage as they are now."""
        ...

    def notice(self, glimpse: Glimpse) -> None:
        """Take a frame from the loop's thread, under the lock; never waits."""
        ...

    def blind(self, fault: TriptychError) -> None:
        """Take it from the loop's thread that no more frames will come."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return its part of the state object, `state` first; under the lock."""
        ...

    def warnings(self) -> list[str]:
        """Return its hints, one sentence each; under the lock."""
        ...
