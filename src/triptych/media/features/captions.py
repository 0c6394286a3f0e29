"""CAPTION_LANGUAGE: in which language each of four caption services is written (media 4.2)."""

from fractions import Fraction

from triptych.media.captioning import SERVICES, Captioning, valid
from triptych.media.feature import Feature
from triptych.media.language import Guess, guess
from triptych.media.measured import Seen
from triptych.media.options import CaptionAlarm, CaptionLanguageOptions
from triptych.media.screen import Screen
from triptych.media.sight import Sight
from triptych.media.spans import Item, offset_text

TICK = Fraction(2)
WINDOW = Fraction(10)
SURE_LETTERS = 40
DIGITS = 4
ENGLISH, SPANISH, OTHER = 1, 2, 4


class CaptionLanguage(Feature):
    """Judges, every 2 s, the text that each service showed in the last 10 s."""

    def __init__(self, options: CaptionLanguageOptions) -> None:
        super().__init__(options)
        self._gap = Fraction(str(options.gap))
        settings = options.alarmSettings
        self._masks = masks(settings if isinstance(settings, CaptionAlarm) else CaptionAlarm())
        self._captions = Captioning()
        self._services = [Reader() for _ in range(SERVICES)]
        self._tick: Fraction | None = None
        self._judged = Fraction(0)
        self._severity = 0.0

    def look(self, sight: Sight) -> bytes | None:
        """Return the caption triplets of the picture, those without content left out."""
        return valid(sight.captions) or None

    def frame(self, seen: Seen, look: bytes | None) -> None:
        """Decode what the picture carries, and judge at each tick that falls on it."""
        if self._tick is None:
            self._begin(seen.start)
        self._captions.take(look or b"", seen.start)
        while self._tick is not None and self._tick < seen.end:
            self._read(self._tick)
            self._tick += TICK

    def rest(self, at: Fraction) -> None:
        """Forget what was on the screens: nothing is known of the gap that follows."""
        if at > self._judged:
            self.judge(self._judged, at, self._severity)
        self._tick = None

    def _begin(self, start: Fraction) -> None:
        """Begin a stretch of pictures, with ticks at each multiple of 2 s after its start."""
        self._captions = Captioning()
        self._services = [Reader(start) for _ in range(SERVICES)]
        self._tick = (start // TICK + 1) * TICK
        self._judged = start

    def _read(self, at: Fraction) -> None:
        screens = self._captions.screens
        news = [reader.read(screen, at, self._gap) for reader, screen in zip(self._services, screens, strict=True)]
        if any(news):
            self.found({"timeOffset": offset_text(at), "services": [reader.told() for reader in self._services]})
        monitored = zip(self._services, self._masks, strict=True)
        self._severity = max(severity(reader.guess, mask, absent=reader.is_absent) for reader, mask in monitored)
        self.judge(self._judged, at, self._severity)
        self._judged = at


class Reader:
    """What is known of one service: when text last appeared, and what the last 10 s seemed to be."""

    def __init__(self, start: Fraction = Fraction(0)) -> None:
        self._start = start
        self._newest: Fraction | None = None
        self._stood = start
        self.guess: Guess | None = None
        self.is_absent = False

    def read(self, screen: Screen, at: Fraction, gap: Fraction) -> bool:
        """Judge what was shown up to `at`; say whether that is news: new text, or none for `gap` seconds now."""
        self.guess = guess(" ".join(screen.shown(max(at - WINDOW, self._start))))
        self._stood = max(self._stood, screen.last_shown(at) or self._stood)
        was_absent, self.is_absent = self.is_absent, not screen.display() and at - self._stood >= gap
        return self._is_new(screen.changed()) or (self.is_absent and not was_absent)

    def _is_new(self, changed: Fraction | None) -> bool:
        if changed is None or self.guess is None or (self._newest is not None and changed <= self._newest):
            return False
        self._newest = changed
        return True

    def told(self) -> Item:
        """Return the service's part of an item; empty and zeros without text."""
        seen = None if self.is_absent else self.guess
        if seen is None:
            return {"language": "", "en": 0.0, "es": 0.0, "confidence": 0.0}
        confidence = min(1.0, seen.letters / SURE_LETTERS) * seen.margin
        return {
            "language": seen.language,
            "en": round(seen.en, DIGITS),
            "es": round(seen.es, DIGITS),
            "confidence": round(confidence, DIGITS),
        }


def masks(settings: CaptionAlarm) -> tuple[int, ...]:
    """Return one mask for each service; those that were not named are not monitored."""
    return (*settings.maskAllowableLanguages, *(0,) * SERVICES)[:SERVICES]


def severity(seen: Guess | None, mask: int, *, absent: bool) -> float:
    """Return how bad a service is: 1 in absence, else what is not allowed of its languages; 0 where it is not monitored."""
    if not mask:
        return 0.0
    if absent:
        return 1.0
    if seen is None:
        return 0.0
    allowed = seen.en * bool(mask & ENGLISH) + seen.es * bool(mask & SPANISH) + seen.other * bool(mask & OTHER)
    return max(0.0, 1.0 - allowed)
