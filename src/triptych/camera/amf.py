"""Values of RTMP commands as bytes and back: Action Message Format 0."""

import struct
from collections.abc import Callable, Mapping

Value = float | bool | str | None | Mapping[str, "Value"]

_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _END = 0, 1, 2, 3, 5, 9


def encode(*values: Value) -> bytes:
    """Return the values, one after the other."""
    return b"".join(_encode(value) for value in values)


def decode(data: bytes) -> list[Value]:
    """Return every value of `data`. Raises `ValueError` where it is cut or holds what no command does."""
    reader = _Reader(data)
    try:
        values = []
        while not reader.done:
            values.append(reader.value())
    except (struct.error, IndexError) as fault:
        raise ValueError("cut off") from fault
    return values


def _encode(value: Value) -> bytes:
    match value:
        case None:
            return bytes([_NULL])
        case bool():
            return bytes([_BOOLEAN, value])
        case float() | int():
            return struct.pack(">Bd", _NUMBER, value)
        case str():
            return bytes([_STRING]) + _text(value)
        case _:
            pairs = b"".join(_text(key) + _encode(one) for key, one in value.items())
            return bytes([_OBJECT]) + pairs + struct.pack(">HB", 0, _END)


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        self._readers: Mapping[int, Callable[[], Value]] = {
            0: lambda: self._take(">d"),
            1: lambda: bool(self._take(">B")),
            2: lambda: self._text(">H"),
            3: self._pairs,
            5: lambda: None,
            6: lambda: None,
            8: self._map,
            10: self._list,
            12: lambda: self._text(">I"),
        }

    @property
    def done(self) -> bool:
        return self._at >= len(self._data)

    def value(self) -> Value:
        marker = int(self._take(">B"))
        if marker not in self._readers:
            raise ValueError(f"no such marker: {marker}")
        return self._readers[marker]()

    def _pairs(self) -> dict[str, Value]:
        pairs: dict[str, Value] = {}
        while True:
            key = self._text(">H")
            if not key and self._data[self._at] == _END:
                self._at += 1
                return pairs
            pairs[key] = self.value()

    def _map(self) -> dict[str, Value]:
        self._take(">I")
        return self._pairs()

    def _list(self) -> dict[str, Value]:
        return {str(number): self.value() for number in range(int(self._take(">I")))}

    def _text(self, size: str) -> str:
        length = int(self._take(size))
        end = self._at + length
        if end > len(self._data):
            raise ValueError("cut off")
        text, self._at = self._data[self._at : end].decode(errors="replace"), end
        return text

    def _take(self, shape: str) -> float:
        (value,) = struct.unpack_from(shape, self._data, self._at)
        self._at += struct.calcsize(shape)
        return float(value)
