"""Index and Measure: one decode of pictures and sound, shown once to everything that subscribed. Runs in the sandbox (media P1)."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from triptych.media.decode import (
    DECODER_THREADS,
    MOST_PACKETS_WITHOUT_FRAME,
    Clock,
    Index,
    Packet,
    Unreadable,
    check_size,
    open_input,
    picture_stream,
    survey,
)
from triptych.media.feature import Feature
from triptych.media.features import Need
from triptych.media.measured import (
    Alive,
    BassMeasure,
    Broken,
    CellMeasure,
    Dropped,
    Finished,
    FrameMeasure,
    FromDecoder,
    Indexed,
    Measured,
    ratio,
)
from triptych.media.picture import Picture, Shrinker
from triptych.media.sound import MOST_CHANNELS, MOST_LAG, Sound, as_samples, picture_cells, sound_cells
from triptych.media.spans import Segments

Send = Callable[[FromDecoder], None]

BATCH_FRAMES = 12
BATCH_CELLS = 100
MOST_PLANES = 8
MICROSECOND = Fraction(1, 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a job asks of one input. `needs` says which measurements each feature subscribes to."""

    features: Mapping[str, Feature]
    needs: Mapping[str, Need]
    segments: Segments

    @property
    def all_needs(self) -> Need:
        """Everything that any feature subscribes to."""
        union = Need.NOTHING
        for need in self.needs.values():
            union |= need
        return union


def measure(descriptor: int, plan: Plan, send: Send) -> None:
    """Index and measure the file behind `descriptor`, and send what comes of it; every end is a message."""
    cv2.setNumThreads(1)
    with _telling(send):
        found = _survey(descriptor, send)
        with open_input(descriptor) as container:
            Measure(container, found, plan, send).run()


def index(descriptor: int, send: Send) -> None:
    """Index the file behind `descriptor` and measure nothing; every end is a message."""
    with _telling(send):
        _survey(descriptor, send)


def _survey(descriptor: int, send: Send) -> Index:
    with open_input(descriptor) as container:
        found = survey(container, _Signs(send).give)
    send(_indexed(found))
    return found


@contextmanager
def _telling(send: Send) -> Iterator[None]:
    """Send why an input cannot be read."""
    try:
        yield
    except Unreadable as fault:
        send(Broken(code=fault.code, message=fault.message))
    except MemoryError:
        send(Broken(code="limits", message="input needs more memory than decoding may use"))


class _Signs:
    """Signs of life, at most one a second."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._last = time.monotonic()

    def give(self) -> None:
        if time.monotonic() - self._last >= 1:
            self._last = time.monotonic()
            self._send(Alive())


def _indexed(index: Index) -> Indexed:
    return Indexed(
        format=index.format,
        video=index.video,
        audio=index.audio,
        duration=ratio(index.duration),
        truncated=index.truncated,
        times_rebuilt=index.times_rebuilt,
    )


class Measure:
    """One pass over one input: packets in file order, each to its lane, batches of measurements out."""

    def __init__(self, container: InputContainer, index: Index, plan: Plan, send: Send) -> None:
        needs = plan.all_needs
        self._container = container
        self._index = index
        self._send = send
        self._errors: list[Fraction] = []
        self._cut_off = False
        video = picture_stream(container) if index.video is not None else None
        self._video = video
        self._pictures = Pictures(video, index, plan, send) if video is not None and needs & Need.PICTURES else None
        self._sound = Lane(container, index) if needs & Need.SOUND and index.audio else None
        self._stop_us = plan.segments.last_us
        self._frames: list[FrameMeasure] = []
        self._cells: list[CellMeasure] = []

    def run(self) -> None:
        """Decode to the end, or to the end of the last segment, and send the last batch and `Finished`."""
        for packet in self._packets():
            self._take(packet)
            if self._is_past_the_end():
                break
        self._flush()
        self._send(
            Finished(
                frames=self._pictures.count if self._pictures else 0,
                samples=self._sound.samples if self._sound else 0,
                duration=ratio(self._duration()),
                errors=tuple(ratio(max(at, Fraction(0))) for at in self._errors[:10_000]),
                truncated=self._cut_off,
            )
        )

    def _packets(self) -> Iterator[Packet]:
        streams = [self._video] if self._pictures and self._video else []
        sound = self._sound.streams if self._sound else ()
        try:
            yield from (packet for packet in self._container.demux(*streams, *sound) if packet.size)
        except av.error.FFmpegError:
            self._cut_off = True

    def _take(self, packet: Packet) -> None:
        if self._pictures is not None and packet.stream is self._video:
            self._frames += self._pictures.take(packet, self._failed)
            if self._sound is not None and self._pictures.now is not None:
                self._cells += self._sound.cells(self._pictures.now - MOST_LAG)
        elif self._sound is not None:
            self._cells += self._sound.take(packet, self._failed)
        if len(self._frames) >= BATCH_FRAMES or len(self._cells) >= BATCH_CELLS:
            self._emit()

    def _failed(self, at: Fraction) -> None:
        self._errors.append(at)

    def _flush(self) -> None:
        if self._pictures is not None:
            self._frames += self._pictures.flush(self._failed)
        if self._sound is not None:
            self._cells += self._sound.flush(self._failed)
        self._emit()

    def _emit(self) -> None:
        self._send(Measured(frames=tuple(self._frames), cells=tuple(self._cells), bass=self._sound.bass() if self._sound else ()))
        self._frames, self._cells = [], []

    def _duration(self) -> Fraction:
        if self._index.starts:
            return self._index.duration
        return self._sound.end if self._sound else self._index.duration

    def _is_past_the_end(self) -> bool:
        """Say whether every lane has passed the last segment by a second, which covers pictures that are decoded out of order."""
        if self._stop_us is None:
            return False
        stop = Fraction(self._stop_us, 1_000_000) + 1
        clocks = [lane.now for lane in (self._pictures, self._sound) if lane is not None]
        return all(now is not None and now > stop for now in clocks)


class Pictures:
    """The picture lane: decodes, shrinks, and measures each picture once its right-hand neighbour is there."""

    def __init__(self, stream: VideoStream, index: Index, plan: Plan, send: Send) -> None:
        self.count = 0
        self.now: Fraction | None = None
        self._stream = stream
        self._base = index.video_base
        self._origin = index.origin or Fraction(0)
        self._end = index.duration
        self._last_duration = index.last_duration * index.video_base
        self._clock = Clock(index)
        self._shrinker = Shrinker()
        self._segments = plan.segments
        self._needs = plan.all_needs
        self._looking = {name: plan.features[name] for name, need in plan.needs.items() if need & Need.LOOK}
        self._send = send
        self._waiting: Picture | None = None
        self._barren = 0
        stream.codec_context.thread_count = DECODER_THREADS

    def take(self, packet: Packet | None, failed: Callable[[Fraction], None]) -> Iterator[FrameMeasure]:
        """Yield what `packet` (None: the end of the stream) completes; a packet that does not decode is told to `failed`."""
        self._barren += 1
        if self._barren > MOST_PACKETS_WITHOUT_FRAME:
            raise Unreadable("input has no picture in ten million packets", code="limits")
        try:
            frames = self._stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            failed(self._time_of(packet))
            return
        for frame in frames:
            yield from self._show(frame, failed)

    def flush(self, failed: Callable[[Fraction], None]) -> Iterator[FrameMeasure]:
        """Yield the pictures still inside the decoder, then the last one."""
        yield from self.take(None, failed)
        if self._waiting is not None:
            end = max(self._end, self._waiting.start + self._last_duration)
            yield self._measured(self._waiting, None, end)
        self._waiting = None

    def _show(self, frame: av.VideoFrame, failed: Callable[[Fraction], None]) -> Iterator[FrameMeasure]:
        check_size(frame.width, frame.height)
        ticks = self._clock.tick(frame)
        if ticks is None:
            return
        self._barren = 0
        start = ticks * self._base - self._origin
        self.now = start
        if frame.is_corrupt:
            failed(start)
        self._last_duration = frame.duration * self._base
        picture = None if self._segments.part(start) is None else self._shrinker.shrink(frame, start)
        if self._waiting is not None:
            yield self._measured(self._waiting, picture, start)
        self._waiting = picture

    def _measured(self, picture: Picture, following: Picture | None, end: Fraction) -> FrameMeasure:
        self.count += 1
        return FrameMeasure(
            ratio(picture.start),
            ratio(end),
            picture.thumb() if self._needs & Need.THUMB else b"",
            picture.change_to(following) if following is not None and self._needs & Need.CHANGE else None,
            self._looks(picture),
        )

    def _looks(self, picture: Picture) -> dict[str, float]:
        looks = {}
        for name, feature in tuple(self._looking.items()):
            try:
                looks[name] = feature.look(picture)
            except Exception as fault:  # noqa: BLE001 - a feature that raises stops alone (media P8)
                del self._looking[name]
                self._send(Dropped(feature=name, message=f"{type(fault).__name__} while measuring"))
        return looks

    def _time_of(self, packet: Packet | None) -> Fraction:
        if packet is None or packet.pts is None:
            return self.now or Fraction(0)
        return packet.pts * self._base - self._origin


class Lane:
    """The audio lane: decodes every audio stream and feeds the joined channels to `Sound`."""

    def __init__(self, container: InputContainer, index: Index) -> None:
        self.streams = _first_channels(container)
        self._origin = index.origin
        self._rate_hz = self.streams[0].codec_context.sample_rate or 48_000
        self._resamplers: dict[int, av.AudioResampler] = {}
        cells = picture_cells(index.offsets(), index.duration) if index.starts else sound_cells()
        counts = [stream.codec_context.channels for stream in self.streams]
        ticks = [2 * (stream.time_base or MICROSECOND) for stream in self.streams]
        self._sound = Sound(counts, self._rate_hz, cells, ticks)
        self._tracks = {stream.index: track for stream, track in zip(self.streams, self._sound.tracks, strict=True)}
        self._has_pictures = bool(index.starts)
        self._end = index.duration

    @property
    def now(self) -> Fraction:
        """The end of what was decoded, in seconds from offset 0."""
        return self._sound.end

    @property
    def end(self) -> Fraction:
        """The end of the last sample."""
        return self._sound.end

    @property
    def samples(self) -> int:
        """How many samples per channel were decoded, of the longest track."""
        return max(track.fed for track in self._sound.tracks)

    def take(self, packet: Packet, failed: Callable[[Fraction], None]) -> Iterator[CellMeasure]:
        """Yield the cells that `packet` completes."""
        self._decode(packet.stream, packet, failed)
        yield from self._sound.cells()

    def cells(self, upto: Fraction) -> Iterator[CellMeasure]:
        """Yield the cells up to `upto` seconds, whatever is missing: a track so late counts as absent."""
        return self._sound.cells(upto)

    def flush(self, failed: Callable[[Fraction], None]) -> Iterator[CellMeasure]:
        """Yield what is left; with pictures up to the last one's end, else up to the last sample."""
        for stream in self.streams:
            self._decode(stream, None, failed)
        yield from self._sound.tail(self._end if self._has_pictures else self._sound.end)

    def bass(self) -> tuple[BassMeasure, ...]:
        """Return the low-frequency blocks completed since the last call."""
        return tuple(self._sound.bass())

    def _decode(self, stream: AudioStream, packet: Packet | None, failed: Callable[[Fraction], None]) -> None:
        try:
            frames = stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            failed(self._time_of(packet))
            return
        for frame in frames:
            for even in self._at_common_rate(stream, frame):
                self._feed(stream, even)

    def _feed(self, stream: AudioStream, frame: av.AudioFrame) -> None:
        track = self._tracks[stream.index]
        base = frame.time_base or stream.time_base or MICROSECOND
        start = frame.pts * base if frame.pts is not None else None
        if self._origin is None:
            self._origin = start or Fraction(0)
        offset = start - self._origin if start is not None else Fraction(track.end, self._rate_hz)
        samples = as_samples(frame)
        if samples.shape[0] == track.channels:
            track.feed(offset, samples)

    def _at_common_rate(self, stream: AudioStream, frame: av.AudioFrame) -> list[av.AudioFrame]:
        # PyAV reads past the end of eight or more planes, so those are interleaved first.
        if frame.sample_rate == self._rate_hz and (len(frame.layout.channels) < MOST_PLANES or not frame.format.is_planar):
            return [frame]
        if stream.index not in self._resamplers:
            self._resamplers[stream.index] = av.AudioResampler(format="flt", layout=frame.layout, rate=self._rate_hz)
        return self._resamplers[stream.index].resample(frame)

    def _time_of(self, packet: Packet | None) -> Fraction:
        if packet is None or packet.pts is None or packet.time_base is None:
            return self.now
        return packet.pts * packet.time_base - (self._origin or 0)


def _first_channels(container: InputContainer) -> tuple[AudioStream, ...]:
    """Return the audio streams, in order, that hold the first 16 channels."""
    taken, chosen = 0, []
    for stream in container.streams.audio:
        if taken >= MOST_CHANNELS:
            break
        chosen.append(stream)
        taken += stream.codec_context.channels
    return tuple(chosen)
