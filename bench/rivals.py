"""What others need for a part of the same work: ten separate runs of ffmpeg, and PySceneDetect; absent where they are not installed."""

import shutil
import subprocess
import sys
from importlib import import_module, util
from pathlib import Path

from bench.analysing import Cost, cost

FILTERS = (
    ("-vf", "blackdetect"),
    ("-vf", "freezedetect"),
    ("-vf", "scdet"),
    ("-vf", "cropdetect"),
    ("-vf", "idet"),
    ("-vf", "signalstats"),
    ("-vf", "blockdetect"),
    ("-af", "silencedetect"),
    ("-af", "ebur128=peak=true"),
    ("-af", "aphasemeter=video=0"),
)
"""One process each, as scripts do it."""


def ffmpeg() -> str | None:
    """Return an ffmpeg: that on PATH, or that of the wheel imageio-ffmpeg."""
    if found := shutil.which("ffmpeg"):
        return found
    if util.find_spec("imageio_ffmpeg") is None:
        return None
    return str(import_module("imageio_ffmpeg").get_ffmpeg_exe())


def ten_runs(path: Path) -> Cost | None:
    """Return what ten ffmpeg processes cost, one thread each, one after the other."""
    program = ffmpeg()
    if program is None:
        return None

    def run() -> None:
        for flag, chain in FILTERS:
            other = "-an" if flag == "-vf" else "-vn"
            command = [program, "-v", "error", "-threads", "1", "-i", str(path), other, flag, chain, "-f", "null", "-"]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    return cost(run)


def scene_detection(path: Path) -> Cost | None:
    """Return what PySceneDetect costs with its default detector."""
    if util.find_spec("scenedetect") is None:
        return None
    code = "import sys, scenedetect; scenedetect.detect(sys.argv[1], scenedetect.ContentDetector())"
    return cost(lambda: subprocess.run([sys.executable, "-c", code, str(path)], check=True, stdin=subprocess.DEVNULL))
