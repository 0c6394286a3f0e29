"""Reads the arrays of a PyTorch state file without PyTorch: a zip of raw numbers and a pickle that may name nothing but arrays."""

import pickle
from collections import OrderedDict
from collections.abc import Sequence
from io import BytesIO
from typing import Any, NoReturn
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_NUMBERS = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}


def arrays(data: bytes) -> dict[str, Array]:
    """Return every array of a state by its name. Raises `pickle.UnpicklingError` for a file that names anything else."""
    with ZipFile(BytesIO(data)) as archive:
        index = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        state = _Reader(archive, index).load()
    if not isinstance(state, dict) or not all(isinstance(value, np.ndarray) for value in state.values()):
        raise pickle.UnpicklingError("no state of a network")
    return dict(state)


class _Reader(pickle.Unpickler):
    """Knows four names and calls nothing else, whatever the file says."""

    def __init__(self, archive: ZipFile, index: str) -> None:
        super().__init__(BytesIO(archive.read(index)))
        self._archive = archive
        self._folder = index.removesuffix("data.pkl")

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _shaped
        if module == "torch" and name in _NUMBERS:
            return _NUMBERS[name]
        return _refuse(module, name)

    def persistent_load(self, pid: Any) -> Array:
        _, kind, key, _, count = pid
        return np.frombuffer(self._archive.read(f"{self._folder}data/{int(key)}"), kind, int(count))


def _refuse(module: str, name: str) -> NoReturn:
    raise pickle.UnpicklingError(f"a state may not name {module}.{name}")


def _shaped(numbers: Array, offset: int, size: Sequence[int], stride: Sequence[int], *_rest: object) -> Array:
    """Return the part of `numbers` that a tensor shows; a tensor that is not laid out row by row is copied."""
    count = int(np.prod(size, dtype=np.int64))
    rows = tuple(int(np.prod(size[place + 1 :], dtype=np.int64)) for place in range(len(size)))
    if tuple(stride) == rows or count == 0:
        return numbers[offset : offset + count].reshape(size)
    reach = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if offset < 0 or min(stride) < 0 or reach >= len(numbers):
        raise pickle.UnpicklingError("a tensor reaches beyond its numbers")
    bytes_ = tuple(step * numbers.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(numbers[offset:], tuple(size), bytes_).copy()
