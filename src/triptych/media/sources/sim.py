"""The scene without pixels, for tests and integrations: heads are told as they are, but for noise and misses."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from triptych.contracts import Clock, Frame, Sound
from triptych.media import world
from triptych.media.sources import SceneOptions, SimOptions
from triptych.media.sources.scene import FPS, Pace, SceneSource, Wait


class VirtualClock:
    """A clock that stands still until somebody waits on it."""

    def __init__(self) -> None:
        self._elapsed = timedelta(0)

    def now(self) -> datetime:
        """Return the virtual wall-clock time, aware, in UTC, beginning with 2026."""
        return _DAWN + self._elapsed

    def monotonic(self) -> timedelta:
        """Return the virtual time that has passed."""
        return self._elapsed

    async def sleep(self, pause: timedelta) -> None:
        """Let `pause` pass at once."""
        self._elapsed += pause

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self._elapsed += timedelta(seconds=seconds)


class SimSource:
    """The figures of the scene on the same paths; pictures are drawn only when `pixels` are asked for, else they are black and free."""

    size = (world.WIDTH_PX, world.HEIGHT_PX)
    fps = FPS
    has_sound = False

    def __init__(self, options: SimOptions, clock: Clock, *, cast: Sequence[world.Figure] | None = None, wait: Wait = time.sleep) -> None:
        self._options = options
        self._cast = tuple(cast) if cast is not None else world.default_cast(options.figures, options.seed)
        scene = SceneOptions(figures=options.figures, seed=options.seed)
        self._scene = SceneSource(scene, clock, cast=self._cast, wait=wait) if options.pixels else None
        self._black = np.broadcast_to(np.zeros(3, np.uint8), (world.HEIGHT_PX, world.WIDTH_PX, 3))
        self._start = clock.monotonic()
        self._pace = Pace(clock, wait)

    def read(self) -> Frame:
        """Wait for the next beat of 30 a second and return its frame."""
        number, captured, time_s = self._pace.next()
        image = self._black if self._scene is None else self._scene.draw(time_s)
        return Frame(number=number, captured=captured, image=image)

    def truth(self, time_s: float) -> tuple[world.Truth, ...]:
        """Return every head as it really is at `time_s` after opening."""
        return world.truth(self._cast, time_s)

    def glimpse(self, frame: Frame) -> tuple[world.Truth, ...]:
        """Return the heads of `frame` that show more than half, with noise and misses; the same for the same frame and seed."""
        random = np.random.default_rng((self._options.seed, frame.number))
        heads = self.truth((frame.captured - self._start).total_seconds())
        return tuple(self._spoil(head, random) for head in heads if head.shown > _SEEN and random.random() >= self._options.misses)

    def listen(self) -> Sequence[Sound]:
        """Return nothing: it is silent."""
        return ()

    def close(self) -> None:
        """Nothing is held."""

    def _spoil(self, head: world.Truth, random: np.random.Generator) -> world.Truth:
        pan, tilt = random.normal(0.0, self._options.noise_deg, 2)
        return replace(head, pan_deg=head.pan_deg + float(pan), tilt_deg=head.tilt_deg + float(tilt))


_DAWN = datetime(2026, 1, 1, tzinfo=UTC)
_SEEN = 0.5
