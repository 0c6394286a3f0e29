"""A sound device of this machine, for cameras whose source is silent."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import av
import structlog
from av.container import InputContainer

from triptych.contracts import Clock, Sound
from triptych.errors import Unavailable
from triptych.media.live import CLOSE_S, Anchor
from triptych.media.sounding import Sounding

log = structlog.get_logger()

MOST_SOUNDS = 1000


class Microphone:
    """Hears an ALSA device, as `default` or `hw:1,0`, by a thread of its own. Raises `Unavailable` for one that cannot be opened."""

    def __init__(self, device: str, clock: Clock) -> None:
        self._clock, self._closing = clock, False
        self._lock = threading.Lock()
        self._sounds: deque[Sound] = deque(maxlen=MOST_SOUNDS)
        self.works = True
        container = _opened(device)
        self._thread = threading.Thread(target=self._run, args=(container,), name="microphone", daemon=True)
        self._thread.start()

    def listen(self) -> Sequence[Sound]:
        """Return the sound that came since the last call, oldest first; never waits."""
        with self._lock:
            sounds = list(self._sounds)
            self._sounds.clear()
        return sounds

    def close(self) -> None:
        """Give the device back once its driver answers."""
        self._closing = True
        self._thread.join(CLOSE_S)

    def _run(self, container: InputContainer) -> None:
        try:
            with container:
                self._hear(container)
        except (av.FFmpegError, OSError) as fault:
            log.warning("microphone lost", fault=type(fault).__name__)
        self.works = self._closing

    def _hear(self, container: InputContainer) -> None:
        sounding, anchor = Sounding(container.streams.audio[0]), Anchor()
        for packet in container.demux(container.streams.audio[0]):
            if self._closing:
                return
            for sound in sounding.sound(packet):
                at_s = sound.captured.total_seconds()
                anchor.note(at_s + len(sound.samples) / _RATE, self._clock.monotonic().total_seconds())
                with self._lock:
                    self._sounds.append(replace(sound, captured=timedelta(seconds=anchor.at(at_s))))


def _opened(device: str) -> InputContainer:
    try:
        return av.open(device, format="alsa", container_options={"sample_rate": str(_RATE), "channels": "1"})
    except (av.FFmpegError, OSError, ValueError) as fault:
        raise Unavailable("The microphone cannot be opened.", code="source_lost") from fault


_RATE = 48000
