"""Runs the decoders of one job: one for the index, then one for the sound and some for chunks of the film, side by side (media P1)."""

import signal
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from triptych.media import chunks, measured, pipeline
from triptych.media.byplace import size_of
from triptych.media.chunks import Part, SoundTrack, Whole
from triptych.media.decode import Index, as_found
from triptych.media.measured import Broken, Finished, FromDecoder, Indexed, Measured, Ready, Times, Torn
from triptych.media.pipeline import Plan, Tally
from triptych.media.sandbox import Allowance, Decoder, confine
from triptych.media.shelf import Shelf, Slot

MOST_TRIES = 2
CPU_BASE_S = 60
CPU_PER_SECOND = 20
MOST_AHEAD = Fraction(30)
"""Seconds that one lane may be ahead of the other, so that what waits for it stays small."""
CHUNKS_WAITING = 2
"""Finished chunks that may wait for an earlier one, for each process (media P10)."""

LATE = Broken(code="deadline", message="decoding took more processor time than the input may cost")
DEAD = Broken(code="internal", message="the decoder died twice on this input")


@dataclass(slots=True)
class Run:
    """One part at work. `given` counts the batches passed on: a second try gives the same ones again, which are left out.

    `waiting` are messages of a chunk whose turn has not come; `slot` keeps them for a job that begins again, `is_kept` says that they lie
    there from an earlier attempt.
    """

    part: Part | None
    decoder: Decoder | None = None
    tries: int = 0
    given: int = 0
    again: int = 0
    waiting: deque[FromDecoder] = field(default_factory=deque)
    is_over: bool = False
    slot: Slot | None = None
    is_kept: bool = False


class Measuring:
    """The measuring of one file, from its index to its end; `processes` is how many chunks are decoded at once.

    On the `shelf` lie the chunks that an earlier attempt of the same job finished. Start it from a process with one thread, and call
    `end` at last.
    """

    def __init__(self, source: int, plan: Plan, *, processes: int, chunk_s: float | None = None, shelf: Shelf | None = None) -> None:
        self._source = source
        self._size_bytes = size_of(source)
        self._plan = plan
        self._processes = processes
        self._chunk_s = chunk_s
        self._shelf = shelf
        self._times = bytearray()
        self._told: Indexed | None = None
        self._index: Index | None = None
        self._tally: Tally | None = None
        self._ahead: type[SoundTrack] | None = None
        self._behind = True
        self._runs: list[Run] = [Run(None)]
        self._held = False
        self._torn: Torn | None = None
        self._closed: tuple[int, int | None] = (0, None)
        self._start()

    def filenos(self) -> set[int]:
        """Return what there is to wait for now."""
        return {run.decoder.fileno() for run in self._runs if run.decoder is not None and self._is_wanted(run)}

    def offsets(self) -> Iterator[Fraction]:
        """Return the start of each picture of the index, in seconds from offset 0; none before it is known."""
        return iter(()) if self._index is None else self._index.offsets()

    def work(self) -> Iterator[FromDecoder]:
        """Yield what has arrived, in order of time for each lane, without waiting.

        The last message is `Finished` or `Broken`; after `Torn` call `again`.
        """
        for run in tuple(self._runs):
            if run.decoder is not None and self._is_wanted(run):
                self._read(run)
        for run in tuple(self._runs) if self._torn is None else ():
            if run is self._picture_run or not isinstance(run.part, chunks.Chunk):
                yield from self._passed_on(run)
        if self._torn is not None:
            yield self._torn
        elif self._told is not None and self._index is None and not self._runs:
            self._begin_parts(self._told)
        elif self._tally is not None and not self._runs:
            self._tally.truncated |= size_of(self._source) < self._size_bytes
            yield self._tally.finished()
            self._tally = None
        else:
            self._start()

    def pace(self, taken: Fraction, heard: Fraction) -> None:
        """Say how far, in seconds, pictures were taken and sound was heard: whoever is too far ahead waits."""
        both = len({isinstance(run.part, SoundTrack) for run in self._runs}) > 1
        self._behind = not both or abs(taken - heard) <= MOST_AHEAD
        self._ahead = None if self._behind or heard < taken else SoundTrack

    def again(self, plan: Plan) -> None:
        """Begin anew with the file as one chunk, for features that know nothing yet."""
        self.end()
        self._torn = None
        self._plan = plan
        if self._index is not None:
            self._set_out(self._index, [Whole()])

    def hold(self) -> None:
        """Stop every decoder where it is."""
        self._held = True
        for run in self._runs:
            if run.decoder is not None:
                run.decoder.hold()

    def release(self) -> None:
        """Let held decoders go on."""
        self._held = False
        for run in self._runs:
            if run.decoder is not None:
                run.decoder.release()

    def end(self) -> None:
        """Kill what lives."""
        for run in self._runs:
            if run.decoder is not None:
                run.decoder.end()
                run.decoder = None
            if run.slot is not None:
                run.slot.close()
        self._runs = []

    @property
    def _picture_run(self) -> Run | None:
        return next((run for run in self._runs if isinstance(run.part, chunks.Chunk | Whole)), None)

    def _is_wanted(self, run: Run) -> bool:
        if self._behind or run.part is None or (isinstance(run.part, chunks.Chunk) and run is not self._picture_run):
            return True
        return isinstance(run.part, SoundTrack) != (self._ahead is SoundTrack)

    def _begin_parts(self, told: Indexed) -> None:
        index = self._index = as_found(told, bytes(self._times))
        self._times.clear()
        chunk_s = self._chunk_s or chunks.aim(index.duration, self._processes)
        cut = chunks.cut(index.starts, index.seams, index.video_base, chunk_s, self._plan.segments) if index.seams else []
        is_all = len(cut) == 1 and cut[0].last - cut[0].first == len(index.starts)
        self._set_out(index, cut if cut and not is_all else [Whole()])

    def _set_out(self, index: Index, pictures: list[chunks.Chunk] | list[Whole]) -> None:
        self._tally = Tally(index)
        self._runs = [self._run(part) for part in pipeline.parts(index, self._plan, pictures)]
        self._start()

    def _run(self, part: Part) -> Run:
        if self._shelf is None or not isinstance(part, chunks.Chunk):
            return Run(part)
        is_kept = self._shelf.has(part)
        return Run(part, is_kept=is_kept, is_over=is_kept)

    def _start(self) -> None:
        """Start what may run now: the index or the sound at once, chunks as far as processes and the room for what waits allow."""
        films = [run for run in self._runs if isinstance(run.part, chunks.Chunk | Whole)]
        room = self._processes - sum(run.decoder is not None for run in films)
        near = films[: self._processes * (1 + CHUNKS_WAITING)]
        fresh = [run for run in near if run.decoder is None and not run.is_over][: max(0, room)]
        others = [run for run in self._runs if run not in films and run.decoder is None and not run.is_over]
        if not self._held:
            for run in [*others, *fresh]:
                self._launch(run)

    def _launch(self, run: Run) -> None:
        run.tries += 1
        run.again = run.given
        if self._shelf is not None and isinstance(run.part, chunks.Chunk) and run.slot is None:
            run.slot = self._shelf.put(run.part)
        part, plan, index = run.part, self._plan, self._index
        run.decoder = Decoder(self._source, lambda source, send: _decode(source, index, plan, part, send))

    def _read(self, run: Run) -> None:
        messages = run.decoder.read() if run.decoder is not None else None
        if messages is None:
            self._gone(run)
        for message in messages or ():
            self._keep(run, measured.decode(message))

    def _keep(self, run: Run, message: FromDecoder) -> None:
        if isinstance(message, Measured):
            if run.again:
                run.again -= 1
                return
            run.given += 1
        if isinstance(message, Torn):
            self._torn = message
        if run.slot is not None and not isinstance(message, Ready):
            run.slot.add(message)
        run.is_over = run.is_over or isinstance(message, Finished | Indexed | Broken | Torn)
        run.waiting.append(message)

    def _gone(self, run: Run) -> None:
        """Take that a decoder ended: as it should, out of time, or by a death that is worth one more try (media P8)."""
        status = run.decoder.join() if run.decoder is not None else 0
        run.decoder = None
        if run.is_over:
            return
        if status == -signal.SIGXCPU or run.tries >= MOST_TRIES:
            run.is_over = True
            run.waiting.append(LATE if status == -signal.SIGXCPU else DEAD)
        elif run.part is None:
            self._times.clear()

    def _passed_on(self, run: Run) -> Iterator[FromDecoder]:
        if run.is_kept and self._shelf is not None and isinstance(run.part, chunks.Chunk):
            run.is_kept = False
            run.waiting.extend(self._shelf.take(run.part))
        while run.waiting:
            message = run.waiting.popleft()
            if isinstance(message, Times):
                self._times += message.ticks
                continue
            if isinstance(message, Ready) and run.part is not None:
                continue
            if isinstance(message, Indexed):
                self._told = message
            if isinstance(message, Finished) and isinstance(run.part, chunks.Chunk):
                self._compare(run.part, message)
            if self._tally is None or not self._tally.take(message):
                yield message
        if run.is_over and run.decoder is None and run in self._runs:
            self._runs.remove(run)

    def _compare(self, part: chunks.Chunk, finished: Finished) -> None:
        """Take the ends of the next chunk: what the one before saw as its neighbour must be what this one began with.

        A decoder that was damaged without a word shows another picture there than one that begins at the seam (media P2).
        """
        until, closes = self._closed
        self._closed = part.last, finished.closes
        if part.first and until == part.first and closes != finished.opens:
            self._torn = Torn(reason="a seam is not what the chunk before it saw")


def allowance(index: Index | None) -> Allowance:
    """Return what a decoder of this input may use; one picture takes at most three full planes (media S2)."""
    if index is None:
        return Allowance()
    video = index.video
    picture_bytes = 0 if video is None else 3 * video.width * video.height * -(-video.bits // 8)
    return Allowance(cpu_s=CPU_BASE_S + int(CPU_PER_SECOND * index.duration), picture_bytes=picture_bytes)


def _decode(source: int, index: Index | None, plan: Plan, part: Part | None, send: Callable[[bytes], None]) -> None:
    """Be a decoder: load what is needed, close the cage, then touch the file."""

    def tell(message: FromDecoder) -> None:
        send(measured.encode(message))

    try:
        if part is not None:
            pipeline.prepare(plan, part, tell)
        tell(Ready(full=confine(allowance(index))))
        if index is None or part is None:
            pipeline.make_index(source, tell, hashes=plan.hashes)
        else:
            pipeline.measure(source, index, plan, part, tell)
    except Exception as fault:  # noqa: BLE001 - the edge of this process: the job is told, with no path or line
        tell(Broken(code="internal", message=f"decoding failed: {type(fault).__name__}"))
