import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from triptych.errors import Invalid
from triptych.panels.http import Role, json_answer, read_body, read_json

PYTHON_WORDS = {"None": None, "True": True, "False": False}


def refused(body: bytes, **options: object) -> tuple[str, str]:
    with pytest.raises(Invalid) as caught:
        read_json(body, **{"depth": 32, **options})  # type: ignore[arg-type]
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        *[
            b"",
            b" \n",
            b"{",
            b'{"a',
            b'{"a"',
            b'{"a":',
            b'{"a":1',
            b'{"a":1,',
            b'{"a":-',
            b'{"a":1.',
            b'{"a":2e',
            b'{"a":2E+',
            b"nul",
            b"[1",
        ],
        *[b'{"a":"x\\', b'{"a":"x\\u', b'{"a":"x\\u12', b'{"a":tr', b'{"a":[{"b":[', b'"'],
    ],
)
def test_a_body_that_stops_short_is_told_so(body: bytes) -> None:
    """Workers W3."""
    assert refused(body) == ("body_truncated", "unexpected end of JSON input")


@pytest.mark.parametrize(
    "body",
    [
        *[b"nope", b"{'a':1}", b'{"a":1,}', b"[1,]", b'{"a" 1}', b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":"\n"}', b'{"a":"\\x"}'],
        *[b"NaN", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e999}', b'{"a":None}', b"{a:1}", b"// x\n{}", b"\x00"],
        *[b'{"a":1 t', b'{"a":tx', b'{"a":' + b"9" * 5000 + b"}"],
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    """Workers W2, media G1: NaN and infinite numbers included."""
    assert refused(body) == ("body_not_json", "body is not valid JSON")


@pytest.mark.parametrize("body", [b"{} x", b"{}{}", b'{"a":1}]', b"null null"])
def test_data_after_the_value_is_refused(body: bytes) -> None:
    assert refused(body) == ("body_trailing", "data after the JSON object")


@pytest.mark.parametrize("depth", [1, 20, 32, 64])
def test_depth_is_bounded_to_the_level(depth: int) -> None:
    """Workers W2 (32), media G1 (64), camera 2.3 (20)."""
    assert read_json(b"[" * depth + b"]" * depth, depth=depth) is not None
    assert refused(b"[" * (depth + 1) + b"]" * (depth + 1), depth=depth)[0] == "body_not_json"
    assert refused(b'{"a":' * (depth + 1) + b"1" + b"}" * (depth + 1), depth=depth)[0] == "body_not_json"


def test_brackets_inside_strings_and_side_by_side_are_no_depth() -> None:
    assert read_json(b'{"a":"[[[[{{{{","b":"\\"[[["}', depth=1) == {"a": "[[[[{{{{", "b": '"[[['}
    assert read_json(b"[" + b"[]," * 500 + b"[]]", depth=2) == [[]] * 501


def test_a_million_brackets_are_refused_without_recursion() -> None:
    assert refused(b"[" * 1_000_000)[0] == "body_not_json"


def test_a_byte_order_mark_is_skipped() -> None:
    """Media G1."""
    assert read_json(b'\xef\xbb\xbf{"a":1}', depth=5) == {"a": 1}


def test_the_last_of_equal_keys_wins() -> None:
    """Workers W2."""
    assert read_json(b'{"a":1,"a":2}', depth=5) == {"a": 2}
    assert read_json(b'{"a":1,"A":2,"a":3,"b":0}', depth=5, any_case=True) == {"a": 3, "b": 0}
    assert read_json(b'{"Worker_ID":1}', depth=5, any_case=True) == {"worker_id": 1}


def test_bytes_that_are_not_utf8_are_repaired_or_refused() -> None:
    """Workers W2 repairs, media G1 refuses."""
    assert read_json(b'{"a":"x\xff"}', depth=5, repair=True) == {"a": "x�"}
    assert refused(b'{"a":"x\xff"}')[0] == "body_not_json"


def test_half_surrogates_never_enter() -> None:
    assert read_json(rb'{"a":"\ud83d x \udc00"}', depth=5, repair=True) == {"a": "� x �"}
    assert read_json(rb'{"a":"\ud83d\ude00"}', depth=5) == {"a": "😀"}
    assert read_json(rb'{"a":"\\ud83d"}', depth=5) == {"a": r"\ud83d"}
    assert refused(rb'{"a":"\ud83d"}')[0] == "body_not_json"


def test_bare_python_words_are_read_outside_quotes_only() -> None:
    """Camera 2.3."""
    body = b'{"a":None,"b":[True,False],"c":"None","d":"\\"True"}'
    assert read_json(body, depth=20, words=PYTHON_WORDS) == {"a": None, "b": [True, False], "c": "None", "d": '"True'}
    for wrong in (b'{"a":Nonesuch}', b'{"a":none}', b'{"a":-None}', b'{"a":NoneTrue}'):
        assert refused(wrong, words=PYTHON_WORDS)[0] == "body_not_json"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.booleans())
def test_every_json_value_is_read_back(value: object, escaped: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    body = json.dumps(value, ensure_ascii=escaped).encode()
    assert read_json(body, depth=64) == value
    assert read_json(body, depth=64, words=PYTHON_WORDS, repair=True) == value


@given(st.binary(max_size=60), st.booleans())
def test_no_bytes_do_worse_than_being_refused(body: bytes, repair: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    with suppress(Invalid):
        json.dumps(read_json(body, depth=8, repair=repair, any_case=repair), ensure_ascii=False).encode()


@given(JSON.filter(lambda value: isinstance(value, dict | list)), st.data())
def test_every_proper_prefix_of_an_object_is_cut_short(value: object, data: st.DataObject) -> None:
    body = json.dumps(value).encode()
    cut = data.draw(st.integers(0, len(body) - 1))
    assert refused(body[:cut], depth=64)[0] == "body_truncated"


def request(chunks: list[bytes], **headers: str) -> Request:
    parts = iter(chunks)

    async def receive() -> Message:
        chunk = next(parts, b"")
        return {"type": "http.request", "body": chunk, "more_body": bool(chunk)}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


async def test_a_body_is_read_up_to_its_limit() -> None:
    assert await read_body(request([b"ab", b"cd"]), 4) == b"abcd"
    with pytest.raises(Invalid, match="body is larger than 4 bytes") as caught:
        await read_body(request([b"ab", b"cde"]), 4)
    assert caught.value.code == "too_large"


async def test_a_body_that_declares_too_much_is_not_read() -> None:
    unread = request([b"x"], content_length="5")
    with pytest.raises(Invalid):
        await read_body(unread, 4)
    assert await unread.body() == b"x"


def test_an_answer_is_compact_json() -> None:
    answer = json_answer({"a": [1, "ü"]}, 201, {"x-y": "z"})
    assert (answer.status_code, answer.body) == (201, '{"a":[1,"ü"]}'.encode())
    assert dict(answer.headers) == {"x-y": "z", "content-length": "14", "content-type": "application/json"}


def test_a_role_covers_those_below_it() -> None:
    assert Role.ADMIN.covers(Role.OPERATOR)
    assert Role.VIEWER.covers(Role.VIEWER)
    assert not Role.VIEWER.covers(Role.OPERATOR)
