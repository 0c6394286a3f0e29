"""A film as a camera: played at its own pace, again and again, with its sound."""

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from triptych.contracts import Clock, Frame, Sound
from triptych.errors import TriptychError, Unavailable
from triptych.media.decode import Unreadable, open_input, picture_stream
from triptych.media.inputs import PEEK_BYTES, refuse_text
from triptych.media.inputs import open_input as open_file
from triptych.media.live import FALLBACK_FPS, MOST_FPS
from triptych.media.sounding import Sounding
from triptych.media.sources import FileOptions
from triptych.media.sources.scene import Wait
from triptych.model import Place

SLEPT = timedelta(seconds=2)
"""Who read nothing for so long finds the film where it was left."""
MOST_SOUNDS = 1000


class FileSource:
    """Plays a film below the media roots. Raises `Unavailable` for one that is not there or cannot be played."""

    def __init__(self, options: FileOptions, clock: Clock, place: Place, *, wait: Wait = time.sleep) -> None:
        self._clock, self._wait = clock, wait
        self._descriptor = _descriptor(options, place)
        self._number = -1
        self._sounds: deque[Sound] = deque(maxlen=MOST_SOUNDS)
        self._sounding: Sounding | None = None
        self._turn = timedelta(0)
        try:
            self._pictures = self._endless()
            self._ahead = next(self._pictures)
        except BaseException:
            self.close()
            raise
        self.size = self._ahead[1].width, self._ahead[1].height
        self._start = clock.monotonic() - self._ahead[0]

    @property
    def has_sound(self) -> bool:
        """Whether the film has sound."""
        return self._sounding is not None

    def read(self) -> Frame:
        """Wait for the next picture of the film and return it; those that were slept through are left out."""
        if self._late() > SLEPT:
            self._start += self._late()
        at, picture = self._ahead
        self._advance()
        while self._late() >= timedelta(0):
            at, picture = self._ahead
            self._advance()
        due = self._start + at
        if (left := due - self._clock.monotonic()) > timedelta(0):
            self._wait(left.total_seconds())
        image = picture.reformat(*self.size, format="bgr24").to_ndarray()
        return Frame(number=self._number, captured=due, image=np.asarray(image, np.uint8))

    def listen(self) -> Sequence[Sound]:
        """Return the sound that was to be heard since the last call; never waits."""
        now, heard = self._clock.monotonic(), []
        while self._sounds and self._start + self._sounds[0].captured <= now:
            sound = self._sounds.popleft()
            heard.append(replace(sound, captured=self._start + sound.captured))
        return heard

    def close(self) -> None:
        """Close the film."""
        if self._descriptor >= 0:
            self._descriptor = _closed(self._descriptor)

    def _late(self) -> timedelta:
        """Return how long ago the picture ahead was due; negative before it is."""
        return self._clock.monotonic() - self._start - self._ahead[0]

    def _advance(self) -> None:
        self._ahead = next(self._pictures)
        self._number += 1

    def _endless(self) -> Iterator[tuple[timedelta, av.VideoFrame]]:
        """Yield every picture with its time since the first turn began, turn after turn."""
        while True:
            begun = self._turn
            yield from self._once()
            if self._turn == begun:
                raise Unavailable("The film has no picture that can be decoded.", code="source_lost")

    def _once(self) -> Iterator[tuple[timedelta, av.VideoFrame]]:
        """Yield the pictures of one turn; the next one begins when the last was shown for as long as a picture is."""
        with _opened(self._descriptor) as container:
            video = picture_stream(container)
            if video is None:
                raise Unavailable("The film has no picture.", code="source_lost")
            self.fps = _rate(video)
            step, begun, shown = timedelta(seconds=1 / self.fps), self._turn, None
            self._listen_to(container)
            for picture, first_s in self._decode(container, video):
                at_s = 0.0 if picture.time is None else picture.time - first_s
                shown = begun + timedelta(seconds=at_s) if shown is None or picture.time is not None else shown + step
                self._turn = max(self._turn, shown + step)
                yield shown, picture

    def _listen_to(self, container: InputContainer) -> None:
        self._sounding = Sounding(container.streams.audio[0]) if container.streams.audio else None

    def _decode(self, container: InputContainer, video: VideoStream) -> Iterator[tuple[av.VideoFrame, float]]:
        """Yield each picture and the time of the first; sound is kept as it passes."""
        first_s, begun = _begins(video), self._turn
        for packet in container.demux([video, *container.streams.audio[:1]]):
            if isinstance(packet.stream, AudioStream):
                for sound in self._sounding.sound(cast("av.Packet[AudioStream]", packet)) if self._sounding is not None else ():
                    self._sounds.append(replace(sound, captured=begun + sound.captured - timedelta(seconds=first_s)))
                continue
            with suppress(av.error.InvalidDataError):
                for picture in video.codec_context.decode(packet):
                    yield picture, first_s


def _descriptor(options: FileOptions, place: Place) -> int:
    """Return the film, opened below the media roots."""
    try:
        descriptor = open_file(options.path, place.media_roots, place.inputs)
        try:
            refuse_text(os.pread(descriptor, PEEK_BYTES, 0))
        except BaseException:
            os.close(descriptor)
            raise
    except TriptychError as fault:
        raise Unavailable(f"The film cannot be opened: {fault.message.replace('inputUri', 'path')}.", code="source_lost") from fault
    return descriptor


def _opened(descriptor: int) -> InputContainer:
    try:
        return open_input(descriptor)
    except Unreadable as fault:
        raise Unavailable("The film cannot be played.", code="source_lost") from fault


def _closed(descriptor: int) -> int:
    os.close(descriptor)
    return -1


def _rate(video: VideoStream) -> float:
    stated = video.average_rate or video.guessed_rate
    return float(stated) if stated and stated <= MOST_FPS else FALLBACK_FPS


def _begins(video: VideoStream) -> float:
    """Return the time of the first picture in seconds."""
    return 0.0 if video.start_time is None or video.time_base is None else float(video.start_time * video.time_base)
