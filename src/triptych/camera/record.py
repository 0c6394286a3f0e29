"""Writes what a camera sees: H.264 and AAC in one hybrid fragmented mp4, true to the capture times, and its sidecar of marks."""

import math
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import msgspec
import numpy as np
import structlog
from av.audio.stream import AudioStream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.stream import VideoStream
from msgspec.structs import replace

from triptych.camera.records import Archive, Entry, Note
from triptych.contracts import Frame, Pose
from triptych.errors import TriptychError, Unavailable

log = structlog.get_logger()

TIME_BASE = Fraction(1, 90000)
AUDIO_RATE = 48000
AUDIO_FRAME = 1024
KEY_INTERVAL = timedelta(seconds=1)
FRAGMENT_US = 250_000
MOST_LINES = 1080
QUEUE_FRAMES = 24
ROOM_CHECK_S = 1.0
WARNED_S = 60.0
_TICK = timedelta(microseconds=100)
_BT601 = 6
_LIMITED_RANGE = 1
_GLOBAL_HEADER = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One frame on its way into a file: the picture, where the head looked, and what was seen in it."""

    frame: Frame
    pose: Pose
    objects: tuple[dict[str, Any], ...] = ()


class Recording:
    """One file being written; its time runs from its first frame."""

    def __init__(self, entry: Entry, size: tuple[int, int], fps: float, header: dict[str, Any]) -> None:
        self._step = timedelta(seconds=1 / fps)
        self._size = _coded_size(size)
        self._origin: timedelta | None = None
        self._end = timedelta(0)
        self._last_key = -KEY_INTERVAL
        self._silence = 0
        self._marks = entry.marks_path.open("wb", buffering=0)
        self._line(header)
        options = {"movflags": "hybrid_fragmented", "frag_duration": str(FRAGMENT_US), "flush_packets": "1"}
        self._container = av.open(str(entry.path), "w", format="mp4", options=options)
        self._video: VideoStream = self._container.add_stream("libx264", rate=round(fps))
        _set_up(self._video.codec_context, self._size, fps, "veryfast")
        self._audio: AudioStream = self._container.add_stream("aac", rate=AUDIO_RATE, layout="mono", bit_rate=64_000)
        self._hurried = _hurried_encoder(self._video.codec_context, self._size, fps)
        self._encoder = self._video.codec_context

    @property
    def length(self) -> timedelta:
        """How long the file plays so far."""
        return self._end

    def write(self, taken: Taken, *, hurried: bool = False, after_cut: bool = False) -> None:
        """Append a frame. `hurried` spends less time on it, at the price of a larger file; `after_cut` leaves no gap before it."""
        if after_cut and self._origin is not None:
            self._close_gap(taken.frame.captured, self._origin)
        at = self._place(taken.frame.captured)
        encoder = self._hurried if hurried else self._video.codec_context
        key = encoder is not self._encoder or at + self._step > self._last_key + KEY_INTERVAL
        picture = self._picture(taken.frame)
        picture.pts = _ticks(at)
        picture.duration = _ticks(self._step)
        if key:
            picture.pict_type = PictureType.I
            self._last_key = at
        self._encoder = encoder
        self._mux(encoder.encode(picture))
        self._end = at + self._step
        self._fill_silence()
        self._line({"t": _seconds(at), **_looked(taken)})

    def close(self) -> None:
        """Finish the file: ordinary and seekable from here on."""
        if self._origin is not None:
            self._mux(self._encoder.encode(None))
            self._container.mux(self._audio.encode(None))
        self._container.close()
        self._marks.close()

    def _place(self, captured: timedelta) -> timedelta:
        if self._origin is None:
            self._origin = captured
        return max(captured - self._origin, self._end - self._step + _TICK)

    def _close_gap(self, captured: timedelta, origin: timedelta) -> None:
        self._line({"t": _seconds(self._end), "cut_s": _seconds(captured - origin - self._end)})
        self._origin = captured - self._end

    def _picture(self, frame: Frame) -> av.VideoFrame:
        width, height = self._size
        image = (
            frame.image[:height, :width]
            if frame.image.shape[0] <= MOST_LINES
            else cv2.resize(frame.image, self._size, interpolation=cv2.INTER_AREA)
        )
        planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.time_base = TIME_BASE
        return picture

    def _mux(self, packets: "Sequence[av.Packet[Any]]") -> None:
        for packet in packets:
            packet.stream = self._video
            self._container.mux(packet)

    def _fill_silence(self) -> None:
        while self._silence + 2 * AUDIO_FRAME <= self._end.total_seconds() * AUDIO_RATE:
            chunk = av.AudioFrame(format="fltp", layout="mono", samples=AUDIO_FRAME)
            for plane in chunk.planes:
                plane.update(bytes(plane.buffer_size))
            chunk.rate, chunk.time_base = AUDIO_RATE, Fraction(1, AUDIO_RATE)
            chunk.pts = self._silence + AUDIO_FRAME  # the encoder's delay: its first packet would else lie before zero
            self._container.mux(self._audio.encode(chunk))
            self._silence += AUDIO_FRAME

    def _line(self, line: dict[str, Any]) -> None:
        self._marks.write(msgspec.json.encode(line) + b"\n")


class Recorder:
    """A recording and the thread that writes it: frames wait in a short queue, and are dropped and counted when it is full."""

    def __init__(self, archive: Archive, entry: Entry, recording: Recording) -> None:
        self._archive, self._entry, self._recording = archive, entry, recording
        self._claim = archive.claim(entry)
        self._frames: queue.Queue[_Queued | None] = queue.Queue(QUEUE_FRAMES)
        self._door = threading.Lock()
        self._paused = self._resumed = False
        self._begun = threading.Event()
        self._checked = self._dropped_at = -math.inf
        self.dropped = 0
        self.fault: TriptychError | None = None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def id(self) -> str:
        """The id of the recording."""
        return self._entry.note.id

    @property
    def length_s(self) -> float:
        """How long the file plays so far, in seconds."""
        return self._recording.length.total_seconds()

    @property
    def lagging(self) -> bool:
        """Whether frames were dropped within the last minute."""
        return time.monotonic() - self._dropped_at < WARNED_S

    def offer(self, taken: Taken) -> None:
        """Hand over a frame without waiting; while paused it is not wanted."""
        with self._door:
            if self._paused:
                return
            try:
                self._frames.put_nowait(_Queued(taken, self._resumed))
                self._resumed = False
            except queue.Full:
                self.dropped += 1
                self._dropped_at = time.monotonic()

    def pause(self) -> None:
        """Take no frame from here on."""
        with self._door:
            self._paused = True

    def resume(self) -> None:
        """Go on in the same file; the pause leaves no gap in it."""
        with self._door:
            self._resumed = self._resumed or self._paused
            self._paused = False

    def stop(self) -> Note:
        """Write what waits, finish the file and return its note; without a frame nothing is kept."""
        if self._thread.is_alive():
            self._frames.put(None)
            self._thread.join()
        return self._entry.note

    def wait(self, bound: timedelta) -> None:
        """Wait until the first frame is in the file. Raises `Unavailable` when it cannot be written or none came."""
        came = self._begun.wait(bound.total_seconds())
        if self.fault is not None:
            raise self.fault
        if not came:
            raise Unavailable("The camera gives no picture.", code="source_silent")

    def _run(self) -> None:
        try:
            self._write_until_end()
            ended = True
        except (OSError, av.FFmpegError) as fault:
            log.exception("recording failed", record=self.id)
            self.fault, ended = Unavailable(f"recording failed: {type(fault).__name__}", code="record_failed"), False
        except Unavailable as fault:
            self.fault, ended = fault, False
        self._finish()
        self._begun.set()
        while not ended:
            ended = self._frames.get() is None

    def _write_until_end(self) -> None:
        while (item := self._frames.get()) is not None:
            self._check_room()
            hurried = self._frames.qsize() >= QUEUE_FRAMES // 2
            self._recording.write(item.taken, hurried=hurried, after_cut=item.after_cut)
            self._begun.set()

    def _check_room(self) -> None:
        if time.monotonic() - self._checked > ROOM_CHECK_S:
            self._archive.check_room()
            self._checked = time.monotonic()

    def _finish(self) -> None:
        try:
            self._recording.close()
            if not self.length_s:
                self._entry.drop()
                return
            note = replace(self._entry.note, state="ready", length_s=self.length_s, size_bytes=self._entry.path.stat().st_size)
            self._entry = self._entry.write(replace(note, dropped=self.dropped))
        except (OSError, av.FFmpegError) as fault:
            log.exception("recording not finished", record=self.id)
            self.fault = self.fault or Unavailable(f"recording failed: {type(fault).__name__}", code="record_failed")
        finally:
            self._claim.release()


@dataclass(frozen=True, slots=True)
class _Queued:
    taken: Taken
    after_cut: bool


def finish(path: Path) -> float | None:
    """Rewrite a recording that was cut off as an ordinary file and return its length in seconds; None when nothing in it plays."""
    aside = path.with_name(f".{path.name}.part")
    try:
        length_s = _copy(path, aside)
    except (av.FFmpegError, OSError, ValueError):
        log.warning("recording not recovered", path=str(path), exc_info=True)
        aside.unlink(missing_ok=True)
        return None
    aside.replace(path)
    return length_s


def _copy(path: Path, aside: Path) -> float:
    end_s = 0.0
    with av.open(str(path)) as source, av.open(str(aside), "w", format="mp4") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.pts is None or packet.dts is None:
                continue
            if packet.stream.type == "video":
                end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    if not end_s:
        raise ValueError("no picture")
    return end_s


def _coded_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the (width, height) of the recording: the source's up to 1080 lines, in whole chroma samples."""
    share = min(1.0, MOST_LINES / size[1])
    return round(size[0] * share) // 2 * 2, round(size[1] * share) // 2 * 2


def _set_up(encoder: VideoCodecContext, size: tuple[int, int], fps: float, preset: str) -> None:
    """Prepare an H.264 encoder. Both presets get the same headers (`stitchable`), so a file may change between them at a key frame."""
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = TIME_BASE
    encoder.framerate = Fraction(fps).limit_denominator(1001)
    encoder.colorspace = encoder.color_primaries = encoder.color_trc = _BT601
    encoder.color_range = _LIMITED_RANGE
    shared = "stitchable=1:cabac=1:8x8dct=1:weightp=1:ref=1:bframes=0:keyint=infinite:scenecut=0"
    encoder.options = {"preset": preset, "tune": "zerolatency", "crf": "23", "threads": "1", "x264-params": shared}


def _hurried_encoder(usual: VideoCodecContext, size: tuple[int, int], fps: float) -> VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    _set_up(encoder, size, fps, "ultrafast")
    encoder.flags |= _GLOBAL_HEADER
    for one in (encoder, usual):
        one.open()
    return encoder if encoder.extradata == usual.extradata else usual


def _looked(taken: Taken) -> dict[str, Any]:
    return {"pan": round(taken.pose.pan_deg, 3), "tilt": round(taken.pose.tilt_deg, 3), "objects": taken.objects}


def _ticks(at: timedelta) -> int:
    return round(at.total_seconds() / TIME_BASE)


def _seconds(at: timedelta) -> float:
    return round(at.total_seconds(), 4)
