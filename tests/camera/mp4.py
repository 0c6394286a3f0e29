"""What tests look at in an mp4, and sound that goes with flashes."""

from itertools import pairwise

import av
import numpy as np

BEEP_HZ = 1000
RATE = 48000


def beeps(first_s, seconds):
    """Return sound from `first_s` on, in which the first 50 ms of each second are a tone."""
    times = first_s + np.arange(round(seconds * RATE)) / RATE
    return np.where(times % 1 < 0.05, 0.5 * np.sin(2 * np.pi * BEEP_HZ * times), 0).astype(np.float32)


def top_level(path):
    """Return the types of its outermost boxes."""
    data, at, kinds = path.read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        kinds.append(data[at + 4 : at + 8].decode())
        at += size
    assert at == len(data)
    return kinds


def lengths(path):
    with av.open(str(path)) as container:
        return {stream.type: float(stream.duration * stream.time_base) for stream in container.streams}


def flashes(path):
    """Return when it becomes white, in seconds of the file."""
    with av.open(str(path)) as container:
        seen = [(frame.time, frame.to_ndarray(format="gray").mean() > 128) for frame in container.decode(video=0)]
    return [time for (_, before), (time, white) in pairwise([(0, False), *seen]) if white and not before]


def sounds(path):
    """Return when it begins to sound, in seconds of the file."""
    with av.open(str(path)) as container:
        frames = [(frame.time, frame.to_ndarray()[0]) for frame in container.decode(audio=0)]
    loud = np.concatenate([np.abs(samples) > 0.1 for _, samples in frames])
    times = np.concatenate([time + np.arange(len(samples)) / RATE for time, samples in frames])[loud]
    return [times[0], *times[1:][np.diff(times) > 0.5]]
