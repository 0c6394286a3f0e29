"""Opens a camera's eye when somebody needs it, hands out fresh frames, and closes it when nobody used it for 10 s."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from triptych.camera.colour import ColourBlobs
from triptych.camera.control import Lens
from triptych.camera.definition import Definition
from triptych.camera.eye import Eye, Glimpse
from triptych.camera.faces import Detector, SimFaces, open_detector
from triptych.camera.feed import Feed, Trouble, open_feed
from triptych.camera.manual import Manual
from triptych.camera.opening import open_eye
from triptych.camera.parameters import Mark
from triptych.camera.stream import Views
from triptych.contracts import Clock
from triptych.errors import TriptychError, Unavailable
from triptych.media.sources.sim import SimSource
from triptych.model import Place

FIRST_FRAME = timedelta(seconds=5)
NEXT_FRAME = timedelta(seconds=2)
UNUSED = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """Who is told what the frame loop sees, in its thread: each frame, its end by a fault, and a source without a fresh picture."""

    notice: Callable[[Glimpse], None]
    blind: Callable[[str], None]
    starve: Callable[[Trouble | None, timedelta], None]


class Lookout:
    """The source, head and detector of one camera while they are open; `bend` gives the lens as it was measured."""

    def __init__(self, definition: Definition, place: Place, ears: Ears, *, clock: Clock, views: Views, manual: Manual) -> None:
        self.eye: Eye | None = None
        self.mark: Mark | None = None
        self.trouble: Trouble | None = None
        self._definition, self._place = definition, place
        self._clock, self._views, self._manual, self._ears = clock, views, manual, ears
        self._feed: Feed | None = None
        self._detector: Detector | None = None
        self._blindness: TriptychError | None = None
        self._used = clock.monotonic()

    def use(self) -> None:
        """Take note that somebody needs it."""
        self._used = self._clock.monotonic()

    @property
    def is_idle(self) -> bool:
        """Whether nobody used it for 10 s, or its loop has ended."""
        return self.eye is not None and (self.eye.ended or self._clock.monotonic() - self._used > UNUSED)

    def opened(self, bend: Callable[[Lens], Lens]) -> Eye:
        """Return the open eye, having seen a frame. Raises `Unavailable`: code `source_silent` after 5 s without.

        Where its picture was lost since: code `source_lost`, at once, but after 2 s where it may only be late.
        """
        eye, trouble = self.seeing(bend), self.trouble
        if trouble is None:
            return eye
        now = self._clock.monotonic()
        if trouble.kind != "stalled" or eye.wait(lambda glimpse: glimpse.frame.captured >= now, NEXT_FRAME) is None:
            raise Unavailable(trouble.message, code="source_lost")
        return eye

    def seeing(self, bend: Callable[[Lens], Lens]) -> Eye:
        """Return the open eye, also where its picture is lost for now. Raises `Unavailable` when there never was one."""
        self.use()
        if self.eye is not None and self.eye.ended:
            self.close()
        if self.eye is None:
            self.eye = self._open(bend)
        if self.eye.wait(lambda _: True, FIRST_FRAME) is None:
            self.close()
            raise Unavailable("The camera gives no picture.", code="source_silent")
        return self.eye

    def next(self, eye: Eye, age: timedelta = timedelta(0)) -> Glimpse:
        """Return a frame that is at most `age` old now. Raises `Unavailable` with code `stale` after 2 s without."""
        since = self._clock.monotonic() - age
        glimpse = eye.wait(lambda glimpse: glimpse.frame.captured >= since, NEXT_FRAME)
        if glimpse is None:
            raise Unavailable("The camera's picture is stale.", code="stale")
        return glimpse

    def search(self, eye: Eye) -> None:
        """Let the eye look for faces, or for what the definition says. Raises `Unavailable` when there is no detector."""
        source = None if self._feed is None else self._feed.origin
        if isinstance(source, SimSource):
            eye.detector = SimFaces(source, eye.pose_at, self._definition.head_options().lens(source.size))
            return
        if self._detector is None:
            colour = self._definition.colour
            self._detector = open_detector() if colour is None else ColourBlobs(colour)
        eye.detector = self._detector
        self._blindness = None

    def look(self, eye: Eye) -> bool:
        """Let the eye look for faces; False when there is no detector: pictures come without marks then."""
        try:
            self.search(eye)
        except Unavailable as fault:
            self._blindness = fault
            return False
        return True

    def close(self) -> bool:
        """Give source and head back; False when they were not open."""
        eye, self.eye = self.eye, None
        if eye is None:
            return False
        self._manual.part()
        eye.close()
        self._feed = self.trouble = None
        return True

    def hints(self) -> list[str]:
        """Return what is wrong, one sentence each, with the part before it."""
        wrong = {
            "source": None if self.trouble is None else self.trouble.message,
            "microphone": None if self._feed is None else self._feed.deafness,
            "detector": None if self._blindness is None else self._blindness.message,
            "head": None if self.eye is None or self.eye.vitals.warning is None else self.eye.vitals.warning.message,
        }
        return [f"{part}: {hint}" for part, hint in wrong.items() if hint is not None]

    def _open(self, bend: Callable[[Lens], Lens]) -> Eye:
        """Open source and head. Raises `Unavailable` or `Invalid`; nothing is held then."""
        feed = open_feed(self._definition, self._clock, self._place, self._ears.starve)
        try:
            eye = open_eye(
                self._definition,
                feed,
                clock=self._clock,
                views=self._views,
                manual=self._manual,
                bend=bend,
                notice=self._ears.notice,
                blind=self._ears.blind,
            )
        except BaseException:
            feed.close()
            raise
        self._feed, eye.mark = feed, self.mark
        return eye
