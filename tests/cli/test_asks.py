"""What the options of `run` become."""

from pathlib import Path

import pytest

from triptych.cli.asks import Ask, environment, limits, pairs
from triptych.errors import Invalid


def test_nothing_asked_is_nothing_said() -> None:
    assert Ask().body(("true",), "w") == {"command": "true", "args": (), "worker_id": "w"}


def test_every_option_has_its_field(tmp_path: Path) -> None:
    """workers 7"""
    (tmp_path / "in").write_text("é")
    asked = Ask(
        label=["rack=7", "gpu="],
        cwd="root",
        script="a.sh",
        env=["A=b=c"],
        stdin=tmp_path / "in",
        timeout_s=1,
        grace_s=0,
        queue_s=0,
        retry=3,
        retry_on=["signal"],
        backoff_s=2,
        priority=0,
        limit=["memory=1G"],
        strict_limits=True,
        merge_output=True,
        leftovers="wait",
        needs_setuid=True,
        umask="0022",
    )
    assert asked.body(("bash", "-x"), None) == {
        "command": "bash",
        "args": ("-x",),
        "labels": {"rack": "7", "gpu": ""},
        "cwd": "root",
        "script": "a.sh",
        "env": {"A": "b=c"},
        "stdin": "é",
        "timeout_s": 1,
        "grace_s": 0,
        "queue_s": 0,
        "retry": {"max_attempts": 3, "on": ["signal"], "backoff_s": 2},
        "priority": 0,
        "limits": {"memory_bytes": 2**30},
        "strict_limits": True,
        "merge_output": True,
        "leftovers": "wait",
        "needs_setuid": True,
        "umask": "0022",
    }


@pytest.mark.parametrize(
    ("word", "field", "amount"),
    [
        ("memory=1G", "memory_bytes", 2**30),
        ("memory=1.5GiB", "memory_bytes", 3 * 2**29),
        ("file=10m", "file_bytes", 10 * 2**20),
        ("output=4096", "output_max_bytes", 4096),
        ("cpu=0.5", "cpu", 0.5),
        ("processes=10", "processes", 10),
        ("cpu-seconds=3", "cpu_seconds", 3),
        ("open-files=64", "open_files", 64),
    ],
)
def test_a_limit_is_said_as_a_person_says_it(word: str, field: str, amount: float) -> None:
    """workers 8"""
    assert limits([word]) == {field: amount}


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("memory", "NAME=VALUE"),
        ("memory=lots", "K, M, G or T"),
        ("memory=-1G", "K, M, G or T"),
        ("processes=1K", "takes a number, not 1K"),
        ("disk=1G", "knows memory, file, output, cpu"),
    ],
)
def test_a_limit_that_is_none_is_told(word: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        limits([word])


def test_a_variable_may_be_taken_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "x=y")
    assert environment(["HERE", "B=1", "C="]) == {"HERE": "x=y", "B": "1", "C": ""}
    monkeypatch.delenv("HERE")
    with pytest.raises(Invalid, match="--env HERE has no value here"):
        environment(["HERE"])


@pytest.mark.parametrize("word", ["x", "=x", ""])
def test_a_pair_needs_its_sign_and_a_name(word: str) -> None:
    with pytest.raises(Invalid, match="--label takes NAME=VALUE"):
        pairs("--label", [word])


def test_standard_input_that_cannot_be_sent_is_told(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(Invalid, match="no such file"):
        Ask(stdin=tmp_path / "absent").body(("cat",), "w")
    with pytest.raises(Invalid, match="is not text"):
        Ask(stdin=tmp_path / "binary").body(("cat",), "w")


def test_when_to_retry_without_how_often_is_refused() -> None:
    with pytest.raises(Invalid, match="--retry"):
        Ask(retry_on=["signal"]).body(("true",), "w")


@pytest.mark.parametrize("option", ["timeout_s", "grace_s", "queue_s", "backoff_s"])
@pytest.mark.parametrize("seconds", [float("nan"), float("inf")])
def test_a_time_that_is_no_number_is_refused(option: str, seconds: float) -> None:
    """JSON has no such number: it would be as if nothing was asked."""
    with pytest.raises(Invalid, match="takes a number of seconds, not"):
        Ask(retry=2, **{option: seconds}).body(("true",), "w")  # type: ignore[arg-type]  # one of the options that are seconds
