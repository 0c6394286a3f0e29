"""SPEECH_TRANSCRIPTION: what is said, utterance by utterance, with the time of each word (media 4.3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triptych.media.feature import Feature
from triptych.media.measured import Heard
from triptych.media.options import SpeechOptions
from triptych.media.senses.loaded import speech_model
from triptych.media.senses.rate import Thinner
from triptych.media.senses.utterances import Cutter, Utterance
from triptych.media.senses.voice import Voice
from triptych.media.senses.whisper import Heard as Reading
from triptych.media.senses.whisper import Whisper
from triptych.media.slots import need
from triptych.media.spans import Item, offset_text

AUTO = "auto"
MILLISECOND = Fraction(1, 1000)

Floats = NDArray[np.float32]
Told = dict[str, Any]
"""One utterance on the wire."""


class Speech(Feature):
    """Reads the speech of the tracks asked for, each on its own."""

    def __init__(self, options: SpeechOptions) -> None:
        super().__init__(options)
        self._options = options
        self._senses: tuple[Voice, Whisper] | None = None

    def prepare(self) -> None:
        """Load the voice detector and the speech model."""
        self._senses = Voice(need("vad", self.models_dir).read()), speech_model(need("speech", self.models_dir).parts)

    def ear(self, rate_hz: int, channels: int) -> "SpeechEar":
        """Return an ear for the tracks asked for, as far as there are such."""
        if self._senses is None:
            raise RuntimeError("the models are not loaded")
        edges = np.cumsum([0, *self.tracks])
        spans = [
            range(int(edges[track]), min(int(edges[track + 1]), channels))
            for track in self._options.audioTracks
            if track < len(self.tracks)
        ]
        return SpeechEar(*self._senses, self._options, rate_hz, [span for span in spans if span])

    def heard(self, heard: Heard) -> None:
        """Take the utterances that were over, in order of their ends."""
        for told in heard.value:
            self.found({"alternatives": [_alternative(one) for one in told["readings"]], "languageCode": told["language"]})


@dataclass(slots=True)
class Track:
    """The channels of one stream, as they are heard from `start_s` seconds on."""

    channels: range
    start_s: float
    thinner: Thinner
    cutter: Cutter


class SpeechEar:
    """Listens to tracks side by side, the channels of each mixed."""

    def __init__(self, voice: Voice, whisper: Whisper, options: SpeechOptions, rate_hz: int, tracks: Sequence[range]) -> None:
        self._voice = voice
        self._whisper = whisper
        self._options = options
        self._rate_hz = rate_hz
        self._spans = tracks
        self._tracks: list[Track] = []
        self._language = "" if options.languageCode in {None, AUTO} else str(options.languageCode)

    def hear(self, first: int, samples: Floats) -> list[Told] | None:
        """Return the utterances that have ended, None for none."""
        if not self._tracks:
            start_s = first / self._rate_hz
            self._tracks = [Track(span, start_s, Thinner(self._rate_hz), Cutter(self._voice.listener())) for span in self._spans]
        told: list[Told] = []
        for track in self._tracks:
            mixed = samples[track.channels.start : track.channels.stop].mean(axis=0)
            told += self._read(track, track.cutter.hear(track.thinner.thin(mixed)))
        return told or None

    def finish(self) -> list[Told] | None:
        """Return the utterances that the end cut off."""
        told: list[Told] = []
        for track in self._tracks:
            told += self._read(track, track.cutter.hear(track.thinner.rest()))
            told += self._read(track, track.cutter.finish())
        self._tracks = []
        return told or None

    def _read(self, track: Track, utterances: Iterable[Utterance]) -> list[Told]:
        return [told for utterance in utterances if (told := self._reading(utterance, track.start_s)) is not None]

    def _reading(self, utterance: Utterance, start_s: float) -> Told | None:
        """Return what is said; with `auto` the first utterance that can be read tells the language of all."""
        language = self._language or self._likeliest(utterance.samples)
        readings = self._whisper.transcribe(utterance.samples, language.partition("-")[0].lower(), self._options.maxAlternatives)
        if not readings:
            return None
        self._language = language
        return {"language": language, "readings": [_as_told(reading, start_s + utterance.start_s) for reading in readings]}

    def _likeliest(self, samples: Floats) -> str:
        languages = self._whisper.languages(samples)
        return max(languages, key=lambda name: languages[name])


def _as_told(reading: Reading, start_s: float) -> Told:
    """Return a reading for the wire; times in whole milliseconds from offset 0."""
    words = [[_milliseconds(start_s + word.start), _milliseconds(start_s + word.end), word.text] for word in reading.words]
    return {"text": reading.text, "confidence": reading.confidence, "words": words}


def _milliseconds(at_s: float) -> int:
    return max(0, round(at_s * 1000))


def _alternative(told: Told) -> Item:
    words = [
        {"startTime": offset_text(start * MILLISECOND), "endTime": offset_text(end * MILLISECOND), "word": text}
        for start, end, text in told["words"]
    ]
    return {"transcript": told["text"], "confidence": told["confidence"], "words": words}
