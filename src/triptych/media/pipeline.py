"""Index and Measure: one decode of pictures and sound, shown once to everything that subscribed. Runs in the sandbox (media P1)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import cv2

from triptych.media.chunks import Chunk, Part, SoundTrack, Whole
from triptych.media.decode import Index, Unreadable, as_told, open_input, survey
from triptych.media.feature import Feature
from triptych.media.features import Need
from triptych.media.header import read_file
from triptych.media.hearing import Hearing
from triptych.media.measured import Alive, Broken, Dropped, Finished, FromDecoder, Measured, Times, Torn, ratio
from triptych.media.seeing import Seeing, TornApart
from triptych.media.spans import Segments

Send = Callable[[FromDecoder], None]

BATCH_FRAMES = 12
BATCH_SOUNDS = 100
MOST_ERRORS = 10_000
TIMES_AT_ONCE = 1 << 19


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

    @property
    def hashes(self) -> bool:
        """Whether any feature asks for the file's checksum."""
        return any(feature.hashes for feature in self.features.values())

    def with_need(self, need: Need) -> dict[str, Feature]:
        """Return the features that subscribe to any of `need`."""
        return {name: feature for name, feature in self.features.items() if self.needs[name] & need}


def prepare(plan: Plan, part: Part, send: Send) -> None:
    """Let the features that measure in this part load what they need; one that cannot is dropped (media P8)."""
    for name, feature in plan.with_need(Need.EAR if isinstance(part, SoundTrack) else Need.LOOK).items():
        try:
            feature.prepare()
        except Exception as fault:  # noqa: BLE001 - a feature that raises stops alone
            send(Dropped(feature=name, message=f"{type(fault).__name__} while preparing"))


def make_index(descriptor: int, send: Send, *, hashes: bool = False) -> Index | None:
    """Demux the file behind `descriptor` and send its index, with its checksum if it `hashes`; every end is a message.

    Returns the index, None where it was `Broken`.
    """
    signs = _Signs(send)
    try:
        with open_input(descriptor) as container:
            found = survey(container, signs.give)
        found.header.update(read_file(descriptor, found.header, signs.give, hashes=hashes))
    except Unreadable as fault:
        send(Broken(code=fault.code, message=fault.message))
        return None
    except MemoryError:
        send(Broken(code="limits", message="input needs more memory than decoding may use"))
        return None
    times = found.starts.tobytes()
    for at in range(0, len(times), TIMES_AT_ONCE):
        send(Times(ticks=times[at : at + TIMES_AT_ONCE]))
    send(as_told(found))
    return found


def measure(descriptor: int, index: Index, plan: Plan, part: Part, send: Send) -> None:
    """Measure one part of the file behind `descriptor` and send what comes of it; every end is a message."""
    cv2.setNumThreads(1)
    try:
        with open_input(descriptor) as container:
            if isinstance(part, SoundTrack):
                _listen(Hearing(container, index, plan.with_need(Need.EAR), send, plan.segments), plan, send)
            else:
                _watch(Seeing(container, index, part, plan, send), plan, send)
    except Unreadable as fault:
        send(Broken(code=fault.code, message=fault.message))
    except TornApart as fault:
        send(Torn(reason=str(fault)))
    except MemoryError:
        send(Broken(code="limits", message="input needs more memory than decoding may use"))


def measure_all(descriptor: int, plan: Plan, send: Send) -> None:
    """Index and measure everything in this very process, one part after the other; ends as a job's messages do."""
    found = make_index(descriptor, send, hashes=plan.hashes)
    if found is None:
        return
    tally = Tally(found)
    for part in parts(found, plan, [Whole()]):
        prepare(plan, part, send)
        measure(descriptor, found, plan, part, lambda message: None if tally.take(message) else send(message))
        if tally.is_broken:
            return
    send(tally.finished())


def parts(index: Index, plan: Plan, pictures: "list[Whole] | list[Chunk]") -> list[Part]:
    """Return what is to be measured for a plan: the sound and these `pictures`, as far as anyone subscribed."""
    needs = plan.all_needs
    heard: list[Part] = [SoundTrack()] if needs & Need.SOUNDS and index.audio else []
    seen: list[Part] = [*pictures] if needs & Need.PICTURES and index.video is not None else []
    return [*heard, *seen]


@dataclass(slots=True)
class Tally:
    """Joins how the parts of a file ended into how the file did."""

    index: Index
    frames: int = 0
    samples: int = 0
    sound_end: Fraction | None = None
    errors: list[Fraction] = field(default_factory=list)
    truncated: bool = False
    is_broken: bool = False

    def take(self, message: FromDecoder) -> bool:
        """Take the end of a part; False for any other message."""
        self.is_broken |= isinstance(message, Broken | Torn)
        if not isinstance(message, Finished):
            return False
        self.frames += message.frames
        self.samples = max(self.samples, message.samples)
        self.errors += [Fraction(*at) for at in message.errors]
        self.truncated |= message.truncated
        if message.samples:
            self.sound_end = Fraction(*message.duration)
        return True

    def finished(self) -> Finished:
        """Return the end of the whole file."""
        sound_end = self.index.duration if self.sound_end is None else self.sound_end
        return Finished(
            frames=self.frames,
            samples=self.samples,
            duration=ratio(self.index.duration if self.index.starts else sound_end),
            errors=tuple(ratio(at) for at in sorted(self.errors)[:MOST_ERRORS]),
            truncated=self.truncated,
        )


def _listen(hearing: Hearing, plan: Plan, send: Send) -> None:
    wants_cells = bool(plan.all_needs & Need.SOUND)
    for cells in hearing.run(plan.segments.last_us, BATCH_SOUNDS):
        send(Measured(cells=tuple(cells) if wants_cells else (), bass=hearing.bass(), heard=tuple(hearing.heard())))
    send(hearing.finished())


def _watch(seeing: Seeing, plan: Plan, send: Send) -> None:
    for frames in seeing.run(plan.segments.last_us, BATCH_FRAMES):
        send(Measured(frames=tuple(frames)))
    send(seeing.finished())


class _Signs:
    """Signs of life, at most one a second."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._last = time.monotonic()

    def give(self) -> None:
        if time.monotonic() - self._last >= 1:
            self._last = time.monotonic()
            self._send(Alive())
