"""Networks in ONNX, run so that they repeat bit for bit: one thread, one order, memory given back after each run."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Network:
    """One network, made from its bytes; needs onnxruntime. Raises `ImportError` without it."""

    def __init__(self, weights: bytes) -> None:
        import onnxruntime  # noqa: PLC0415 - an extra, and 30 MB that only jobs with a model need

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        self.inputs = tuple(entry.name for entry in self._session.get_inputs())

    def run(self, values: Mapping[str, NDArray[Any]]) -> Sequence[Floats]:
        """Return every output for the named inputs."""
        outputs: Sequence[Floats] = self._session.run(None, dict(values))
        return outputs

    def told(self, key: str) -> str:
        """Return what the file says of itself under `key`, "" for nothing."""
        return str(self._session.get_modelmeta().custom_metadata_map.get(key, ""))
