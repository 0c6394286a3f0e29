"""Films made of pictures in BGR and of sound at 48 kHz, without loss where nothing else is said."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from speaking import resampled, say
from triptych.media.sample import RATE_HZ, Coding, Sound, write_clip
from triptych.media.sample import Picture as Planes

FPS = 25
LOSSLESS = Coding(video="ffv1", options={}, audio="pcm_s16le")


def planes(picture: np.ndarray) -> Planes:
    """Return Y, U, V of an (H, W, 3) BGR picture with even sides."""
    high, wide = picture.shape[:2]
    packed = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
    chroma = packed[high:].reshape(2, high // 2, wide // 2)
    return packed[:high], chroma[0], chroma[1]


def write_film(path: Path, pictures: Iterable[np.ndarray], coding: Coding = LOSSLESS) -> None:
    """Write pictures at 25 a second."""
    write_clip(path, ((Fraction(number, FPS), planes(picture)) for number, picture in enumerate(pictures)), [], coding)


def write_sound(path: Path, channels: Sequence[np.ndarray], layout: str) -> None:
    """Write (n,) channels as one stream."""
    write_clip(path, [], [np.stack(channels).astype(np.float32)], Coding(audio="pcm_s16le", layout=layout))


def spoken(text: str, voice: str, seconds: float) -> Sound:
    """Return `text`, again and again, for so many seconds."""
    once = resampled(say(text, voice).samples, RATE_HZ)
    count = round(seconds * RATE_HZ)
    return np.tile(once, -(-count // len(once)))[:count]


def silence(seconds: float) -> Sound:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def music(seconds: float, seed: int = 1) -> Sound:
    """Return chords of plucked strings."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE_HZ)
    whole = np.zeros(count + RATE_HZ, np.float32)
    for start in range(0, count, RATE_HZ // 2):
        time = np.arange(RATE_HZ) / RATE_HZ
        for step in rng.choice([0, 3, 5, 7, 10, 12], 3, replace=False):
            pitch = 220 * 2 ** (step / 12)
            tones = sum(np.sin(2 * np.pi * pitch * part * time) / part for part in (1, 2, 3, 4))
            whole[start : start + RATE_HZ] += (0.06 * tones * np.exp(-4 * time)).astype(np.float32)
    return whole[:count]
