from types import MappingProxyType

import pytest

from triptych.errors import Invalid
from triptych.stores.jsontext import canonical, decode, encode, plain


def test_a_value_comes_back_as_plain_json() -> None:
    value = MappingProxyType({"b": (1, 2.5), "a": MappingProxyType({"ä": None})})
    assert decode(encode(value)) == {"b": [1, 2.5], "a": {"ä": None}}


def test_keys_keep_their_order_and_canonical_text_does_not_depend_on_it() -> None:
    assert encode({"b": 1, "a": 2}) == '{"b":1,"a":2}'
    assert canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1})


def test_a_plain_value_shares_nothing() -> None:
    inner: list[object] = [1]
    copy = plain({"list": inner})
    inner.append(2)
    assert copy == {"list": [1]}


@pytest.mark.parametrize("value", [object(), {(1, 2): 3}, "\ud800"])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(Invalid):
        encode({"x": value})


def test_what_is_too_deep_is_refused() -> None:
    value: dict[str, object] = {}
    for _ in range(100_000):
        value = {"x": value}
    with pytest.raises(Invalid):
        encode(value)
