"""Senses at work in the real cage: made before it closes, used after. Run as `python -m media.caged SENSE`."""

import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from media.scenes import portrait, sign
from speaking import resampled, say
from triptych.media.sandbox import Decoder, confine
from triptych.media.senses.checkpoint import arrays
from triptych.media.senses.faces import make
from triptych.media.senses.text import Reader
from triptych.media.senses.transnet import TransNet
from triptych.media.senses.voice import Voice
from triptych.media.senses.whisper import Whisper
from triptych.media.slots import need

NOWHERE = Path("/nonexistent")
Work = Callable[[], object]


def voice() -> Work:
    sense, samples = Voice(need("vad", NOWHERE).read()), _sentence()
    return lambda: sense.listener().hear(samples).tolist()


def speech() -> Work:
    sense, samples = _whisper(), _sentence()
    return lambda: (sorted(sense.languages(samples).items()), sense.transcribe(samples, "en"))


def faces() -> Work:
    sense, picture = make(need("face", NOWHERE).read()), portrait()
    return lambda: sense.find(picture)


def faces_without_extra() -> Work:
    sense, picture = make(need("face", NOWHERE).read(), fast=False), portrait()
    return lambda: sense.find(picture)


def text() -> Work:
    found, picture = need("text", NOWHERE), sign("Platform 9", 320, 96)
    sense = Reader(found.read_all())
    return lambda: sense.read(picture)


def shots() -> Work:
    sense = TransNet(arrays(need("shot", NOWHERE).read()))
    pictures = np.random.default_rng(5).integers(0, 256, (12, 27, 48, 3), np.uint8)
    return lambda: sense.likely(pictures).tolist()


SENSES = {made.__name__: made for made in (voice, speech, faces, faces_without_extra, text, shots)}


def _whisper() -> Whisper:
    found = need("speech", NOWHERE)
    return Whisper(found.read_all())


def _sentence() -> np.ndarray:
    return resampled(say("The train is on platform nine.", "en-us").samples, 16_000)


def main(sense: str) -> None:
    """Print whether the cage was closed in full, what the sense said in it, twice, and what it says outside."""
    reading, writing = os.pipe()

    def work(_source, send) -> None:
        run = SENSES[sense]()
        closed = confine()
        send(pickle.dumps((closed, run(), run())))

    decoder = Decoder(reading, work)
    os.close(writing)
    told = []
    while (messages := decoder.read()) is not None:
        told += messages
        os.sched_yield()
    assert decoder.join() == 0
    closed, first, second = pickle.loads(told[0])
    verdict = (closed, first == second, first == SENSES[sense]()(), bool(first))
    sys.stdout.write(" ".join(map(str, verdict)))


if __name__ == "__main__":
    main(sys.argv[1])
