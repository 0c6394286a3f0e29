"""Writes what a camera sees and hears: H.264 and AAC in one hybrid fragmented mp4, true to the capture times, and its sidecar of marks."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from triptych.camera.encode import Encoder, Packets
from triptych.camera.notes import Entry
from triptych.camera.sidecar import Sidecar
from triptych.camera.soundtrack import RATE, Soundtrack
from triptych.camera.taken import Taken, coded_size

FRAGMENT_US = 250_000
SOUND_LATE = timedelta(milliseconds=400)
"""How long sound may come after its picture; a kill loses as much more."""
SOUND_EARLY = timedelta(seconds=1)
"""A piece that says to be further ahead of its picture has no true time, and is left out."""
_TICK = timedelta(microseconds=100)


class TimeLine:
    """Where moments lie in a file: zero is its first frame, and a pause leaves no gap."""

    def __init__(self, step: timedelta) -> None:
        self._step = step
        self._origin: timedelta | None = None
        self.end = timedelta(0)

    def place(self, captured: timedelta, *, after_cut: bool = False) -> timedelta:
        """Append a frame and return its place; `after_cut` puts it right behind the one before."""
        if self._origin is None:
            self._origin = captured
        elif after_cut:
            self._origin = captured - self.end
        at = max(captured - self._origin, self.end - self._step + _TICK)
        self.end = at + self._step
        return at

    def at(self, moment: timedelta) -> timedelta:
        """Return the place of a moment since the last cut; negative before the first frame."""
        return moment - (moment if self._origin is None else self._origin)


class Recording:
    """One file being written; its time runs from its first frame. `size` is that of the frames, (width, height)."""

    def __init__(self, entry: Entry, size: tuple[int, int], fps: float, header: dict[str, Any]) -> None:
        self._late = timedelta(0) if entry.note.audio == "silence" else SOUND_LATE
        self._line = TimeLine(timedelta(seconds=1 / fps))
        self._sound = Soundtrack()
        options = {"movflags": "hybrid_fragmented", "frag_duration": str(FRAGMENT_US), "flush_packets": "1"}
        self._container = av.open(str(entry.path), "w", format="mp4", options=options)
        self._video: VideoStream = self._container.add_stream("libx264", rate=round(fps))
        self._encoder = Encoder(self._video.codec_context, coded_size(size), fps)
        self._audio: AudioStream = self._container.add_stream("aac", rate=RATE, layout="mono", bit_rate=96_000)
        self._sidecar = Sidecar(entry.marks_path, header)

    @property
    def length(self) -> timedelta:
        """How long the file plays so far."""
        return self._line.end

    @property
    def hurried(self) -> bool:
        """Whether the last frame was encoded in a hurry."""
        return self._encoder.hurried

    def write(self, taken: Taken, *, hurried: bool = False, after_cut: bool = False) -> None:
        """Append a frame. `hurried` spends less time on it, at the price of a larger file; `after_cut` leaves no gap before it."""
        if after_cut and self.length:
            self._sidecar.cut(self.length, self._line.at(taken.captured) - self.length)
            self._sound.cut(self.length)
        at = self._line.place(taken.captured, after_cut=after_cut)
        self._mux(self._encoder.encode(taken.frame.image, at, hurried=hurried))
        self._hear(taken)
        if taken.alarm is not None:
            self._sidecar.alarm(at, taken.alarm)
        self._sidecar.frame(at, taken.pose, taken.objects)

    def close(self) -> None:
        """Finish the file: ordinary and seekable from here on."""
        self._sidecar.close()
        try:
            if self.length:
                self._mux(self._encoder.flush())
                self._sound.settle(self.length)
                self._sing(self.length)
                self._container.mux(self._audio.encode(None))
        finally:
            self._container.close()

    def _hear(self, taken: Taken) -> None:
        for piece in taken.sound:
            if piece.captured < taken.captured + SOUND_EARLY:
                self._sound.lay(self._line.at(piece.captured), piece.samples)
        self._sound.settle(self.length - self._late)
        self._sing(self.length)

    def _sing(self, until: timedelta) -> None:
        for place, block in self._sound.take(until):
            self._container.mux(self._audio.encode(_audio_frame(place, block)))

    def _mux(self, packets: Packets) -> None:
        for packet in packets:
            packet.stream = self._video
            self._container.mux(packet)


def _audio_frame(place: int, block: NDArray[np.float32]) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block[None]), format="fltp", layout="mono")
    frame.rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), place
    return frame
