"""Whether memory grows with the length of the film: two hours beside ten minutes of small pictures, every feature without a model.

`python -m bench.medialong FILE` analyses one file and prints the most memory of this process and of its greatest decoder, in MiB.
"""

import resource
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np

from bench import clips
from bench.analysing import analyse
from bench.figure import Baseline, Figure, at_most
from bench.media import BUILT
from triptych.media.sample import RATE_HZ, Coding, scene, tone, write_clip

SIZE = (160, 90)
PART_S = 12
MINUTES = {"ten minutes": 10, "two hours": 120}


def figures() -> list[Figure]:
    """Measure media B7's growth: the job's own process and its greatest decoder together."""
    found = {name: _memory_mib(_film(minutes)) for name, minutes in MINUTES.items()}
    short, long = (found[name] for name in MINUTES)
    beside = Baseline("ten minutes", 1.0)
    return [
        Figure(name="B7 memory of two hours", value=sum(long) / sum(short), unit="x", target=at_most(1.1), baseline=beside),
        Figure(name="the job's process, two hours", value=long[0], unit="MiB", baseline=Baseline("ten minutes", short[0])),
        Figure(name="its greatest decoder, two hours", value=long[1], unit="MiB", baseline=Baseline("ten minutes", short[1])),
    ]


def _memory_mib(path: Path) -> tuple[float, float]:
    told = subprocess.run([sys.executable, "-m", "bench.medialong", str(path)], check=True, capture_output=True, text=True)
    own, greatest = told.stdout.split()
    return float(own), float(greatest)


def _film(minutes: int) -> Path:
    path = Path(tempfile.gettempdir()) / f"triptych-bench-long-v1-{minutes}.mp4"
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix="triptych-bench-") as folder:
            part, whole = Path(folder) / "part.mp4", Path(folder) / "whole.mp4"
            pictures = ((Fraction(number, clips.FPS), scene(number // 50, SIZE, number)) for number in range(PART_S * clips.FPS))
            sound = np.stack([tone(440, PART_S * RATE_HZ), tone(660, PART_S * RATE_HZ)])
            write_clip(part, pictures, [sound], Coding(options={"preset": "veryfast", "g": "50"}))
            clips.repeat(part, whole, minutes * 60 // PART_S)
            whole.replace(path)
    return path


if __name__ == "__main__":
    analyse(Path(sys.argv[1]), BUILT, processes=2, chunk_s=60.0)
    print(*(resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
