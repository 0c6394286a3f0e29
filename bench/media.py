"""What three features in one decode cost beside the decode alone: CPU of this process, one decoder thread, no sandbox around it.

`python -m bench.media` prints the figures; the clip is 60 s of 1080p25 H.264 and AAC, made once and kept in the temporary folder.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

from bench.figure import Baseline, Figure, at_most
from triptych.media import measured, pipeline
from triptych.media.decode import DECODER_THREADS, open_input, survey
from triptych.media.features import FEATURES
from triptych.media.features.audio_format import AudioFormat
from triptych.media.features.black import InBlack
from triptych.media.features.shots import Shots
from triptych.media.measured import Finished, FromDecoder, Indexed, Measured
from triptych.media.pipeline import Plan
from triptych.media.reduce import Reduce
from triptych.media.sample import RATE_HZ, Coding, scene, tone, write_clip
from triptych.media.spans import Segments

SIZE = (1920, 1080)
FPS = 25
MADE_S = 12
LOOPS = 5
ROUNDS = 3
CLASSES = {"IN_BLACK": InBlack, "AUDIO_FORMAT": AudioFormat, "SHOT_CHANGE_DETECTION": Shots}


def figures() -> list[Figure]:
    """Measure in turns, so that a busy machine troubles each alike; medians of three."""
    path = _clip()
    ratios, walls, decodes = [], [], []
    for _ in range(ROUNDS):
        alone, alone_wall = _cost(lambda: _decode(path))
        whole, whole_wall = _cost(lambda: _analyse(path, tuple(CLASSES)))
        ratios.append(whole / alone)
        walls.append(whole_wall / alone_wall)
        decodes.append(alone)
    decode = statistics.median(decodes)
    beside = Baseline("decode of both streams, output discarded", 1.0)
    return [
        Figure(name="three features, CPU", value=statistics.median(ratios), unit="x decode", target=at_most(1.5), baseline=beside),
        Figure(
            name="three features, wall",
            value=statistics.median(walls),
            unit="x decode",
            note="in one process; a job reduces beside its decoder",
        ),
        Figure(name="decode alone, CPU", value=decode, unit="s", note=f"60 s of 1080p25, {DECODER_THREADS} thread"),
        *_shares(path, decode),
    ]


def _shares(path: Path, decode: float) -> list[Figure]:
    """Return where the CPU goes: the index, and each feature by itself."""
    parts: list[tuple[str, Callable[[], object]]] = [("index alone, CPU", lambda: _survey(path))]
    parts += [(f"{name} alone, CPU", partial(_analyse, path, (name,))) for name in CLASSES]
    return [Figure(name=name, value=_cost(work)[0] / decode, unit="x decode") for name, work in parts]


def _cost(work: Callable[[], object]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.monotonic()
    work()
    return time.process_time() - cpu, time.monotonic() - wall


def _decode(path: Path) -> None:
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        video.codec_context.thread_count = DECODER_THREADS
        for packet in container.demux(video, audio):
            packet.decode()


def _survey(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    with open_input(descriptor) as container:
        survey(container, lambda: None)
    os.close(descriptor)


def _analyse(path: Path, names: Sequence[str]) -> None:
    """Index, Measure and Reduce; every message is packed and unpacked as on its way between the two processes."""
    features = {name: CLASSES[name](FEATURES[name].options()) for name in names}
    needs = {name: FEATURES[name].needs for name in names}
    segments = Segments(())
    reducers: list[Reduce] = []

    def take(message: FromDecoder) -> None:
        match measured.decode(measured.encode(message)):
            case Indexed() as index:
                reducers.append(Reduce(features, needs, segments, _raise, hears=bool(index.audio)))
            case Measured() as batch:
                reducers[0].take(batch)
            case Finished() as finished:
                reducers[0].finish(finished)

    descriptor = os.open(path, os.O_RDONLY)
    pipeline.measure_all(descriptor, Plan(features=features, needs=needs, segments=segments), take)
    os.close(descriptor)


def _raise(name: str, text: str) -> None:
    raise RuntimeError(f"{name}: {text}")


def _clip() -> Path:
    """Return the clip: twelve seconds of moving scenes with grain, made once, five times over by stream copy."""
    path = Path(tempfile.gettempdir()) / "triptych-bench-1080p25-v1.mp4"
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix="triptych-bench-") as folder:
            part, whole = Path(folder) / "part.mp4", Path(folder) / "whole.mp4"
            grain = np.random.default_rng(1).integers(-3, 4, (16, SIZE[1], SIZE[0])).astype(np.int16)
            pictures = ((Fraction(number, FPS), _grained(number, grain)) for number in range(MADE_S * FPS))
            sound = np.stack([tone(440, MADE_S * RATE_HZ), tone(660, MADE_S * RATE_HZ)])
            write_clip(part, pictures, [sound], Coding(options={"preset": "medium", "crf": "21"}))
            _repeat(part, whole)
            whole.replace(path)
    return path


def _grained(number: int, grain: np.ndarray) -> tuple[np.ndarray, ...]:
    luma, *chroma = scene(number // 50, SIZE, 2 * number)
    return (np.clip(luma + grain[number % len(grain)], 16, 235).astype(np.uint8), *chroma)


def _repeat(part: Path, whole: Path) -> None:
    """Copy the packets of `part` again and again; the sound that overhangs its end is left out."""
    latest: dict[int, int] = {}
    with av.open(str(whole), "w") as out, av.open(str(part)) as template:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in template.streams}
        for turn in range(LOOPS):
            with av.open(str(part)) as container:
                for packet in container.demux():
                    shift = round(turn * MADE_S / packet.time_base)
                    if packet.dts is None or packet.pts is None or packet.dts + shift <= latest.get(packet.stream_index, -(1 << 62)):
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    latest[packet.stream_index] = packet.dts
                    packet.stream = streams[packet.stream_index]
                    out.mux(packet)


if __name__ == "__main__":
    from bench.__main__ import main

    sys.argv[1:] = ["media"]
    main()
