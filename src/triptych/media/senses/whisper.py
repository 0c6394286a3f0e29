"""Whisper: which language is spoken in a stretch of sound, and what is said, word by word (Radford et al. 2022)."""

import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triptych.media.senses.mel import HOP, RATE_HZ, bands
from triptych.media.senses.words import Piece, spell, split

LONGEST_S = 30
LEAST_S = 5
BEAMS = 5
MOST_TOKENS = 220
TOKENS_PER_S = 50
"""Steps of the encoder a second, of which alignment tells the times."""
QUIET_END_S = 1.0
"""Silence put after the sound, within which the last word may end."""
READ_S = 10
"""Sound to be read is made so long at least by silence: of less the model says the words again and again."""
LEAST_SURE = 0.2
SURE = math.exp(-1)
NO_SPEECH = 0.5
MOST_PACKED = 2.4
"""A reading is a guess at noise below `LEAST_SURE`, below `SURE` where the model itself doubts that somebody speaks, and where it packs
better than `MOST_PACKED`, for then it says the same again and again. `SURE` and `MOST_PACKED` are the makers' own."""
MEDIAN = 7

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word as it was said: `start` and `end` in seconds from the beginning of the sound, `confidence` 0 to 1."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One reading of a stretch of sound, in which nobody speaks with likelihood `silent`; only the best one has its words."""

    text: str
    confidence: float
    words: tuple[Word, ...] = ()
    silent: float = 0.0

    @property
    def is_believed(self) -> bool:
        """Whether somebody said this, as far as the model can tell."""
        return self.confidence >= (SURE if self.silent > NO_SPEECH else LEAST_SURE) and packed(self.text) <= MOST_PACKED


class Whisper:
    """One multilingual model, made from its files in memory; needs ctranslate2. Raises `ImportError` without it."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        import ctranslate2  # noqa: PLC0415 - an extra, and 120 MB that only jobs with speech need

        self._numbers = _vocabulary(files)
        self._view = ctranslate2.StorageView.from_array
        self._model = ctranslate2.models.Whisper(
            "whisper", device="cpu", compute_type="float32", inter_threads=1, intra_threads=1, files=dict(files)
        )

    def languages(self, samples: Floats) -> dict[str, float]:
        """Return how likely each language is in up to 30 s of speech at 16 kHz, full scale 1; together they make 1.

        Sound shorter than 5 s is made as long by silence: without, the model guesses.
        """
        whole = np.pad(samples[: LONGEST_S * RATE_HZ], (0, max(0, LEAST_S * RATE_HZ - len(samples))))
        ((*ranked,),) = self._model.detect_language(self._heard(whole))
        return {token[2:-2]: float(likely) for token, likely in ranked}

    def transcribe(self, samples: Floats, language: str, alternatives: int = 1) -> list[Heard]:
        """Return what is said in up to 29 s of sound in `language` (`en`), best reading first; nothing where no word can be believed.

        A reading that says the same again and again is tried once more with silence up to 30 s, as the model was trained.
        Raises `ValueError` for a language that the model does not know.
        """
        if f"<|{language}|>" not in self._numbers:
            raise ValueError(f"the speech model does not know the language '{language}'")
        for whole_s in (READ_S, LONGEST_S):
            found = self._read(samples, whole_s, language, alternatives)
            if not found or packed(found[0].text) <= MOST_PACKED:
                break
        return [one for one in found if packed(one.text) <= MOST_PACKED] if found and found[0].is_believed else []

    def _read(self, samples: Floats, whole_s: int, language: str, alternatives: int) -> list[Heard]:
        """Return the readings of sound that is followed by silence up to `whole_s` seconds, or else for a second."""
        missing_s = max(QUIET_END_S, whole_s - len(samples) / RATE_HZ)
        quiet = np.zeros(min(round(missing_s * RATE_HZ), LONGEST_S * RATE_HZ - len(samples)), np.float32)
        heard = self._model.encode(self._heard(np.concatenate([samples, quiet])), to_cpu=True)
        (result,) = self._model.generate(
            heard,
            [[*_begin(language), "<|notimestamps|>"]],
            beam_size=max(BEAMS, alternatives),
            num_hypotheses=alternatives,
            max_length=MOST_TOKENS,
            return_scores=True,
            return_no_speech_prob=True,
        )
        texts = [spell(tokens).strip() for tokens in result.sequences]
        sure = [round(min(1.0, math.exp(score)), 6) for score in result.scores]
        silent = float(result.no_speech_prob)
        best = _Reading(result.sequences[0], result.sequences_ids[0], language, len(samples))
        words = tuple(self._timed(heard, best)) if texts[0] else ()
        found = [Heard(text=text, confidence=each, silent=silent) for text, each in zip(texts, sure, strict=True) if text]
        return [replace(found[0], words=words), *found[1:]] if texts[0] else found

    def _heard(self, samples: Floats) -> Any:
        return self._view(bands(samples)[np.newaxis])

    def _timed(self, heard: Any, reading: "_Reading") -> Iterator[Word]:
        """Yield each word with the times at which attention passes to it and on from it."""
        start = [self._numbers[token] for token in _begin(reading.language)]
        (told,) = self._model.align(heard, start, [list(reading.ids)], reading.length // HOP, median_filter_width=MEDIAN)
        times = _passings([(int(token), int(step)) for token, step in told.alignments])
        likely = np.array(told.text_token_probs, np.float64)
        place = 0
        for piece in split(reading.tokens, reading.language):
            yield _word(piece, place, times, likely)
            place += piece.tokens


@dataclass(frozen=True, slots=True)
class _Reading:
    """Tokens, their numbers, and of how many samples in which language they are the reading."""

    tokens: Sequence[str]
    ids: Sequence[int]
    language: str
    length: int


def packed(text: str) -> float:
    """Return how many times shorter `text` gets by packing; what repeats itself packs well."""
    plain = text.encode()
    return len(plain) / len(zlib.compress(plain))


def _begin(language: str) -> list[str]:
    return ["<|startoftranscript|>", f"<|{language}|>", "<|transcribe|>"]


def _vocabulary(files: Mapping[str, bytes]) -> dict[str, int]:
    """Return the number of each token."""
    if "vocabulary.json" in files:
        return {token: number for number, token in enumerate(json.loads(files["vocabulary.json"]))}
    return {token: number for number, token in enumerate(files["vocabulary.txt"].decode().split("\n"))}


def _passings(path: Sequence[tuple[int, int]]) -> list[float]:
    """Return the seconds at which the path of (token, step) comes to each token, and to the end after the last one."""
    found: list[float] = []
    for token, step in path:
        if token >= len(found):
            found.append(step / TOKENS_PER_S)
    return found


def _word(piece: Piece, place: int, times: Sequence[float], likely: NDArray[np.float64]) -> Word:
    first, last = min(place, len(times) - 1), min(place + piece.tokens, len(times) - 1)
    sure = float(likely[place : place + piece.tokens].mean()) if place < len(likely) else 0.0
    return Word(text=piece.text, start=times[first], end=max(times[first], times[last]), confidence=round(sure, 6))
