"""What a live stream costs beside the frame loop: `python -m bench.live`."""

import sys
import time
from datetime import timedelta

import numpy as np

from bench.__main__ import main
from bench.figure import Figure, at_most
from triptych.camera.casting import AUDIO_FRAME, AUDIO_RATE, Caster
from triptych.camera.fragments import Ring
from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import FPS, SceneSource
from triptych.media.sources.sim import VirtualClock

FRAMES = 300
BUDGET = 40.0
"""As for recording (camera.md 10), which encodes the same picture."""


def figures() -> list[Figure]:
    """Return the share of a core that one encode takes at 720p30, and the rate of what comes out."""
    clock = VirtualClock()
    source, head = SceneSource(SceneOptions(), clock, wait=clock.wait), CropHead(CropOptions(), clock)
    views = [head.view(source.read()).image for _ in range(FRAMES)]
    ring = Ring()
    caster = Caster(ring, (1280, 720), FPS)
    begun, cursor, size_bytes, samples = time.process_time(), 0, 0, AUDIO_FRAME
    for number, view in enumerate(views):
        caster.show(view, timedelta(seconds=number / FPS))
        while (samples + AUDIO_FRAME) / AUDIO_RATE <= number / FPS:
            caster.sound(np.zeros(AUDIO_FRAME, np.float32), samples)
            samples += AUDIO_FRAME
        reading = ring.read(cursor)
        cursor, size_bytes = reading.cursor, size_bytes + len(reading.data)
    spent_s = time.process_time() - begun
    caster.close()
    share, rate = 100 * spent_s * FPS / FRAMES, size_bytes * 8 * FPS / FRAMES / 1e6
    return [
        Figure(name="a live encode at 720p30", value=share, unit="% of a core", target=at_most(BUDGET), note="CPU time of the process"),
        Figure(name="its rate", value=rate, unit="Mbit/s"),
    ]


if __name__ == "__main__":
    sys.argv[1:] = ["live"]
    main()
