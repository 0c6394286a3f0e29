"""The sound lane: decodes every audio stream of a file, joins their channels, and adds them up in cells (media K2, P4)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from triptych.media.decode import MOST_LEAP_S, Index, Packet, alone
from triptych.media.ears import EVERYTHING, Ears
from triptych.media.feature import Feature
from triptych.media.measured import BassMeasure, CellMeasure, Dropped, Finished, HeardMeasure, Ratio, ratio
from triptych.media.sound import MOST_CHANNELS, Sound, as_samples, picture_cells, sound_cells
from triptych.media.spans import Segments

MOST_PLANES = 8
MICROSECOND = Fraction(1, 1_000_000)
MARGIN_S = 1


class Hearing:
    """One pass over the sound of one input; `dropped` is told of a feature whose ear failed. Ears that last hear `segments` alone."""

    def __init__(
        self,
        container: InputContainer,
        index: Index,
        features: Mapping[str, Feature],
        dropped: Callable[[Dropped], None],
        segments: Segments = EVERYTHING,
    ) -> None:
        self.streams = _first_channels(container)
        self._container = container
        self._origin = index.origin
        self._rate_hz = self.streams[0].codec_context.sample_rate or 48_000
        self._resamplers: dict[tuple[int, int, str, str], av.AudioResampler] = {}
        self._dropped = dropped
        cells = picture_cells(index.offsets(), index.duration) if index.starts else sound_cells()
        counts = [stream.codec_context.channels for stream in self.streams]
        ticks = [2 * (stream.time_base or MICROSECOND) for stream in self.streams]
        channels = min(sum(counts), MOST_CHANNELS)
        for feature in features.values():
            feature.tracks = tuple(counts)
        ears = {name: feature.ear(self._rate_hz, channels) for name, feature in features.items()}
        self._sound = Sound(counts, self._rate_hz, cells, ticks, Ears(ears, self._rate_hz, self._ear_failed, segments))
        self._tracks = {stream.index: track for stream, track in zip(self.streams, self._sound.tracks, strict=True)}
        self._has_pictures = bool(index.starts)
        self._end = index.duration
        self._silence_left = {stream.index: Fraction(MOST_LEAP_S) for stream in self.streams}
        self._errors: list[Ratio] = []
        self._cut_off = False

    def run(self, last_us: int | None, batch: int) -> Iterator[list[CellMeasure]]:
        """Decode to the end, or to a second after `last_us`, and yield cells, `batch` or so at a time; ask for the rest after each."""
        stop = None if last_us is None else Fraction(last_us, 1_000_000) + MARGIN_S
        cells: list[CellMeasure] = []
        for packet in self._packets():
            self._decode(packet.stream, packet)
            for cell in self._sound.cells():
                cells.append(cell)
                if len(cells) >= batch:
                    yield cells
                    cells = []
            if stop is not None and self._sound.end > stop:
                break
        for stream in self.streams:
            self._decode(stream, None)
        for cell in self._sound.tail(self._end if self._has_pictures else self._sound.end):
            cells.append(cell)
            if len(cells) >= batch:
                yield cells
                cells = []
        yield cells

    def bass(self) -> tuple[BassMeasure, ...]:
        """Return the low-frequency blocks completed since the last call."""
        return tuple(self._sound.bass())

    def heard(self) -> Sequence[HeardMeasure]:
        """Return what the ears heard since the last call."""
        return self._sound.heard()

    def finished(self) -> Finished:
        """Return how it ended."""
        return Finished(
            frames=0,
            samples=max(track.fed for track in self._sound.tracks),
            duration=ratio(self._sound.end),
            errors=tuple(self._errors),
            truncated=self._cut_off,
        )

    def _packets(self) -> Iterator[Packet]:
        try:
            yield from (packet for packet in alone(self._container, self.streams) if packet.size)
        except (av.error.FFmpegError, OSError):
            self._cut_off = True

    def _decode(self, stream: AudioStream, packet: Packet | None) -> None:
        try:
            frames = stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            self._errors.append(ratio(max(self._time_of(packet), Fraction(0))))
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
            track.feed(self._believable(stream, offset, Fraction(track.end, self._rate_hz)), samples)

    def _believable(self, stream: AudioStream, offset: Fraction, end: Fraction) -> Fraction:
        """Return where samples lie: at `offset`, or right after those before when that would leave days of silence."""
        gap = max(offset - end, Fraction(0))
        if gap > self._silence_left[stream.index]:
            return end
        self._silence_left[stream.index] -= gap
        return offset

    def _at_common_rate(self, stream: AudioStream, frame: av.AudioFrame) -> list[av.AudioFrame]:
        # PyAV reads past the end of eight or more planes, so those are interleaved first.
        if frame.sample_rate == self._rate_hz and (len(frame.layout.channels) < MOST_PLANES or not frame.format.is_planar):
            return [frame]
        shape = (stream.index, frame.sample_rate, frame.format.name, frame.layout.name)
        if shape not in self._resamplers:
            self._resamplers[shape] = av.AudioResampler(format="flt", layout=frame.layout, rate=self._rate_hz)
        return self._resamplers[shape].resample(frame)

    def _time_of(self, packet: Packet | None) -> Fraction:
        if packet is None or packet.pts is None or packet.time_base is None:
            return self._sound.end
        return packet.pts * packet.time_base - (self._origin or 0)

    def _ear_failed(self, name: str, fault: Exception) -> None:
        self._dropped(Dropped(feature=name, message=f"{type(fault).__name__} while measuring"))


def _first_channels(container: InputContainer) -> tuple[AudioStream, ...]:
    """Return the audio streams, in order, that hold the first 16 channels."""
    taken, chosen = 0, []
    for stream in container.streams.audio:
        if taken >= MOST_CHANNELS:
            break
        chosen.append(stream)
        taken += stream.codec_context.channels
    return tuple(chosen)
