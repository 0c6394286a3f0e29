"""Opening, indexing and decoding one input through FFmpeg, given nothing but an open descriptor."""

import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from io import RawIOBase
from typing import TYPE_CHECKING, Any

import av
import av.logging
import av.subtitles.codeccontext  # imported by PyAV and numpy only when first needed, which inside the sandbox is too late
import av.subtitles.stream
import numpy as np
import numpy.fft
import numpy.ma
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from triptych.errors import TriptychError
from triptych.media.byplace import ByPlace
from triptych.media.header import Facts, Tracks, read_header
from triptych.media.inputs import REFERS_OUTSIDE
from triptych.media.measured import AudioFacts, Indexed, VideoFacts, ratio
from triptych.media.picture import FULL_RANGE, bit_depth
from triptych.media.references import refers_outside
from triptych.media.seams import IsSeam, seam_test
from triptych.media.wave import AsCaf, find_samples

DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,mpegvideo,m4v,h264,hevc,vvc,av1,obu,ivf,avi,mxf,gxf,nut,flv,asf,dv,vc1,yuv4mpegpipe,"
    "wav,w64,aiff,au,caf,flac,ogg,mp3,aac,ac3,eac3,dts,truehd,tta,ape,wv,amr"
)
"""The demuxers that read one file and nothing else: no playlist, pattern, network, script, text or device format (media S2)."""

UNTIMED = frozenset({"avi", "h264", "hevc", "vvc", "m4v", "mpegvideo", "vc1", "obu", "dv"})
"""Formats without presentation times of their own: pictures are shown in order, at the times of the index in order."""

ENCRYPTED = frozenset({"encv", "enca"})
"""How ISO media names a sample entry under common encryption."""

MOST_STREAMS = 64
LARGEST_SIDE = 16384
MOST_PIXELS = 100_000_000
MOST_PACKETS_WITHOUT_FRAME = 10_000_000
MOST_LEAP_S = 48 * 60 * 60
"""Times that leave a longer hole are wrong, and rebuilt: a clock of 33 bits at 90 kHz goes round in 26.5 hours."""
FAR_TICKS = 1 << 60
READ_AHEAD_BYTES = 1 << 18
PACKETS_BETWEEN_SIGNS = 1000
DECODER_THREADS = 1
"""One thread costs the least CPU (a second one 12 % more on two cores) and conceals damage alike every time."""

if TYPE_CHECKING:
    Packet = av.Packet[Any]
else:
    Packet = av.Packet

WAV_PCM_TAG = "\x01\x00\x00\x00"
NOT_MEDIA = "input is not a media file this server can read"
DEFAULT_RATE = Fraction(25)


class Unreadable(TriptychError):
    """The input cannot be read. Codes: `bad_media`, `limits`."""

    code = "bad_media"


@dataclass(slots=True)
class Index:
    """What demuxing alone tells. `starts` are the presentation times of all pictures in ticks of `video_base`, sorted, each once.

    `seams` are those at which decoding may begin anew. `origin` is the time of offset 0 on the file's own clock, in seconds; None until
    the first sample where there is no picture.
    """

    format: str
    video: VideoFacts | None
    audio: tuple[AudioFacts, ...]
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    video_base: Fraction = Fraction(1)
    last_duration: int = 0
    origin: Fraction | None = None
    sound_end: Fraction = Fraction(0)
    truncated: bool = False
    times_rebuilt: bool = False
    seams: "array[int]" = field(default_factory=lambda: array("q"))
    header: Facts = field(default_factory=dict)

    @property
    def duration(self) -> Fraction:
        """The seconds from offset 0 to the end of the last picture, or of the last sample without pictures."""
        if self.starts:
            return (self.starts[-1] + self.last_duration) * self.video_base - (self.origin or 0)
        return max(self.sound_end, Fraction(0))

    def offsets(self) -> Iterator[Fraction]:
        """Yield the start of each picture in seconds from offset 0."""
        origin = self.origin or Fraction(0)
        return (start * self.video_base - origin for start in self.starts)


def as_told(index: Index) -> Indexed:
    """Return an index for the wire, all but its times."""
    return Indexed(
        format=index.format,
        video=index.video,
        audio=index.audio,
        duration=ratio(index.duration),
        truncated=index.truncated,
        times_rebuilt=index.times_rebuilt,
        base=ratio(index.video_base),
        origin=None if index.origin is None else ratio(index.origin),
        last_duration=index.last_duration,
        sound_end=ratio(index.sound_end),
        seams=tuple(index.seams),
        header=index.header,
    )


def as_found(told: Indexed, times: bytes) -> Index:
    """Return the index that was told, with its times as int64 ticks."""
    return Index(
        format=told.format,
        video=told.video,
        audio=told.audio,
        starts=array("q", times),
        video_base=Fraction(*told.base),
        last_duration=told.last_duration,
        origin=None if told.origin is None else Fraction(*told.origin),
        sound_end=Fraction(*told.sound_end),
        truncated=told.truncated,
        times_rebuilt=told.times_rebuilt,
        seams=array("q", told.seams),
        header=told.header,
    )


def open_input(descriptor: int) -> InputContainer:
    """Open what `descriptor` holds from its start, by the allow-list. Raises `Unreadable`."""
    if refers_outside(descriptor):
        raise Unreadable(REFERS_OUTSIDE)
    container = _open(ByPlace(descriptor))
    if _is_unwrapped(container) and (samples := find_samples(descriptor)) is not None:
        container.close()
        return _open(AsCaf(descriptor, samples))
    return container


def _open(file: RawIOBase) -> InputContainer:
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none", "max_streams": str(MOST_STREAMS + 1)}
    try:
        return av.open(file, "r", container_options=options, buffer_size=READ_AHEAD_BYTES)
    except (av.error.FFmpegError, OSError, ValueError) as fault:
        raise Unreadable(NOT_MEDIA) from fault


def _is_unwrapped(container: InputContainer) -> bool:
    """Say whether FFmpeg reads the PCM of a WAV as something else."""
    if container.format.name != "wav" or not container.streams.audio:
        return False
    codec = getattr(container.streams.audio[0], "codec_context", None)
    return codec is not None and _tag(codec) == WAV_PCM_TAG and not codec.name.startswith("pcm_")


def picture_stream(container: InputContainer) -> VideoStream | None:
    """Return the first video stream that is no cover art."""
    return next((stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic), None)


def alone(container: InputContainer, streams: Sequence[Stream]) -> Iterator[Packet]:
    """Yield the packets of `streams` in file order; what belongs to others is passed over as cheaply as the format allows."""
    wanted = {stream.index for stream in streams}
    for stream in container.streams:
        if stream.index not in wanted:
            stream.discard = Discard.all
    return container.demux(*streams)


def survey(container: InputContainer, alive: Callable[[], None]) -> Index:
    """Demux everything and decode nothing (media P1), calling `alive` now and then.

    Raises `Unreadable`, also for what passes the limits of media 9.
    """
    _check_streams(container)
    video, audio = picture_stream(container), container.streams.audio
    index = Index(container.format.name, None, tuple(_audio_facts(stream) for stream in audio))
    tally = _Tally(video)
    if video is not None:
        tally.is_seam = seam_test(video.codec_context.name, video.codec_context.extradata or b"")
    tracks = Tracks((*([video] if video else []), *audio))
    index.truncated = not _demux_all(container, tally, tracks, index, alive)
    if video is not None and tally.count:
        _time(index, video, tally)
    index.truncated |= (video is not None and 0 < tally.count < video.frames) or _is_short(container, index)
    index.header = read_header(container, tracks.facts(index.origin or Fraction(0), index.starts))
    return index


@dataclass(slots=True)
class _Tally:
    """What the video packets said."""

    video: VideoStream | None
    times: "array[int]" = field(default_factory=lambda: array("q"))
    first_key: int | None = None
    count: int = 0
    missing: int = 0
    latest: int = -(1 << 62)
    duration: int = 0
    is_seam: IsSeam | None = None
    seams: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, packet: Packet) -> None:
        self.count += 1
        if packet.pts is not None and packet.is_keyframe and self.is_seam is not None and self.is_seam(bytes(packet)):
            self.seams.append(packet.pts)
        if packet.pts is None:
            self.missing += 1
            return
        if self.first_key is None and packet.is_keyframe:
            self.first_key = packet.pts
        if packet.is_discard:
            return
        self.times.append(packet.pts)
        if packet.pts > self.latest:
            self.latest, self.duration = packet.pts, packet.duration or self.duration


def _demux_all(container: InputContainer, tally: _Tally, tracks: Tracks, index: Index, alive: Callable[[], None]) -> bool:
    """Return False when the file ends with an error or with half a packet."""
    whole, read = True, 0
    try:
        for packet in container.demux(*([tally.video] if tally.video else []), *container.streams.audio):
            if packet.size == 0:
                continue
            read += 1
            if read % PACKETS_BETWEEN_SIGNS == 0:
                alive()
            whole = not packet.is_corrupt
            tracks.add(packet)
            if packet.stream is tally.video:
                tally.add(packet)
            elif packet.pts is not None and packet.time_base is not None:
                index.sound_end = max(index.sound_end, (packet.pts + (packet.duration or 0)) * packet.time_base)
    except (av.error.FFmpegError, OSError):
        return False
    return whole


def _time(index: Index, video: VideoStream, tally: _Tally) -> None:
    """Fill in the times of the pictures: as told, or in order at the nominal rate where any is missing."""
    base = video.time_base or Fraction(1, 90_000)
    rate = video.average_rate or video.guessed_rate or DEFAULT_RATE
    nominal = max(1, round(1 / (rate * base)))
    if tally.missing or _leaps(tally.times, base):
        first = tally.times[0] if tally.times and abs(tally.times[0]) < FAR_TICKS else 0
        index.starts = array("q", (first + round(number / (rate * base)) for number in range(tally.count)))
        index.times_rebuilt = True
    elif not tally.times:
        return
    else:
        times = np.unique(np.frombuffer(tally.times, np.int64))
        floor = tally.first_key if tally.first_key is not None else 0
        index.starts = array("q", (times[times >= floor] if times[-1:] >= floor else times).tobytes())
    index.seams = _steady_seams(index, tally)
    index.video_base = base
    index.last_duration = tally.duration or nominal
    index.origin = index.starts[0] * base if index.starts else None
    index.video = _video_facts(video, len(index.starts), rate)


def _leaps(times: "array[int]", base: Fraction) -> bool:
    """Say whether there are days between two pictures that follow each other."""
    in_order = np.unique(np.frombuffer(times, np.int64))
    # As unsigned numbers, since two times may lie further apart than a signed one tells.
    holes = in_order[1:].view(np.uint64) - in_order[:-1].view(np.uint64)
    return bool(holes.size) and int(holes.max()) * base > MOST_LEAP_S


def _steady_seams(index: Index, tally: _Tally) -> "array[int]":
    """Return the seams that are shown, none where times do not say beyond doubt which pictures lie between two (media P4)."""
    steady = index.format not in UNTIMED and not index.times_rebuilt and len(index.starts) == len(set(tally.times))
    seams = np.frombuffer(tally.seams, np.int64)
    if not steady or index.truncated or not np.all(np.diff(seams) > 0):
        return array("q")
    return array("q", np.intersect1d(seams, np.frombuffer(index.starts, np.int64)).tobytes())


def _check_streams(container: InputContainer) -> None:
    if len(container.streams) > MOST_STREAMS:
        raise Unreadable(f"input has more than {MOST_STREAMS} streams", code="limits")
    video = picture_stream(container)
    if video is None and not container.streams.audio:
        raise Unreadable(NOT_MEDIA)
    streams: tuple[Stream | None, ...] = (video, *container.streams.audio)
    for stream in streams:
        if stream is not None:
            _check_codec(container, stream)
    if video is not None:
        check_size(video.codec_context.width, video.codec_context.height)


def _check_codec(container: InputContainer, stream: Stream) -> None:
    codec = getattr(stream, "codec_context", None)
    if codec is None:
        raise Unreadable(f"input has {stream.type} in codec '{_codec_name(container, stream)}', which this server cannot decode")
    if _tag(codec) in ENCRYPTED:
        raise Unreadable(f"input has encrypted {stream.type} in codec '{codec.name}', which this server cannot decode")


def _tag(codec: av.CodecContext) -> str:
    """Return the container's own four letters for a codec; nothing where they are none."""
    try:
        return codec.codec_tag
    except UnicodeDecodeError:
        return ""


def _codec_name(container: InputContainer, stream: Stream) -> str:
    """Return what FFmpeg calls the codec of a stream without decoder, or the container's own four letters for it.

    PyAV tells it nowhere but in FFmpeg's description: `Stream #0:1(und): Video: none (zzzz / 0x7A7A7A7A), ...`.
    """
    av.logging.set_level(av.logging.INFO)
    told = container.dumps_format()  # type: ignore[attr-defined]  # PyAV's stubs leave it out
    av.logging.set_level(None)
    found = re.search(rf"^  Stream #0:{stream.index}\b.*?: (?:Video|Audio): (\w+)(?: \((\w{{4}}) / )?", told, re.MULTILINE)
    name, tag = found.groups() if found else (None, None)
    return tag if tag and name == "none" else name if name and name != "none" else "unknown"


def check_size(width: int, height: int) -> None:
    """Raise `Unreadable` with code `limits` for pictures over 16384 a side or 100 Mpx."""
    if max(width, height) > LARGEST_SIDE or width * height > MOST_PIXELS:
        raise Unreadable(f"pictures of {width}x{height} are larger than this server decodes", code="limits")


def _is_short(container: InputContainer, index: Index) -> bool:
    """Say whether the header promises clearly more than there is."""
    if not container.duration or index.format in UNTIMED:
        return False
    promised = Fraction(container.duration, av.time_base)
    found = max(index.duration, index.sound_end)
    return promised - found > max(Fraction(1), promised / 50)


def _video_facts(video: VideoStream, frames: int, rate: Fraction) -> VideoFacts:
    codec = video.codec_context
    form = codec.format
    return VideoFacts(
        codec=codec.name,
        width=codec.width,
        height=codec.height,
        rate=ratio(Fraction(rate)),
        pixel_format=form.name if form else "",
        bits=bit_depth(form) if form else 8,
        full_range=codec.color_range == FULL_RANGE or bool(form and form.name.startswith("yuvj")),
        frames=frames,
        pixel_aspect=ratio(Fraction(video.sample_aspect_ratio or 1)),
        colorspace=int(codec.colorspace),
    )


def _audio_facts(stream: AudioStream) -> AudioFacts:
    codec = stream.codec_context
    return AudioFacts(codec.name, codec.sample_rate or 0, codec.channels, codec.layout.name)


class Clock:
    """Says when each decoded picture is shown: by its own time where the format has one, by its place in the index elsewhere."""

    def __init__(self, index: Index) -> None:
        self._starts = index.starts
        self._by_order = index.times_rebuilt or index.format in UNTIMED
        self._nominal = index.last_duration
        self._count = 0
        self._last: int | None = None
        self.rebuilt = 0

    def tick(self, frame: av.VideoFrame) -> int | None:
        """Return the time of `frame` in ticks, always later than the one before; None for a picture before offset 0."""
        told = self._told(frame)
        self._count += 1
        if told is not None and self._starts and told < self._starts[0]:
            return None
        if told is None or (self._last is not None and told <= self._last):
            told = (self._last + self._nominal) if self._last is not None else self._starts[0]
            self.rebuilt += 1
        self._last = told
        return told

    def _told(self, frame: av.VideoFrame) -> int | None:
        if not self._by_order:
            return frame.pts
        return self._starts[self._count] if self._count < len(self._starts) else None
