"""Speech whose words and times are known: eSpeak NG, in process, always the same samples for the same text."""

import ctypes
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 22_050
_SYNCHRONOUS, _UTF8, _BY_CHARACTER, _WORD_BEGINS = 2, 1, 1, 1

Samples = NDArray[np.float32]


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Spoken:
    """(n,) float32 samples of 22.05 kHz, and when words begin, in seconds, by their place in the text; some run into the one before."""

    samples: Samples
    begins: Mapping[int, float]


@cache
def say(text: str, voice: str) -> Spoken:
    """Return `text` spoken by a voice such as `en-us+f3`."""
    library = _fresh_library()
    pieces: list[Samples] = []
    begins: dict[int, float] = {}

    @_Callback
    def take(wave, count, events):
        if wave and count:
            pieces.append(np.ctypeslib.as_array(wave, (count,)).astype(np.float32) / 32768)
        place = 0
        while events[place].type:
            if events[place].type == _WORD_BEGINS:
                begins[events[place].text_position - 1] = events[place].audio_position / 1000
            place += 1
        return 0

    library.espeak_SetSynthCallback(take)
    assert library.espeak_SetVoiceByName(voice.encode()) == 0, voice
    data = text.encode()
    assert library.espeak_Synth(data, len(data) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None) == 0
    library.espeak_Terminate()
    return Spoken(np.concatenate(pieces), begins)


def resampled(samples: Samples, rate_hz: int, source_hz: int = RATE_HZ) -> Samples:
    """Return sound at another rate, band-limited by its spectrum."""
    count = round(len(samples) * rate_hz / source_hz)
    spectrum = np.fft.rfft(samples)
    whole = np.zeros(count // 2 + 1, np.complex128)
    whole[: min(len(whole), len(spectrum))] = spectrum[: len(whole)]
    return (np.fft.irfft(whole, count) * count / len(samples)).astype(np.float32)


def _fresh_library() -> ctypes.CDLL:
    """Load eSpeak anew: it remembers what it said before, even when begun again, and says the next text a little otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        library = ctypes.CDLL(shutil.copy(espeakng_loader.get_library_path(), folder))
    assert library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0) == RATE_HZ
    return library
