"""A microphone: ALSA itself, with a device that reads its sound from a file. No sound card is needed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from triptych.clock import SystemClock
from triptych.errors import Unavailable
from triptych.media.microphone import Microphone

CONFIGURATION = """
pcm.tone {{ type file
  slave.pcm {{ type null }}
  file "/dev/null"
  infile "{path}"
  format "raw" }}
"""


HEARING = """
import json, threading, time
import numpy as np
from triptych.clock import SystemClock
from triptych.media.microphone import Microphone

microphone = Microphone("tone", SystemClock())
sounds, until = [], time.monotonic() + 20
while sum(len(sound.samples) for sound in sounds) < 4800 and time.monotonic() < until:
    sounds += microphone.listen()
    threading.Event().wait(0.05)
age_s = (SystemClock().monotonic() - sounds[-1].captured).total_seconds()
microphone.close()
samples = np.concatenate([sound.samples for sound in sounds])
loudest = int(np.argmax(np.abs(np.fft.rfft(samples[:4800])))) * 10
told = {"type": str(samples.dtype), "hz": loudest, "peak": float(np.abs(samples).max()), "age_s": age_s}
print(json.dumps(told | {"lives": microphone._thread.is_alive()}))
"""


def test_a_sound_device_is_heard_as_mono_at_48_khz(tmp_path):
    """camera R4: `mic`. In a process of its own, for ALSA reads its configuration once."""
    moments = np.arange(48000 * 4) / 48000
    (np.sin(2 * np.pi * 440 * moments) * 16384).astype("<i2").tofile(tmp_path / "tone.raw")
    (tmp_path / "asound.conf").write_text(CONFIGURATION.format(path=tmp_path / "tone.raw"))
    environment = os.environ | {"ALSA_CONFIG_PATH": str(tmp_path / "asound.conf"), "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    heard = subprocess.run([sys.executable, "-c", HEARING], env=environment, stdout=subprocess.PIPE, check=True, timeout=60)
    told = json.loads(heard.stdout)
    assert (told["type"], told["lives"]) == ("float32", False)
    assert told["hz"] == pytest.approx(440, abs=10)
    assert told["peak"] == pytest.approx(0.5, abs=0.02)
    assert 0 <= told["age_s"] < 5


def test_a_device_that_is_not_there_is_one_sentence():
    with pytest.raises(Unavailable) as missing:
        Microphone("no-such-device", SystemClock())
    assert missing.value.message == "The microphone cannot be opened."
