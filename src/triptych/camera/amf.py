"""Values of RTMP commands as bytes and back: Action Message Format 0."""

import struct
from collections.abc import Mapping

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

    @property
    def done(self) -> bool:
        return self._at >= len(self._data)

    def value(self) -> Value:
        marker = self._take(">B")
        match marker:
            case 0:
                return float(self._take(">d"))
            case 1:
                return bool(self._take(">B"))
            case 2:
                return self._bytes(self._take(">H")).decode(errors="replace")
            case 12:
                return self._bytes(self._take(">I")).decode(errors="replace")
            case 5 | 6:
                return None
            case 3:
                return self._pairs()
            case 8:
                self._take(">I")
                return self._pairs()
            case 10:
                return {str(number): self.value() for number in range(self._take(">I"))}
        raise ValueError(f"no such marker: {marker}")

    def _pairs(self) -> dict[str, Value]:
        pairs: dict[str, Value] = {}
        while True:
            key = self._bytes(self._take(">H")).decode(errors="replace")
            if not key and self._data[self._at] == _END:
                self._at += 1
                return pairs
            pairs[key] = self.value()

    def _take(self, shape: str) -> int:
        (value,) = struct.unpack_from(shape, self._data, self._at)
        self._at += struct.calcsize(shape)
        return value  # type: ignore[no-any-return]  # a number, of the type that the shape says

    def _bytes(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise ValueError("cut off")
        self._at += size
        return self._data[self._at - size : self._at]
