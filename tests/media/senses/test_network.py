"""Networks in ONNX."""

from pathlib import Path

import numpy as np
import pytest

from triptych.media.senses.network import Network
from triptych.media.slots import need


def test_a_network_says_what_it_takes_and_of_itself() -> None:
    voice = Network(need("vad", Path("/nonexistent")).read())
    assert set(voice.inputs) == {"input", "state", "sr"}
    assert voice.told("character") == ""


def test_the_same_input_gives_the_same_bits() -> None:
    voice = Network(need("vad", Path("/nonexistent")).read())
    noise = np.random.default_rng(3).standard_normal((1, 576)).astype(np.float32)
    values = {"input": noise, "state": np.zeros((2, 1, 128), np.float32), "sr": np.array(16_000, np.int64)}
    first, second = voice.run(values), voice.run(values)
    assert all(one.tobytes() == other.tobytes() for one, other in zip(first, second, strict=True))


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(Exception, match=r"(?i)protobuf|invalid"):
        Network(b"no network")
