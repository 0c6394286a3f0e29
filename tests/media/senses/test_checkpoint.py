"""Reading a PyTorch state without PyTorch, and without running what it names."""

import os
import pickle
import sys
from collections import OrderedDict
from io import BytesIO
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import numpy as np
import pytest

from triptych.media.senses.checkpoint import arrays
from triptych.media.slots import need


class _Tensor:
    """Pickles as PyTorch's tensors do."""

    def __init__(self, key, count, offset, size, stride) -> None:
        self.key, self.count, self.rest = key, count, (offset, size, stride, False, OrderedDict())

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, (_Storage(self.key, self.count), *self.rest)


class _Storage:
    def __init__(self, key, count) -> None:
        self.key, self.count = key, count


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        return ("storage", sys.modules["torch"].FloatStorage, obj.key, "cpu", obj.count) if isinstance(obj, _Storage) else None


@pytest.fixture
def torch_names(monkeypatch) -> None:
    """Let the names that a state holds be written here, where no PyTorch is."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})

    def _rebuild_tensor_v2(*_):
        raise AssertionError

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def _file(state: object, numbers: np.ndarray) -> bytes:
    packed, whole = BytesIO(), BytesIO()
    _Pickler(packed, protocol=2).dump(state)
    with ZipFile(whole, "w") as archive:
        archive.writestr("net/data.pkl", packed.getvalue())
        archive.writestr("net/data/0", numbers.tobytes())
    return whole.getvalue()


@pytest.mark.usefixtures("torch_names")
def test_arrays_have_the_shape_that_the_file_tells() -> None:
    numbers = np.arange(12, dtype=np.float32)
    state = OrderedDict(
        rows=_Tensor("0", 12, 0, (3, 4), (4, 1)), turned=_Tensor("0", 12, 0, (4, 3), (1, 4)), part=_Tensor("0", 12, 4, (2,), (1,))
    )
    found = arrays(_file(state, numbers))
    np.testing.assert_array_equal(found["rows"], numbers.reshape(3, 4))
    np.testing.assert_array_equal(found["turned"], numbers.reshape(3, 4).T)
    np.testing.assert_array_equal(found["part"], [4, 5])


@pytest.mark.usefixtures("torch_names")
def test_a_tensor_that_reaches_beyond_its_numbers_is_refused() -> None:
    with pytest.raises(pickle.UnpicklingError, match="beyond"):
        arrays(_file({"far": _Tensor("0", 4, 0, (2, 2), (9, 1))}, np.zeros(4, np.float32)))


@pytest.mark.parametrize("state", [{"a": os.getpid}, {"a": np.dtype}, [1, 2]])
def test_whatever_else_a_state_names_is_refused(state) -> None:
    with pytest.raises(pickle.UnpicklingError):
        arrays(_file(state, np.zeros(1, np.float32)))


def test_the_published_state_is_read_whole() -> None:
    found = arrays(need("shot", Path("/nonexistent")).read())
    assert found["fc1.weight"].shape == (1024, 4864)
    assert all(np.isfinite(array).all() for array in found.values())
