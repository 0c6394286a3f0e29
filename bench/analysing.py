"""Analyses one file as a job does, with its decoders in processes of their own, and tells what that cost."""

import os
import resource
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from triptych.media.analysis import Analysis
from triptych.media.decode import DECODER_THREADS
from triptych.media.measured import Broken, Finished, Indexed, Measured
from triptych.media.measuring import Measuring
from triptych.media.spans import Segments


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds of processor time, of this process and those that it waited for, seconds on the wall, and the most memory of one of them."""

    cpu_s: float
    wall_s: float
    memory_mib: float = 0.0


def cost(work: Callable[[], object]) -> Cost:
    """Return what `work` costs."""
    before, start = _cpu(), time.monotonic()
    work()
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return Cost(cpu_s=_cpu() - before, wall_s=time.monotonic() - start, memory_mib=most)


def decode(path: Path) -> None:
    """Decode both streams in one thread and throw the output away."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        video.codec_context.thread_count = DECODER_THREADS
        for packet in container.demux(video, *container.streams.audio[:1]):
            packet.decode()


def analyse(path: Path, names: Sequence[str], *, processes: int = 1, chunk_s: float = 1e9, progress: list[float] | None = None) -> int:
    """Measure and reduce `names`; returns the number of pictures. With `progress` the times of each batch are put there."""
    analysis = Analysis(names, {}, Segments(()), lambda _name, _item: None, lambda name, fault: _raise(name, fault.message))
    source = os.open(path, os.O_RDONLY)
    measuring = Measuring(source, analysis.plan, processes=processes, chunk_s=chunk_s)
    try:
        while True:
            select.select(list(measuring.filenos()), [], [], 0.25)
            for message in measuring.work():
                match message:
                    case Indexed():
                        analysis.begin(message)
                    case Measured():
                        analysis.take(message)
                        measuring.pace(*analysis.reached)
                        if progress is not None:
                            progress.append(time.monotonic())
                    case Finished():
                        analysis.conclude(message)
                        return message.frames
                    case Broken():
                        raise RuntimeError(message.message)
    finally:
        measuring.end()
        os.close(source)


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _raise(name: str, text: str) -> None:
    raise RuntimeError(f"{name}: {text}")
