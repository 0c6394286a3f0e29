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
    facts = {"kill_tier": "subreaper", "leftovers_killed": 2, "usage": {"cpu_s": 1}}
    record = shown(job_record(replace(COMMAND, state=State.ENDED, end=end, facts=facts, ended_at=NOON)))
    wanted = {"end_reason": "never_started", "signal": 9, "core_dumped": True, "error": {"code": "c", "message": "m"}}
    assert record.items() >= (wanted | facts).items()


def test_a_page_a_worker_and_an_event_are_shown() -> None:
    assert job_page(Page(jobs=(COMMAND,), cursor="c")).cursor == "c"
    worker = Worker(id="w", state=WorkerState.READY, boot_id="b", started_at=NOON, seen_at=NOON, slots={"command": 1})
    assert worker_record(worker).seen_at == "2024-05-06T12:00:00.123456Z"
    happening = Happening(number=7, job_id="j", kind="command", attempt=1, at=NOON, note="state", state=State.RUNNING, data={"a": 1})
    assert (event_record(happening).number, event_record(happening).data) == (7, {"a": 1})
