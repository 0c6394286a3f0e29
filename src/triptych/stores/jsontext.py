"""JSON values as the text that a column holds."""

from collections.abc import Mapping

import msgspec

from triptych.errors import Invalid
from triptych.model import Json


def encode(value: Json) -> str:
    """Return the text of a JSON object, its keys in their order. Raises `Invalid`."""
    return _encode(_encoder, value)


def canonical(value: Json) -> str:
    """Return the one text of a JSON object: keys sorted, so that equal objects have equal texts. Raises `Invalid`."""
    return _encode(_sorter, value)


def decode(text: str) -> dict[str, object]:
    """Return the JSON object that a column holds."""
    return _decoder.decode(text)


def plain(value: Json) -> dict[str, object]:
    """Return a JSON value of its own that shares nothing with `value`. Raises `Invalid`."""
    return decode(encode(value))


def _encode(encoder: msgspec.json.Encoder, value: Json) -> str:
    try:
        return encoder.encode(value).decode()
    except (TypeError, ValueError, RecursionError) as fault:
        raise Invalid(f"not a JSON value: {fault}") from fault


def _mapping(value: object) -> dict[object, object]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


_encoder = msgspec.json.Encoder(enc_hook=_mapping)
_sorter = msgspec.json.Encoder(enc_hook=_mapping, order="sorted")
_decoder = msgspec.json.Decoder(dict[str, object])
