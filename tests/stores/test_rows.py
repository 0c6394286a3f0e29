from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stores.making import START, a_job, a_worker, later
from triptych.clock import to_us
from triptych.model import End, EndReason, Fault, Happening, Job, Silence, State, WorkerState
from triptych.stores.rows import changing_to_row, job_to_row, row_to_happening, row_to_job, row_to_worker, worker_to_row
from triptych.stores.schema import JOBS, WORKERS
from triptych.stores.statements import CHANGING

FULL = a_job(
    parent="p",
    idempotency_key="k",
    fingerprint="f",
    needs={"b": "2", "a": "1"},
    pinned="w1",
    deadline=later(1),
    state=State.ENDED,
    end=End(reason=EndReason.FAILED, exit_code=1, signal=9, core_dumped=True, fault=Fault(code="c", message="m")),
    attempt=2,
    worker_id="w2",
    pid=7,
    stopped_by="me",
    started_at=later(2),
    updated_at=later(3),
    ended_at=later(4),
    progress={"x": 1.5},
    result={"r": 1},
    facts={"f": None},
    last_seq=8,
    not_before=later(77),
    revision=9,
    berth_wish="3",
    berth=3,
)

TEXTS = st.text(st.characters(codec="utf-8"))
TIMES = st.datetimes(timezones=st.just(UTC))
JSON = st.dictionaries(
    TEXTS, st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS, st.lists, max_leaves=4), max_size=3
)
ENDS = st.builds(
    End,
    reason=st.sampled_from(EndReason),
    exit_code=st.none() | st.integers(0, 255),
    fault=st.none() | st.builds(Fault, code=TEXTS, message=TEXTS),
)


def test_the_columns_of_a_job_hold_what_they_are_called() -> None:
    row = dict(zip(JOBS.columns.keys(), job_to_row(FULL), strict=True))
    plain = {name: getattr(FULL, name) for name in row if hasattr(FULL, name) and isinstance(getattr(FULL, name), str | int | None)}
    times = {
        f"{name}_us": to_us(getattr(FULL, name))
        for name in ("created_at", "started_at", "updated_at", "ended_at", "deadline", "not_before")
    }
    end = {"end_reason": "failed", "exit_code": 1, "signal": 9, "core_dumped": True, "fault_code": "c", "fault_message": "m"}
    texts = {"spec": '{"argv":["true"]}', "needs": '{"a":"1","b":"2"}', "progress": '{"x":1.5}', "result": '{"r":1}', "facts": '{"f":null}'}
    assert row == plain | times | end | texts


def test_the_changing_columns_are_the_last() -> None:
    assert list(JOBS.columns.keys())[-len(CHANGING) :] == CHANGING
    assert job_to_row(FULL)[-len(CHANGING) :] == changing_to_row(FULL)


@given(
    st.builds(
        Job,
        id=TEXTS,
        kind=TEXTS,
        spec=JSON,
        created_at=TIMES,
        deadline=st.none() | TIMES,
        end=st.none() | ENDS,
        result=st.none() | JSON,
        facts=JSON,
    )
)
def test_a_job_comes_back_as_it_was(job: Job) -> None:
    assert row_to_job(job_to_row(job)) == job
    assert row_to_job(job_to_row(FULL)) == FULL


def test_a_worker_comes_back_as_it_was() -> None:
    worker = a_worker(
        state=WorkerState.LOST,
        draining=True,
        silence=Silence(boot_id="b", since=timedelta(seconds=3.5)),
        labels={"a": "b"},
        facts={"tiers": ["cgroup"]},
        seen_at=later(9),
    )
    assert row_to_worker(worker_to_row(worker)) == worker
    assert len(worker_to_row(worker)) == len(WORKERS.columns)


def test_a_happening_is_read() -> None:
    row = (3, "j", "command", 1, to_us(START), "finding", "running", '{"a":1}')
    at = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    happening = Happening(number=3, job_id="j", kind="command", attempt=1, at=at, note="finding", state=State.RUNNING, data={"a": 1})
    assert row_to_happening(row) == happening


def test_needs_of_another_order_are_the_same_needs() -> None:
    assert job_to_row(FULL) == job_to_row(replace(FULL, needs={"a": "1", "b": "2"}))
