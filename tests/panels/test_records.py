from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from triptych.model import End, EndReason, Fault, Happening, Job, Page, State, Worker, WorkerState
from triptych.panels.records import JobRecord, event_record, job_page, job_record, worker_record

NOON = datetime(2024, 5, 6, 12, 0, 0, 123456, tzinfo=UTC)
COMMAND = Job(id="j", kind="command", spec={"argv": ["bash", "a.sh"], "umask": 18}, created_at=NOON, pinned="w")


def shown(record: JobRecord) -> dict[str, object]:
    return msgspec.json.decode(msgspec.json.encode(record))


def test_a_command_shows_what_was_asked() -> None:
    """workers N0."""
    record = shown(job_record(COMMAND))
    wanted = {"command": "bash", "args": ["a.sh"], "umask": "0022", "cwd": "root", "worker_id": "w", "state": "queued", "end_reason": None}
    assert record.items() >= wanted.items()
    assert record["created_at"] == "2024-05-06T12:00:00.123456Z"
    assert "spec" not in record


def test_another_kind_shows_its_spec() -> None:
    record = shown(job_record(replace(COMMAND, kind="annotate", spec={"input_uri": "/a"})))
    assert record["spec"] == {"input_uri": "/a"}
    assert "command" not in record


def test_an_end_is_shown_with_its_facts() -> None:
    """workers N0."""
    end = End(reason=EndReason.NEVER_STARTED, signal=9, core_dumped=True, fault=Fault(code="c", message="m"))
    facts = {"kill_tier": "subreaper", "leftovers_killed": 2, "usage": {"cpu_s": 1}, "limits_enforced": {"cpu": {"asked": 1, "by": "none"}}}
    record = shown(job_record(replace(COMMAND, state=State.ENDED, end=end, facts=facts, ended_at=NOON)))
    wanted = {"end_reason": "never_started", "signal": 9, "core_dumped": True, "error": {"code": "c", "message": "m"}}
    assert record.items() >= (wanted | facts).items()


def test_a_page_a_worker_and_an_event_are_shown() -> None:
    assert job_page(Page(jobs=(COMMAND,), cursor="c")).cursor == "c"
    worker = Worker(id="w", state=WorkerState.READY, boot_id="b", started_at=NOON, seen_at=NOON, slots={"command": 1})
    assert worker_record(worker, {}).seen_at == "2024-05-06T12:00:00.123456Z"
    happening = Happening(number=7, job_id="j", kind="command", attempt=1, at=NOON, note="state", state=State.RUNNING, data={"a": 1})
    assert (event_record(happening).number, event_record(happening).data) == (7, {"a": 1})


def test_what_is_not_said_has_its_default() -> None:
    """workers N0, 7."""
    record = shown(job_record(COMMAND))
    assert record["retry"] == {"max_attempts": 1, "backoff_s": 1.0, "factor": 2.0, "max_backoff_s": 300.0, "on": ["nonzero"]}
    wanted = {"limits": {}, "strict_limits": False, "leftovers": "kill", "needs_setuid": False, "script": None, "env": {}, "attempts": []}
    assert record.items() >= wanted.items()


def test_how_long_a_job_may_wait_is_told() -> None:
    record = shown(job_record(replace(COMMAND, spec={"argv": ["x"], "queue_s": 3600})))
    assert record["queue_s"] == 3600
    assert shown(job_record(COMMAND))["queue_s"] is None


def test_attempts_output_and_survivors_are_told() -> None:
    """workers N0, O4, K5."""
    first = {"attempt": 1, "worker_id": "w", "end_reason": "exited", "exit_code": 1, "signal": None, "started_at": None, "ended_at": "t"}
    facts = {"attempts": [first], "survivors": [7], "output": {"stdout": {"bytes": 9, "gaps": [[4, 6]]}}}
    over = replace(COMMAND, state=State.ENDED, end=End(reason=EndReason.EXITED, exit_code=0), facts=facts)
    record = shown(job_record(over))
    assert (record["attempts"], record["survivors"]) == ([first], [7])
    written = {"complete": True, "stdout": {"bytes": 9, "gaps": [[4, 6]]}, "stderr": {"bytes": 0, "gaps": []}, "pruned_at": None}
    assert record["output"] == written
    lost = shown(job_record(replace(over, end=End(reason=EndReason.WORKER_LOST))))
    assert lost["output"]["complete"] is False  # type: ignore[index]  # an object
    assert shown(job_record(COMMAND))["output"] is None


def test_whatever_a_worker_tells_a_record_is_shown() -> None:
    facts = {"attempts": "x", "survivors": {}, "output": 7, "usage": [], "leftovers_killed": "many", "kill_tier": 3}
    over = replace(COMMAND, state=State.ENDED, end=End(reason=EndReason.EXITED), facts=facts)
    record = shown(job_record(over))
    assert (record["attempts"], record["survivors"], record["kill_tier"], record["leftovers_killed"]) == ([], [], None, None)


def test_a_worker_is_shown_with_its_means() -> None:
    """workers 7, 8, K8."""
    facts = {"kill_tiers": ["pidns"], "missing_tiers": {"cgroup": "not delegated"}, "limits": {"cpu": "none"}, "version": "1"}
    slots = {"command": 4, "camera": 1}
    worker = Worker(id="w", state=WorkerState.READY, boot_id="b", started_at=NOON, seen_at=NOON, slots=slots, facts=facts)
    record = worker_record(worker, {"command": 3})
    assert (record.slots_used, record.kill_tiers, record.missing_tiers) == (
        {"command": 3, "camera": 0},
        ("pidns",),
        {"cgroup": "not delegated"},
    )
    assert (record.limits, record.max_limits, record.facts) == ({"cpu": "none"}, {}, {"version": "1"})
