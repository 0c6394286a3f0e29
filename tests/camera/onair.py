"""Live pictures and sound for tests, made as fast as they are encoded."""

from datetime import timedelta
from io import BytesIO

import av
import numpy as np

from triptych.camera.casting import AUDIO_FRAME, AUDIO_RATE, Caster
from triptych.camera.fragments import Ring

SIZE = (160, 90)
FPS = 30


def picture(number, size=SIZE):
    """Return a bar that walks over a gradient."""
    image = np.repeat(np.linspace(40, 200, size[0], dtype=np.uint8)[None, :, None], size[1], axis=0).repeat(3, axis=2)
    image[:, (number * 4) % (size[0] - 10) : (number * 4) % (size[0] - 10) + 8] = (20, 200, 240)
    return image


class OnAir:
    """A ring and what fills it: `run` goes on for some seconds of the stream's time."""

    def __init__(self):
        self.ring = Ring()
        self.caster = Caster(self.ring, SIZE, FPS)
        self.frames, self._samples = 0, AUDIO_FRAME

    def run(self, seconds):
        for _ in range(round(seconds * FPS)):
            self.caster.show(picture(self.frames), timedelta(seconds=self.frames / FPS))
            self.frames += 1
            while (self._samples + AUDIO_FRAME) / AUDIO_RATE <= self.frames / FPS:
                self.caster.sound(np.zeros(AUDIO_FRAME, np.float32), self._samples)
                self._samples += AUDIO_FRAME
        return self


def whole(ring):
    """Return every byte from the newest key fragment to the end of the ring."""
    data, cursor, ended = b"", 0, False
    while not ended:
        reading = ring.read(cursor, timedelta(seconds=5))
        data, cursor, ended = data + reading.data, reading.cursor, reading.ended
    return data


def played(data):
    """Return (time, is a key frame) of every picture in an mp4."""
    with av.open(BytesIO(data) if isinstance(data, bytes) else str(data)) as container:
        return [(frame.time, frame.key_frame) for frame in container.decode(video=0)]


def heard(data):
    """Return all samples of an mp4's sound."""
    with av.open(BytesIO(data) if isinstance(data, bytes) else str(data)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
