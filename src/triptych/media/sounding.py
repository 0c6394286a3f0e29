"""Makes of a stream's sound what recordings and live streams are fed with: mono at 48 kHz, each piece with its time."""

from collections.abc import Iterator
from datetime import timedelta

import av
import numpy as np
from av.audio.stream import AudioStream

from triptych.contracts import Sound

RATE = 48000


class Sounding:
    """Decodes one audio stream. Times are those of the stream."""

    def __init__(self, stream: AudioStream) -> None:
        self._decoder = stream.codec_context
        self._resampler = av.AudioResampler(format="fltp", rate=RATE)
        self._next_s = 0.0

    def sound(self, packet: "av.Packet[AudioStream]") -> Iterator[Sound]:
        """Yield the pieces of `packet`, `captured` on the stream's own clock; what cannot be decoded is left out."""
        try:
            frames = [fine for coarse in self._decoder.decode(packet) for fine in self._resampler.resample(coarse)]
        except (av.FFmpegError, ValueError):
            return
        for frame in frames:
            samples = np.asarray(frame.to_ndarray().mean(axis=0), np.float32)
            at_s = self._next_s if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)
            self._next_s = at_s + len(samples) / RATE
            yield Sound(captured=timedelta(seconds=at_s), samples=samples)
