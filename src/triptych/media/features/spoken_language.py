"""SPOKEN_LANGUAGE: English, Spanish, another language, or none, on each channel, every 5 s (media 4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from triptych.media.feature import Feature
from triptych.media.measured import Heard
from triptych.media.options import SpokenAlarm, SpokenLanguageOptions
from triptych.media.senses.loaded import speech_model
from triptych.media.senses.rate import RATE_HZ, Thinner
from triptych.media.senses.voice import FRAME, SPEECH, Voice
from triptych.media.senses.whisper import Whisper
from triptych.media.slots import need
from triptych.media.spans import Item, offset_text

WINDOW = 5
MOST_CHANNELS = 8
LEAST_SPEECH_S = 1.0
NOISE = "♪"
MASK_BITS = {"oob": 1, "en": 2, "es": 4, "other": 8}
NAMES = {"oob": NOISE, "en": "en", "es": "es", "other": "und"}
NOBODY = (1.0, 0.0, 0.0, 0.0)
PLACES = 6

Floats = NDArray[np.float32]
Scores = Sequence[float]
"""Of one channel in one window: oob, en, es and other; together they make 1."""

Scored = tuple[int, list[Scores]]
"""When a window began, in whole milliseconds, and the scores of each channel."""


class SpokenLanguage(Feature):
    """Tells the languages at the start, and then when one has changed for two windows."""

    def __init__(self, options: SpokenLanguageOptions) -> None:
        super().__init__(options)
        self._alarm_settings = options.alarmSettings
        self._senses: tuple[Voice, Whisper] | None = None
        self._forget()

    def _forget(self) -> None:
        self._languages: list[str] = []
        self._before: Window | None = None

    def prepare(self) -> None:
        """Load the voice detector and the speech model."""
        self._senses = Voice(need("vad", self.models_dir).read()), speech_model(need("spoken-language", self.models_dir).parts)

    def ear(self, rate_hz: int, channels: int) -> "LanguageEar":
        """Return an ear for the first eight channels."""
        if self._senses is None:
            raise RuntimeError("the models are not loaded")
        return LanguageEar(*self._senses, rate_hz, min(channels, MOST_CHANNELS))

    def heard(self, heard: Heard) -> None:
        """Take the windows that have become complete, in order."""
        for start_ms, scores in heard.value:
            start = Fraction(start_ms, 1000)
            self._take(Window(start, min(Fraction((start // WINDOW + 1) * WINDOW), heard.end), scores))

    def rest(self, at: Fraction) -> None:  # noqa: ARG002 - a window ends where it was said to
        """Begin anew after a gap."""
        self._forget()

    def _take(self, window: "Window") -> None:
        self.judge(window.start, window.end, severity(window.scores, self._alarm_settings))
        labels = [label(scores) for scores in window.scores]
        if self._before is None:
            self._languages = labels
            self.found(self._item(window))
        else:
            self._agree(self._before, labels)
        self._before = window

    def _agree(self, before: "Window", labels: Sequence[str]) -> None:
        """Report the window before when this one confirms what changed there."""
        agreed = [now if now == label(scores) else known for known, now, scores in zip(self._languages, labels, before.scores, strict=True)]
        if agreed != self._languages:
            self._languages = agreed
            self.found(self._item(before))

    def _item(self, window: "Window") -> Item:
        channels = [_channel(NAMES[language], scores) for language, scores in zip(self._languages, window.scores, strict=True)]
        return {"timeOffset": offset_text(window.start), "channels": channels}


@dataclass(frozen=True, slots=True)
class Window:
    """The scores of every channel over [start, end) seconds."""

    start: Fraction
    end: Fraction
    scores: Sequence[Scores]


class LanguageEar:
    """Listens to channels side by side, window by window; a stretch that begins between two lines of the grid has a shorter first one."""

    def __init__(self, voice: Voice, whisper: Whisper, rate_hz: int, channels: int) -> None:
        self._voice = voice
        self._whisper = whisper
        self._rate_hz = rate_hz
        self._channels = channels
        self._thinners: list[Thinner] = []

    def hear(self, first: int, samples: Floats) -> list[Scored] | None:
        """Return when each window began that is complete now, with its scores; None for none."""
        if not self._thinners:
            self._begin(round(1000 * first / self._rate_hz))
        for channel, thinner in enumerate(self._thinners):
            self._held[channel] = np.concatenate([self._held[channel], thinner.thin(samples[channel])])
        return self._windows() or None

    def finish(self) -> list[Scored] | None:
        """Return the same for the last window, however short."""
        for channel, thinner in enumerate(self._thinners):
            self._held[channel] = np.concatenate([self._held[channel], thinner.rest()])
        last = [*self._windows(), *self._windows(FRAME)]
        self._thinners = []
        return last or None

    def _begin(self, start_ms: int) -> None:
        self._start_ms = start_ms
        self._thinners = [Thinner(self._rate_hz) for _ in range(self._channels)]
        self._listeners = [self._voice.listener() for _ in range(self._channels)]
        self._held = [np.zeros(0, np.float32) for _ in range(self._channels)]

    def _windows(self, least: int | None = None) -> list[Scored]:
        """Take every window of which all of it, or `least` samples, are there."""
        found: list[Scored] = []
        while self._thinners and min(map(len, self._held)) >= (least or self._size):
            size = self._size
            found.append((self._start_ms, [self._score(channel, size) for channel in range(self._channels)]))
            self._start_ms += size * 1000 // RATE_HZ
        return found

    @property
    def _size(self) -> int:
        """How many samples of 16 kHz lie between the window's start and the next line of the grid."""
        return (WINDOW * 1000 - self._start_ms % (WINDOW * 1000)) * RATE_HZ // 1000

    def _score(self, channel: int, size: int) -> Scores:
        """Judge the next window of a channel; one without speech costs no more than the voice detector."""
        window, self._held[channel] = np.split(self._held[channel], [size])
        likely = self._listeners[channel].hear(window)
        share = float((likely >= SPEECH).mean()) if len(likely) else 0.0
        if share * len(window) / RATE_HZ < LEAST_SPEECH_S:
            return NOBODY
        languages = self._whisper.languages(window)
        english, spanish = share * languages.get("en", 0.0), share * languages.get("es", 0.0)
        return (1 - share, english, spanish, max(0.0, share - english - spanish))


def label(scores: Scores) -> str:
    """Return the key of the greatest score."""
    return max(zip(scores, MASK_BITS, strict=True), key=lambda pair: pair[0])[1]


def severity(channels: Sequence[Scores], settings: SpokenAlarm) -> float:
    """Return 1 less the summed score of what is allowed, the greatest over the monitored channels (media 3.4)."""
    told = settings.maskAllowableLanguages if settings.maskAllowableLangauges is None else settings.maskAllowableLangauges
    masks = [*told, *SpokenAlarm().maskAllowableLanguages[len(told) :]]
    worst = (1 - _allowed(scores, mask) for scores, mask in zip(channels, masks, strict=False) if mask)
    return min(1.0, max(0.0, *worst, 0.0))


def _allowed(scores: Scores, mask: int) -> float:
    return sum(score for score, bit in zip(scores, MASK_BITS.values(), strict=True) if mask & bit)


def _channel(language: str, scores: Scores) -> Item:
    oob, english, spanish, other = (round(score, PLACES) for score in scores)
    return {"language": language, "en": english, "es": spanish, "oob": oob, "other": other}
