from datetime import UTC, datetime, timedelta

import pytest
from msgspec import UNSET
from starlette.requests import Request

from triptych.errors import Invalid
from triptych.panels.asks import (
    CommandAsk,
    EventsQuery,
    LimitsAsk,
    ListQuery,
    RetryAsk,
    given,
    idempotency_key,
    label,
    last_event,
    submission,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def request(**headers: str) -> Request:
    return Request({"type": "http", "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]})


def test_an_ask_becomes_a_submission() -> None:
    made = submission(CommandAsk(command="bash", args=("-c", "x"), worker_id="w", umask="0022", priority=3), None, NOW)
    assert (made.kind, made.worker_id, made.priority, made.queue, made.fingerprint) == ("command", "w", 3, True, None)
    assert made.spec["argv"] == ("bash", "-c", "x")
    assert made.spec["umask"] == 0o022
    assert submission(CommandAsk(command="x", labels={"a": "b"}), None, NOW).needs == {"a": "b"}


def test_every_field_of_a_submission_reaches_the_worker() -> None:
    """workers 7."""
    asked = CommandAsk(
        command="bash",
        worker_id="w",
        script="a.sh",
        queue_s=60,
        retry=RetryAsk(max_attempts=3, on=("nonzero", "signal")),
        limits=LimitsAsk(memory_bytes=10, cpu=0.5),
        strict_limits=True,
        leftovers="wait",
        needs_setuid=True,
        merge_output=True,
    )
    made = submission(asked, None, NOW)
    assert made.deadline == NOW + timedelta(minutes=1)
    assert made.spec == {
        "argv": ("bash",),
        "script": "a.sh",
        "script_first": True,
        "cwd": "work",
        "grace_s": 5.0,
        "queue_s": 60,
        "retry": {"max_attempts": 3, "backoff_s": 1.0, "factor": 2.0, "max_backoff_s": 300.0, "on": ("nonzero", "signal")},
        "limits": {"memory_bytes": 10, "cpu": 0.5},
        "strict_limits": True,
        "leftovers": "wait",
        "needs_setuid": True,
        "merge_output": True,
    }


def test_what_is_not_said_is_not_kept() -> None:
    made = submission(CommandAsk(command="true", worker_id="w"), None, NOW)
    assert made.spec == {"argv": ("true",), "cwd": "work", "grace_s": 5.0, "queue_s": 3600.0}
    assert made.deadline == NOW + timedelta(hours=1)


def test_a_label_is_looked_for_by_name_and_value() -> None:
    assert label(ListQuery(label="rack=a=b")) == ("rack", "a=b")
    assert label(ListQuery(label="rack=")) == ("rack", "")
    assert label(ListQuery()) is None


def test_the_same_ask_has_the_same_fingerprint() -> None:
    first = submission(CommandAsk(command="x", env={"A": "1", "B": "2"}, worker_id="w"), "k", NOW)
    same = submission(CommandAsk(command="x", env={"B": "2", "A": "1"}, worker_id="w"), "k", NOW)
    other = submission(CommandAsk(command="x", worker_id="w"), "k", NOW)
    assert first.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize("place", [{}, {"worker_id": "w", "labels": {}}])
def test_exactly_one_place_is_asked_for(place: dict[str, object]) -> None:
    """workers 7."""
    with pytest.raises(Invalid, match="exactly one of worker_id and labels"):
        submission(CommandAsk(command="x", **place), None, NOW)  # type: ignore[arg-type]  # fields of the ask


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
