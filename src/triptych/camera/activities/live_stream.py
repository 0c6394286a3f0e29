"""Live streams: the picture for others; none yet."""

from typing import Any

from triptych.camera.activity import Stage, Standing
from triptych.camera.eye import Glimpse
from triptych.camera.parameters import Parameters
from triptych.errors import NotYet, TriptychError
from triptych.model import Json


class Streaming:
    """The activity `live_stream`."""

    def __init__(self, stage: Stage) -> None:
        self.standing, self.fault = Standing.OFF, None
        self._stage = stage

    standing: Standing
    fault: TriptychError | None

    def start(self, data: Json) -> None:  # noqa: ARG002 - every activity is started alike
        """Raise `NotYet`."""
        raise NotYet("not available yet")

    def stop(self) -> None:
        """Change nothing."""

    def pause(self) -> None:
        """Change nothing."""

    def resume(self) -> None:
        """Change nothing."""

    def check(self, parameters: Parameters) -> None:
        """Raise nothing."""

    def adapt(self) -> None:
        """Change nothing."""

    def notice(self, glimpse: Glimpse) -> None:
        """Change nothing."""

    def blind(self, fault: TriptychError) -> None:
        """Change nothing."""

    def describe(self) -> dict[str, Any]:
        """Return `state, targets`."""
        return {"state": self.standing.value, "targets": []}

    def warnings(self) -> list[str]:
        """Return no hints."""
        return []
