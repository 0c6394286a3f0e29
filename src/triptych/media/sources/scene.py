"""The default camera's source: a generated room in which people walk and a ball rolls."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from triptych.contracts import Clock, Frame, Sound
from triptych.media import backdrop, people, world
from triptych.media.sources import SceneOptions

FPS = 30.0
Wait = Callable[[float], object]
"""Waits for a number of seconds, as `time.sleep` does."""


class Pace:
    """The beat of a generated source: frame n is due n / 30 s after the first; frames that were slept through are left out."""

    def __init__(self, clock: Clock, wait: Wait) -> None:
        self._clock, self._wait = clock, wait
        self._start = clock.monotonic()
        self._number = -1

    def next(self) -> tuple[int, timedelta, float]:
        """Wait for the next frame; return its number, when it is due on the monotonic clock, and its age of the world in seconds."""
        late_s = (self._clock.monotonic() - self._start).total_seconds()
        self._number = max(self._number + 1, int(late_s * FPS))
        due_s = self._number / FPS
        if due_s > late_s:
            self._wait(due_s - late_s)
        return self._number, self._start + timedelta(seconds=due_s), due_s


class SceneSource:
    """A room of 180 x 50 degrees in 3840 x 1080 pixels, home in its middle. What is where depends on the seed and the time since opening.

    A frame's `image` is the one canvas, (1080, 3840, 3) uint8 BGR, read-only, and changes with the next `read`: whoever keeps a picture
    copies its part of it (the heads do). Set `figures` at any time; `cast` puts other figures on their own paths.
    """

    size = (world.WIDTH_PX, world.HEIGHT_PX)
    fps = FPS
    has_sound = False

    def __init__(self, options: SceneOptions, clock: Clock, *, cast: Sequence[world.Figure] | None = None, wait: Wait = time.sleep) -> None:
        self._seed = options.seed
        self._cast = tuple(cast) if cast is not None else world.default_cast(options.figures, options.seed)
        self._room = backdrop.paint(options.seed)
        self._canvas = self._room.copy()
        self._image = self._canvas[:]
        self._image.flags.writeable = False
        self._dirty: list[tuple[slice, slice]] = []
        self._ball = _ball()
        for figure in self._cast:
            _sit_for(figure)
        self._pace = Pace(clock, wait)

    @property
    def figures(self) -> int:
        """How many figures there are."""
        return len(self._cast)

    @figures.setter
    def figures(self, count: int) -> None:
        self._cast = world.default_cast(count, self._seed)

    def read(self) -> Frame:
        """Wait for the next beat of 30 a second and return the world as it is then."""
        number, captured, time_s = self._pace.next()
        return Frame(number=number, captured=captured, image=self.draw(time_s))

    def draw(self, time_s: float) -> NDArray[np.uint8]:
        """Return the world at `time_s` after opening without waiting for it; the same canvas as that of `read`."""
        for area in self._dirty:
            self._canvas[area] = self._room[area]
        self._dirty.clear()
        stands = [found for figure in self._cast if (found := world.stand(figure, time_s))]
        stands.sort(key=lambda one: one.figure.radius_px)
        behind = [one for one in stands if one.figure.radius_px < world.PILLAR_RADIUS_PX]
        for one in behind:
            self._lay_figure(one)
        for left, top, right, bottom in backdrop.PILLAR_PARTS if behind else ():
            self._canvas[top:bottom, left:right] = self._room[top:bottom, left:right]
        for one in stands[len(behind) :]:
            self._lay_figure(one)
        self._lay_ball(time_s)
        return self._image

    def truth(self, time_s: float) -> tuple[world.Truth, ...]:
        """Return every head as it really is at `time_s` after opening."""
        return world.truth(self._cast, time_s)

    def listen(self) -> Sequence[Sound]:
        """Return nothing: it is silent."""
        return ()

    def close(self) -> None:
        """Nothing is held."""

    def _lay_figure(self, one: world.Stand) -> None:
        figure = one.figure
        stride = int(one.stride * people.STRIDES) % people.STRIDES
        self._lay(people.body(figure.look, figure.radius_px, stride, one.turn), one.x_px, one.y_px)
        self._lay(people.head(figure.look, figure.radius_px, one.turn), one.x_px, one.y_px)

    def _lay_ball(self, time_s: float) -> None:
        x, y, rolled_deg = world.ball_px(time_s)
        turned = self._ball[round(rolled_deg / _BALL_STEP_DEG) % len(self._ball)]
        self._lay(turned, x, y)

    def _lay(self, sprite: people.Sprite, x_px: float, y_px: float) -> None:
        touched = people.lay(self._canvas, sprite, x_px, y_px)
        if touched is not None:
            self._dirty.append(touched)


def _sit_for(figure: world.Figure) -> None:
    """Paint a figure's heads beforehand: each costs more than a frame has time for."""
    for turn in (-1, 0, 1):
        people.head(figure.look, figure.radius_px, turn)


def _ball() -> list[people.Sprite]:
    """Return the ball in every turn of its stripes."""
    return [people.ball(world.BALL_RADIUS_PX, angle) for angle in range(0, 360, _BALL_STEP_DEG)]


_BALL_STEP_DEG = 12
