"""What a file says of itself beside its pictures and sound: header, packets, checksum; read in the Index step (media 4.3 CONFORMANCE)."""

import hashlib
import os
from array import array
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from triptych.media import boxes, groups
from triptych.media.byplace import size_of
from triptych.media.groups import Group
from triptych.media.measured import ratio

Facts = dict[str, Any]
"""Plain values that go through MessagePack; times are seconds from offset 0 as [numerator, denominator]."""

MOST_TOLD = 100
"""Gaps or reversals of one track that are told one by one."""
STEADY_SHARE = 0.9
GAP_STEPS = 1.5
UNSTEADY_GAP_STEPS = 10
UNSTEADY_GAP_S = 1
BLOCK_BYTES = 1 << 20
MATROSKA = "matroska,webm"
REORDERED = 17
"""Pictures by which any codec may reorder, and one."""
ISO_FORMAT = "mov,mp4,m4a,3gp,3g2,mj2"
TELLS_DURATION = frozenset({"mxf", "avi", "wav", "w64", "flac", "aiff", "caf", "gxf", "au"})
"""Formats whose header says how long each track is; others have it estimated or none."""


class Tracks:
    """Counts what the packets of each stream say of time."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._tracks = {stream.index: Track(stream) for stream in streams}

    def add(self, packet: "av.Packet[Any]") -> None:
        """Take the next packet in file order."""
        track = self._tracks.get(packet.stream_index)
        if track is not None:
            track.add(packet)

    def facts(self, origin: Fraction, starts: "array[int]") -> list[Facts]:
        """Return what is known of each stream; `starts` are the ticks of the pictures."""
        return [track.facts(origin, starts) for track in self._tracks.values()]


class Track:
    """The packets of one stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._base = stream.time_base or Fraction(1)
        self._is_picture = isinstance(stream, VideoStream)
        self._lacks_dts = stream.container.format.name == MATROSKA
        self._first: int | None = None
        self._end = 0
        self._last: int | None = None
        self._longest = 0
        self._bytes = 0
        self._gaps: list[tuple[int, int]] = []
        self._reversals: list[int] = []
        self._groups: list[Group] | None = [] if stream.codec_context.name in groups.CODECS else None

    def add(self, packet: "av.Packet[Any]") -> None:
        """Take the next packet in file order."""
        self._bytes += packet.size
        told = packet.pts if self._lacks_dts or packet.dts is None else packet.dts
        if told is None:
            return
        if self._last is not None and told < self._last - self._slack:
            self._reversals += [self._last] if len(self._reversals) < MOST_TOLD else []
            self._last = told
        elif not self._is_picture:
            self._look_for_gap(told)
        self._last = told if self._last is None else max(told, self._last)
        self._reach(packet)
        if self._groups is not None and packet.is_keyframe and packet.pts is not None:
            group = groups.group_of(packet.pts, bytes(memoryview(packet)[: groups.HEAD_BYTES]))
            self._groups += [] if group is None else [group]

    def facts(self, origin: Fraction, starts: "array[int]") -> Facts:
        """Return everything that is known of the stream."""
        gaps = picture_gaps(starts, self._base) if self._is_picture else self._gaps
        first, end = (starts[0], max(self._end, starts[-1])) if self._is_picture and starts else (self._first or 0, self._end)
        codec = self._stream.codec_context
        told: Facts = {
            "type": self._stream.type,
            "number": self._stream.index,
            "codec": codec.name,
            "profile": codec.profile,
            "bytes": self._bytes,
            "start": ratio(first * self._base - origin),
            "end": ratio(end * self._base - origin),
            "packet": ratio(self._longest * self._base),
            "gaps": [[ratio(at * self._base - origin), ratio(until * self._base - origin)] for at, until in gaps],
            "reversals": [ratio(at * self._base - origin) for at in self._reversals],
            "timecode": self._stream.metadata.get("timecode"),
        }
        if self._groups and isinstance(self._stream, VideoStream):
            rate = self._stream.average_rate or Fraction(25)
            broken = groups.breaks(self._groups, starts, rate)
            told |= {"groupTimecode": self._groups[0][2], "breaks": [[ratio(at * self._base - origin), *texts] for at, *texts in broken]}
        return told | (_picture(self._stream) if isinstance(self._stream, VideoStream) else _sound(self._stream))

    @property
    def _slack(self) -> int:
        """By how many ticks a packet may come after a later one: not at all by decoding time, by presentation time as far as reordering."""
        return max(REORDERED * self._longest, int(1 / self._base)) if self._lacks_dts and self._is_picture else 0

    def _look_for_gap(self, at: int) -> None:
        """Note sound that begins more than a packet later than the sound before it ends."""
        if self._first is not None and self._longest and at - self._end > self._longest and len(self._gaps) < MOST_TOLD:
            self._gaps.append((self._end, at))

    def _reach(self, packet: "av.Packet[Any]") -> None:
        if packet.pts is None:
            return
        duration = packet.duration or 0
        self._first = packet.pts if self._first is None else min(self._first, packet.pts)
        self._end = max(self._end, packet.pts + duration)
        self._longest = max(self._longest, duration)


def picture_gaps(starts: "array[int]", base: Fraction) -> list[tuple[int, int]]:
    """Return (last picture before, first one after) in ticks for each hole in the times of pictures.

    Where nine of ten steps are alike, a hole is a step of 1.5 of them; elsewhere one of ten median steps and of a second.
    """
    times = np.frombuffer(starts, np.int64)
    steps = np.diff(times)
    if len(steps) < 2:  # noqa: PLR2004 - one step has nothing to be compared with
        return []
    usual = float(np.median(steps))
    is_steady = np.mean(np.abs(steps - usual) <= 1) >= STEADY_SHARE
    least = GAP_STEPS * usual + 1 if is_steady else max(UNSTEADY_GAP_STEPS * usual, float(UNSTEADY_GAP_S / base))
    places = np.flatnonzero(steps >= least)[:MOST_TOLD]
    return [(int(times[place]), int(times[place + 1])) for place in places]


def read_header(container: InputContainer, tracks: list[Facts]) -> Facts:
    """Return what the container says of the whole file, beside its `tracks`."""
    return {
        "format": container.format.name,
        "brand": container.metadata.get("major_brand", "").strip(),
        "timecode": _timecode(container),
        "tracks": tracks,
    }


def read_file(descriptor: int, header: Facts, alive: Callable[[], None], *, hashes: bool) -> Facts:
    """Return what takes the file itself: size, checksum if asked for, where its index lies; and add to its tracks what boxes say."""
    told: Facts = {"bytes": size_of(descriptor)}
    if header["format"] == ISO_FORMAT:
        told["fastStart"] = boxes.is_fast_start(descriptor)
        boxed = boxes.tracks(descriptor)
        for track in header["tracks"]:
            track["header"] |= boxed[track["number"]] if track["number"] < len(boxed) else {}
    return {**told, "sha256": checksum(descriptor, alive)} if hashes else told


def checksum(descriptor: int, alive: Callable[[], None]) -> str:
    """Return the SHA-256 of the whole file in hexadecimal, calling `alive` now and then."""
    digest, at = hashlib.sha256(), 0
    while block := os.pread(descriptor, BLOCK_BYTES, at):
        digest.update(block)
        at += len(block)
        alive()
    return digest.hexdigest()


def _timecode(container: InputContainer) -> str | None:
    told = (container.metadata, *(stream.metadata for stream in container.streams))
    return next((metadata["timecode"] for metadata in told if "timecode" in metadata), None)


def _picture(stream: VideoStream) -> Facts:
    codec = stream.codec_context
    return {
        "level": codec.level,
        "size": [codec.width, codec.height],
        "pixels": codec.pix_fmt,
        "colour": [int(codec.color_primaries), int(codec.color_trc), int(codec.colorspace), int(codec.color_range)],
        "header": _told_duration(stream),
    }


def _sound(stream: Stream) -> Facts:
    codec = stream.codec_context if isinstance(stream, AudioStream) else None
    return {"channels": codec.channels if codec else 0, "rate": codec.sample_rate if codec else 0, "header": _told_duration(stream)}


def _told_duration(stream: Stream) -> Facts:
    """Return the duration that the header gives a track: in its own field, or in the tag that Matroska writers leave."""
    if stream.container.format.name in TELLS_DURATION and stream.duration and stream.time_base:
        return {"duration": ratio(stream.duration * stream.time_base)}
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        return {"duration": ratio(3600 * int(hours) + 60 * int(minutes) + Fraction(seconds))}
    except ValueError:
        return {}
