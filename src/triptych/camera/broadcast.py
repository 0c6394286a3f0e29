"""A live stream: takes pictures without making the camera wait, encodes each once a variant, and lets any number of readers follow."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta

import av
import structlog

from triptych.camera.casting import Caster
from triptych.camera.fragments import Ring
from triptych.camera.parameters import Mark
from triptych.camera.soundtrack import Soundtrack
from triptych.camera.stream import View, render
from triptych.contracts import Clock, Sound

log = structlog.get_logger()

WAITING = 3
"""How many pictures wait for the encoder before the oldest is dropped."""
REPEAT = timedelta(milliseconds=100)
"""How long nothing may come until the last picture is sent again."""
LATE = timedelta(milliseconds=150)
"""How much later than its picture a sound may come and still be heard."""
EARLY = timedelta(seconds=1)


class Broadcast:
    """The encoders of one live stream and their thread. Its time begins with its first picture; `failed` is told when it breaks."""

    def __init__(self, size: tuple[int, int], fps: float, clock: Clock, failed: Callable[[], None]) -> None:
        self._size, self._fps, self._clock, self._failed = size, fps, clock, failed
        self._rings: dict[bool, Ring] = {}
        self._casters: dict[bool, Caster] = {}
        self._waiting: deque[tuple[View, Mark | None]] = deque(maxlen=WAITING)
        self._sounds: deque[Sound] = deque(maxlen=1000)
        self._last: tuple[View, Mark | None] | None = None
        self._origin: timedelta | None = None
        self._soundtrack, self._hears = Soundtrack(), False
        self._paused = self._closing = False
        self._news = threading.Condition()
        self.ring(marks=False)
        self._thread = threading.Thread(target=self._run, name="broadcast", daemon=True)
        self._thread.start()

    def ring(self, *, marks: bool) -> Ring:
        """Return the ring of a variant, which is encoded from now on if it was not."""
        with self._news:
            if marks not in self._rings:
                self._rings[marks] = Ring()
            return self._rings[marks]

    @property
    def marked(self) -> bool:
        """Whether a variant with marks is encoded."""
        return True in self._rings

    def offer(self, view: View, mark: Mark | None, sounds: Sequence[Sound] = ()) -> None:
        """Hand over a picture and the sound that came with it, without waiting; while paused neither is wanted."""
        with self._news:
            if self._paused:
                return
            self._sounds.extend(sounds)
            self._waiting.append((view, mark))
            self._news.notify_all()

    def pause(self) -> None:
        """Send the last picture and silence from here on."""
        with self._news:
            self._paused = True
            self._waiting.clear()
            self._sounds.clear()

    def resume(self) -> None:
        """Be live again with the next picture."""
        with self._news:
            self._paused = False

    def close(self) -> None:
        """End every ring, with all that was encoded on it."""
        with self._news:
            self._closing = True
            self._news.notify_all()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._closing:
                self._step()
        except Exception:
            log.exception("live stream ended")
            self._failed()
        finally:
            self._end()

    def _step(self) -> None:
        with self._news:
            if not self._waiting and not self._closing:
                self._news.wait(REPEAT.total_seconds())
            fresh = self._waiting.popleft() if self._waiting else None
            sounds = list(self._sounds)
            self._sounds.clear()
        self._last = fresh or self._last
        if self._last is None or self._closing:
            return
        moment = self._clock.monotonic() if fresh is None else fresh[0].frame.captured
        self._send(*self._last, self._placed(moment))
        self._sound(sounds, self._placed(moment))

    def _placed(self, moment: timedelta) -> timedelta:
        if self._origin is None:
            self._origin = moment
        return moment - self._origin

    def _send(self, view: View, mark: Mark | None, at: timedelta) -> None:
        for marks, ring in list(self._rings.items()):
            if marks not in self._casters:
                self._casters[marks] = Caster(ring, self._size, self._fps)
            image = render(view, mark, self._casters[marks].size[0]) if marks else view.frame.image
            self._casters[marks].show(image, at)

    def _sound(self, sounds: Sequence[Sound], at: timedelta) -> None:
        """Encode what was heard until `at`, silence where nothing was."""
        for sound in sounds:
            begun = self._placed(sound.captured)
            if begun < at + EARLY:
                self._soundtrack.lay(begun, sound.samples)
        self._hears = self._hears or bool(sounds)
        if self._paused:
            self._soundtrack.cut(at)
        self._soundtrack.settle(at - (LATE if self._hears else timedelta(0)))
        for first, samples in self._soundtrack.take(at):
            for caster in self._casters.values():
                caster.sound(samples, first)

    def _end(self) -> None:
        for caster in self._casters.values():
            try:
                caster.close()
            except (av.FFmpegError, OSError, ValueError):
                log.exception("live stream not ended properly")
        for ring in self._rings.values():
            ring.end()
