import pytest
from msgspec import UNSET
from starlette.requests import Request

from triptych.errors import Invalid
from triptych.panels.asks import CommandAsk, EventsQuery, given, idempotency_key, last_event, submission


def request(**headers: str) -> Request:
    return Request({"type": "http", "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]})


def test_an_ask_becomes_a_submission() -> None:
    made = submission(CommandAsk(command="bash", args=("-c", "x"), worker_id="w", umask="0022", priority=3), None)
    assert (made.kind, made.worker_id, made.priority, made.queue, made.fingerprint) == ("command", "w", 3, True, None)
    assert made.spec["argv"] == ("bash", "-c", "x")
    assert made.spec["umask"] == 0o022
    assert submission(CommandAsk(command="x", labels={"a": "b"}), None).needs == {"a": "b"}


def test_the_same_ask_has_the_same_fingerprint() -> None:
    first = submission(CommandAsk(command="x", env={"A": "1", "B": "2"}, worker_id="w"), "k")
    same = submission(CommandAsk(command="x", env={"B": "2", "A": "1"}, worker_id="w"), "k")
    other = submission(CommandAsk(command="x", worker_id="w"), "k")
    assert first.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize("place", [{}, {"worker_id": "w", "labels": {}}])
def test_exactly_one_place_is_asked_for(place: dict[str, object]) -> None:
    """workers 7."""
    with pytest.raises(Invalid, match="exactly one of worker_id and labels"):
        submission(CommandAsk(command="x", **place), None)  # type: ignore[arg-type]  # fields of the ask


@pytest.mark.parametrize(("key", "good"), [("k", True), ("~" * 200, True), ("~" * 201, False), ("", False), ("a b", False)])
def test_a_key_is_visible_ascii(key: str, good: bool) -> None:  # noqa: FBT001 - a parameter
    if good:
        assert idempotency_key(request(idempotency_key=key)) == key
    else:
        with pytest.raises(Invalid):
            idempotency_key(request(idempotency_key=key))
    assert idempotency_key(request()) is None


def test_the_header_goes_before_the_parameter() -> None:
    assert last_event(request(last_event_id="7"), EventsQuery(after=3)) == 7
    assert last_event(request(), EventsQuery(after=3)) == 3
    assert last_event(request(), EventsQuery()) is None


def test_what_is_left_out_is_none_and_what_is_empty_is_not() -> None:
    assert given(UNSET) is None
    assert given("") == ""
    assert given(0) == 0
