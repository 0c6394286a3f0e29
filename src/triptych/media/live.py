"""A live stream of pictures and sound: a thread takes what comes, whoever reads gets the newest."""

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from http.client import HTTPException
from typing import Any, Protocol

import av
import numpy as np
import structlog
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from triptych.contracts import Clock, Frame, Sound
from triptych.errors import TriptychError, Unavailable
from triptych.media.sounding import Sounding

log = structlog.get_logger()

OPEN_S = 3.5
"""How long a source may take to its first picture, so that a call on a dead one is answered within 5 s (camera W9)."""
PATIENCE_S = 0.25
"""How long a read waits: a head stops within 300 ms of the last frame."""
CLOSE_S = 0.9
MOST_PACKETS = 300
RATED_FRAMES, RATED_S, FALLBACK_FPS = 8, 0.5, 25.0
MOST_FPS = 240.0
NO_CLOCK = frozenset({"mpjpeg", "mjpeg", "jpeg_pipe"})
"""Formats without times of their own: FFmpeg makes some up."""


class Line(Protocol):
    """What a live stream comes over. Its container is opened, read and closed by one thread."""

    def open(self) -> InputContainer:
        """Return the container, opened; bounded in time. Raises `TriptychError`, or what FFmpeg and the network raise."""
        ...

    def hang_up(self) -> None:
        """End whatever `open` or the container waits for, from any thread, for good."""
        ...

    def close(self) -> None:
        """Give back what is held, in the thread that opened it."""
        ...


class Anchor:
    """Lays the times of a far clock on ours: whatever was delayed least tells the offset, which may creep as clocks drift.

    Times that are ours already, as drivers stamp them, are kept.
    """

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._noted_s = 0.0

    def note(self, stamp_s: float, arrival_s: float) -> None:
        """Learn from something that is stamped and has arrived."""
        delay_s = arrival_s - stamp_s
        if self._offset_s is None:
            self._offset_s = 0.0 if 0 <= delay_s < _OURS_S else delay_s
        elif self._offset_s and not 0 <= delay_s - self._offset_s < _JUMP_S:
            self._offset_s = delay_s
        elif self._offset_s:
            self._offset_s += min(delay_s - self._offset_s, _DRIFT * (arrival_s - self._noted_s))
        self._noted_s = arrival_s

    def at(self, stamp_s: float) -> float:
        """Return the time on our clock."""
        return stamp_s + (self._offset_s or 0.0)


class LiveSource:
    """A `Source` over a line. Packets come in by a thread of its own and are decoded by who reads, so that there is never a backlog.

    Raises `Unavailable` when there is no picture within 3.5 s.
    """

    def __init__(self, line: Line, clock: Clock) -> None:
        self._line, self._clock = line, clock
        self._arrived = threading.Condition()
        self._pictures: deque[_Arrival] = deque()
        self._sounds: deque[av.Packet[AudioStream]] = deque(maxlen=MOST_PACKETS)
        self._arrivals: deque[float] = deque(maxlen=RATED_FRAMES)
        self._video: VideoStream | None = None
        self._sounding: Sounding | None = None
        self._anchor: Anchor | None = None
        self._fault: Unavailable | None = None
        self._number, self._last = -1, timedelta(0)
        self._needs_key = self._closing = False
        self.size = (0, 0)
        self._thread = threading.Thread(target=self._run, name="live source", daemon=True)
        self._thread.start()
        try:
            self._first: Frame | None = self._await_first()
        except BaseException:
            self.close()
            raise
        self.fps = self._rate()

    @property
    def has_sound(self) -> bool:
        """Whether it brings sound with its pictures."""
        return self._sounding is not None

    def read(self) -> Frame | None:
        """Return the newest picture; None when none came for 250 ms. Raises `Unavailable` when it is gone."""
        first, self._first = self._first, None
        return first if first is not None and not self._pictures else self._newest(PATIENCE_S)

    def listen(self) -> Sequence[Sound]:
        """Return the sound that came since the last call; never waits."""
        with self._arrived:
            packets = list(self._sounds)
            self._sounds.clear()
        if self._sounding is None:
            return ()
        return [self._stamped(sound) for packet in packets for sound in self._sounding.sound(packet)]

    def close(self) -> None:
        """Hang up. A device that hangs gives back what it holds once its driver answers."""
        with self._arrived:
            self._closing = True
            self._arrived.notify_all()
        self._line.hang_up()
        self._thread.join(CLOSE_S)

    def _await_first(self) -> Frame:
        frame = self._newest(OPEN_S)
        if frame is None:
            raise Unavailable("The camera gives no picture.", code="source_silent")
        return frame

    def _newest(self, bound_s: float) -> Frame | None:
        """Wait for packets until one makes a picture."""
        until = self._clock.monotonic() + timedelta(seconds=bound_s)
        while (left_s := (until - self._clock.monotonic()).total_seconds()) > 0:
            with self._arrived:
                self._arrived.wait_for(lambda: self._pictures or self._fault or self._closing, left_s)
                packets, fault, video = list(self._pictures), self._fault, self._video
                self._pictures.clear()
            if not packets and fault is not None:
                raise fault
            if self._closing or video is None:
                return None
            if (frame := self._decode(video.codec_context, packets)) is not None:
                return frame
        return None

    def _decode(self, decoder: VideoCodecContext, packets: "Sequence[_Arrival]") -> Frame | None:
        newest: tuple[av.VideoFrame, int, float] | None = None
        for packet, number, arrival_s in packets:
            with suppress(av.FFmpegError):
                for picture in decoder.decode(packet):
                    newest = picture, number, arrival_s
        return None if newest is None else self._frame(*newest)

    def _frame(self, picture: av.VideoFrame, number: int, arrival_s: float) -> Frame:
        if self.size == (0, 0):
            self.size = picture.width, picture.height
        at_s = arrival_s if self._anchor is None or picture.time is None else self._anchor.at(picture.time)
        at = max(min(timedelta(seconds=at_s), self._clock.monotonic()), self._last + _TICK)
        self._last = at
        image = picture.reformat(*self.size, format="bgr24").to_ndarray()
        return Frame(number=number, captured=at, image=np.asarray(image, np.uint8))

    def _stamped(self, sound: Sound) -> Sound:
        at_s = sound.captured.total_seconds()
        return replace(sound, captured=timedelta(seconds=self._anchor.at(at_s) if self._anchor is not None else at_s))

    def _rate(self) -> float:
        """Return the rate that the stream states, or that of its first pictures where it states none."""
        video = self._video
        stated = None if video is None or self._anchor is None else video.average_rate or video.guessed_rate
        if stated and stated <= MOST_FPS:
            return float(stated)
        with self._arrived:
            self._arrived.wait_for(lambda: len(self._arrivals) == RATED_FRAMES or self._fault, RATED_S)
            times = list(self._arrivals)
        span_s = times[-1] - times[0]
        return round((len(times) - 1) / span_s, 2) if span_s else FALLBACK_FPS

    def _run(self) -> None:
        try:
            with self._line.open() as container:
                self._take_all(container)
            fault: Exception = Unavailable("The camera ended its stream.", code="source_lost")
        except (TriptychError, av.FFmpegError, OSError, HTTPException, ValueError) as raised:
            fault = raised
        finally:
            self._line.close()
        if not self._closing:
            log.info("live source ended", fault=type(fault).__name__)
        with self._arrived:
            self._fault = lost(fault)
            self._arrived.notify_all()

    def _take_all(self, container: InputContainer) -> None:
        video = container.streams.video[0] if container.streams.video else None
        if video is None:
            raise Unavailable("The source has no picture.", code="source_lost")
        audio = container.streams.audio[0] if container.streams.audio else None
        video.codec_context.thread_type = "SLICE"
        with self._arrived:
            self._video = video
            self._anchor = None if container.format.name in NO_CLOCK else Anchor()
            self._sounding = None if audio is None else Sounding(audio)
        for packet in container.demux([video] if audio is None else [video, audio]):
            if self._closing:
                return
            if packet.size:
                self._take(packet, self._clock.monotonic().total_seconds())

    def _take(self, packet: "av.Packet[Any]", arrival_s: float) -> None:
        stamp = packet.pts if packet.pts is not None else packet.dts
        with self._arrived:
            if self._anchor is not None and stamp is not None:
                self._anchor.note(float(stamp * packet.time_base), arrival_s)
            if packet.stream.type == "video":
                self._take_picture(packet, arrival_s)
            else:
                self._sounds.append(packet)
            self._arrived.notify_all()

    def _take_picture(self, packet: "av.Packet[VideoStream]", arrival_s: float) -> None:
        """Keep what the newest picture needs: nothing before a key frame, and nothing more once nobody read for long."""
        self._number += 1
        self._arrivals.append(arrival_s)
        if packet.is_keyframe or len(self._pictures) >= MOST_PACKETS:
            self._pictures.clear()
            self._needs_key = not packet.is_keyframe
        if not self._needs_key:
            self._pictures.append((packet, self._number, arrival_s))


def lost(fault: Exception) -> Unavailable:
    """Return what became of a source, in one sentence without path, address or credential (camera W3)."""
    if isinstance(fault, Unavailable):
        return fault
    if isinstance(fault, TriptychError):
        return Unavailable(fault.message, code="source_lost")
    known = next((sentence for kinds, sentence in _SENTENCES if isinstance(fault, kinds)), "The camera's stream broke off.")
    return Unavailable(known, code="source_lost")


_SENTENCES: Sequence[tuple[tuple[type[Exception], ...], str]] = (
    ((av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError), "The camera refused the user name or password."),
    ((av.error.HTTPNotFoundError,), "The camera has no such stream."),
    ((av.error.HTTPError, HTTPException), "The camera answered with an error."),
    ((TimeoutError, av.error.ExitError), "The camera does not answer in time."),
    ((ConnectionRefusedError,), "The camera's host takes no connection."),
    ((av.error.InvalidDataError, ValueError), "The camera sends nothing that can be decoded."),
    ((av.error.EOFError,), "The camera ended its stream."),
)
_Arrival = tuple["av.Packet[VideoStream]", int, float]
"""A packet, its number and when it came, in seconds on our clock."""
_TICK = timedelta(microseconds=100)
_OURS_S, _JUMP_S, _DRIFT = 0.5, 2.0, 1e-2
