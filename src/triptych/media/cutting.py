"""Cuts a piece out of a file as MP4, by stream copy where MP4 can hold the codec; runs in the sandbox (media R1)."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import av
import cv2
import msgspec
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from triptych.media.decode import UNTIMED, Packet, alone, open_input, picture_stream

HELD = frozenset(
    {"h264", "hevc", "av1", "libdav1d", "vp9", "mpeg4", "mpeg2video", "aac", "mp3", "mp3float", "ac3", "eac3", "opus", "flac", "alac"}
)
"""Codecs that players expect in MP4; all others are encoded anew."""

SEEK_BACK_S = (0, 2, 10, 3600, 360_000)
THUMBNAIL_WIDTH = 320
THUMBNAIL_QUALITY = 80
PIECE_BYTES = 1 << 20
MOST_LAG_S = 5
"""Seconds by which one stream may lie behind another in the file."""
ENCODED_VIDEO = "libx264"
ENCODED_AUDIO = "aac"


class Piece(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Bytes of the recording from `at` on."""

    at: int
    data: bytes


class Thumbnail(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The first picture at or after the episode's beginning, as JPEG."""

    data: bytes


class Done(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """All is told; the piece covers [start, end) in microseconds from offset 0."""

    start_us: int
    end_us: int


FromCutter = Piece | Thumbnail | Done
encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(FromCutter).decode
Send = Callable[[FromCutter], None]


class Sent(io.RawIOBase):
    """A file that is written somewhere else: what is written here is sent there, with its place."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._at = 0
        self._end = 0

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move as a file does."""
        self._at = offset + {io.SEEK_CUR: self._at, io.SEEK_END: self._end}.get(whence, 0)
        return self._at

    def write(self, data: Any, /) -> int:
        """Send `data` for the place where the file stands."""
        whole = bytes(data)
        for at in range(0, len(whole), PIECE_BYTES):
            self._send(Piece(self._at + at, whole[at : at + PIECE_BYTES]))
        self._at += len(whole)
        self._end = max(self._end, self._at)
        return len(whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What to cut: [start, end) and the picture to show for it, in seconds from offset 0, which is `origin` on the file's own clock."""

    origin: Fraction
    start: Fraction
    end: Fraction
    shown: Fraction


def cut(descriptor: int, stretch: Stretch, send: Send) -> None:
    """Send a stretch of a file, from the key frame at or before its start on, and the thumbnail.

    Raises `Unreadable` or an FFmpeg error when nothing can be cut.
    """
    origin = stretch.origin
    with open_input(descriptor) as container:
        _send_thumbnail(container, origin + stretch.shown, send)
    with open_input(descriptor) as container, av.open(Sent(send), "w", format="mp4") as out:
        copier = _Copier(container, out, origin + stretch.start, origin + stretch.end)
        copier.run()
    send(Done(int((copier.begun - origin) * 1_000_000), int((copier.ended - origin) * 1_000_000)))


class _Copier:
    """One piece on its way: every stream from the picture's key frame on, moved so that it begins at 0."""

    def __init__(self, container: InputContainer, out: OutputContainer, start: Fraction, end: Fraction) -> None:
        video = picture_stream(container)
        self._streams: list[Stream] = [*([video] if video is not None else []), *container.streams.audio]
        self._container = container
        self._out = out
        self._lanes = {stream.index: _lane(stream, out) for stream in self._streams}
        self._video = video
        self._start, self._end = start, end
        self.begun = start
        self.ended = start

    def run(self) -> None:
        """Copy or encode everything of the piece."""
        past: set[int] = set()
        is_open = False
        key, since = self._key()
        for packet in self._packets(since):
            at = _time(packet)
            if at is None or (not is_open and not self._opens(packet, at, key)):
                continue
            if not is_open:
                is_open, self.begun = True, at
            if (position := _position(packet, at)) >= self._end:
                past.add(packet.stream.index)
                if len(past) == len(self._streams) or position > self._end + MOST_LAG_S:
                    break
                continue
            if at >= self.begun:
                self.ended = max(self.ended, at + (packet.duration or 0) * (packet.time_base or 0))
                self._lanes[packet.stream.index].take(packet, self.begun)
        for lane in self._lanes.values():
            lane.close()

    def _opens(self, packet: Packet, at: Fraction, key: Fraction) -> bool:
        if self._video is not None:
            return packet.stream is self._video and packet.is_keyframe and at >= key
        return at + (packet.duration or 0) * (packet.time_base or 0) > self._start

    def _key(self) -> tuple[Fraction, Fraction]:
        """Return the time of the last key frame at or before the start, or of the first one, and the time to seek for to meet it.

        Seeking alone is not exact everywhere.
        """
        for back_s in SEEK_BACK_S if self._video is not None else ():
            keys: list[Fraction] = []
            for packet in self._packets(self._start - back_s):
                at = _time(packet)
                if packet.stream is not self._video or not packet.is_keyframe or at is None:
                    continue
                keys.append(at)
                if at > self._start:
                    break
            if keys and keys[0] <= self._start:
                return max(key for key in keys if key <= self._start), self._start - back_s
        return self._start, self._start

    def _packets(self, since: Fraction) -> Iterator[Packet]:
        """Yield packets from somewhere before `since` on, or from the start of a file that cannot be sought."""
        stream = self._video or self._streams[0]
        floor = stream.start_time or 0
        base = stream.time_base or Fraction(1, 90_000)
        timed = self._container.format.name not in UNTIMED
        self._container.seek(max(int(since / base), floor) if timed else floor, stream=stream, backward=True)
        return (packet for packet in alone(self._container, self._streams) if packet.size)


class _Copied:
    """A stream whose packets are taken as they are; those at its beginning without a decoding time get one from the first that has."""

    def __init__(self, stream: Stream, out: OutputContainer) -> None:
        self._stream = out.add_stream_from_template(stream)
        self._out = out
        self._waiting: list[Packet] = []
        self._last: int | None = None

    def take(self, packet: Packet, begun: Fraction) -> None:
        shift = round(begun / (packet.time_base or 1))
        packet.pts = packet.pts - shift if packet.pts is not None else None
        if packet.dts is None:
            self._waiting.append(packet)
            return
        packet.dts -= shift
        self._release(packet.dts)
        self._mux(packet)

    def close(self) -> None:
        """Write what still waits."""
        self._release((self._waiting[-1].pts or 0) if self._waiting else 0)

    def _release(self, following: int) -> None:
        for number, packet in enumerate(self._waiting):
            packet.dts = following - (len(self._waiting) - number) * max(1, packet.duration or 1)
            self._mux(packet)
        self._waiting = []

    def _mux(self, packet: Packet) -> None:
        if self._last is not None and packet.dts is not None and packet.dts <= self._last:
            packet.dts = self._last + 1
        self._last = packet.dts
        if packet.pts is not None and packet.dts is not None and packet.pts < packet.dts:
            packet.pts = packet.dts
        packet.stream = self._stream
        self._out.mux(packet)


class _Encoded:
    """A stream that is decoded and encoded anew."""

    def __init__(self, stream: VideoStream | AudioStream, out: OutputContainer) -> None:
        self._out = out
        self._source = stream
        self._begun = Fraction(0)
        if isinstance(stream, VideoStream):
            video = cast("VideoStream", out.add_stream(ENCODED_VIDEO, rate=stream.average_rate or 25))
            video.width, video.height = stream.codec_context.width // 2 * 2, stream.codec_context.height // 2 * 2
            video.pix_fmt = "yuv420p"
            video.codec_context.time_base = Fraction(1, 90_000)
            self._stream: Any = video
        else:
            self._stream = out.add_stream(ENCODED_AUDIO, rate=stream.codec_context.sample_rate or 48_000, layout="stereo")

    def take(self, packet: Packet, begun: Fraction) -> None:
        self._begun = begun
        self._encode(cast("Any", self._source.codec_context).decode(packet))

    def close(self) -> None:
        """Encode what is left."""
        self._encode(cast("Any", self._source.codec_context).decode(None))
        self._out.mux(self._stream.encode(None))

    def _encode(self, frames: list[Any]) -> None:
        for frame in frames:
            if frame.pts is None:
                continue
            at = frame.pts * frame.time_base - self._begun
            if isinstance(frame, av.VideoFrame):
                frame = frame.reformat(self._stream.width, self._stream.height, format="yuv420p")  # noqa: PLW2901 - the same picture
                frame.pict_type = 0
            base = Fraction(1, 90_000) if isinstance(frame, av.VideoFrame) else Fraction(1, frame.sample_rate)
            frame.pts, frame.time_base = round(at / base), base
            self._out.mux(self._stream.encode(frame))


def _position(packet: Packet, at: Fraction) -> Fraction:
    """Return where a packet stands in the order of decoding: a picture after the end may be needed by those before it."""
    return packet.dts * packet.time_base if packet.dts is not None and packet.time_base is not None else at


def _time(packet: Packet) -> Fraction | None:
    return packet.pts * packet.time_base if packet.pts is not None and packet.time_base is not None else None


def _lane(stream: Stream, out: OutputContainer) -> _Copied | _Encoded:
    codec = getattr(stream, "codec_context", None)
    if codec is not None and codec.name in HELD:
        return _Copied(stream, out)
    return _Encoded(cast("VideoStream | AudioStream", stream), out)


def _send_thumbnail(container: InputContainer, at: Fraction, send: Send) -> None:
    """Send the first picture at or after `at` seconds of the file's own clock, the last one before it where there is none."""
    stream = picture_stream(container)
    if stream is None or stream.time_base is None:
        return
    if container.format.name not in UNTIMED:
        container.seek(max(int(at / stream.time_base), stream.start_time or 0), stream=stream, backward=True)
    frame = None
    for frame in container.decode(stream):
        if frame.pts is not None and frame.pts * stream.time_base >= at:
            break
    if frame is not None:
        send(Thumbnail(_jpeg(frame)))


def _jpeg(frame: av.VideoFrame) -> bytes:
    width = min(frame.width, THUMBNAIL_WIDTH)
    height = max(1, round(frame.height * width / frame.width))
    picture = frame.reformat(width, height, format="bgr24").to_ndarray()
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(picture), [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY])
    return data.tobytes()
