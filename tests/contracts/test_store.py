"""What every store must do (engine E1, E3, E4, 2.2)."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from stores.making import START, a_job, a_worker, later, to, told
from triptych.contracts import Store
from triptych.errors import Conflict, Invalid
from triptych.model import LIVE, Berths, Change, End, EndReason, Fault, Query, Silence, State, WorkerState

FULL = a_job(
    spec={"argv": ["sh", "-c", "echo ä€\N{GRINNING FACE}"], "deep": {"list": [1, 2.5, None, True]}},
    origin="gcp",
    parent="fan-1",
    idempotency_key="k",
    fingerprint="f",
    needs={"gpu": "1", "arch": "x86"},
    pinned="w1",
    priority=-3,
    deadline=later(3600),
    updated_at=START,
    facts={"a": {"b": 1}},
)


async def begin(store: Store, job_id: str = "job-1") -> None:
    await store.add(a_job(job_id))
    await store.move([to(State.STARTING, job_id, next_attempt=True, worker_id="w1"), to(State.RUNNING, job_id, pid=7)])


async def test_a_job_comes_back_as_it_was_added(store: Store) -> None:
    assert await store.add(FULL) == FULL
    assert await store.find("job-1") == FULL
    assert await store.find("job-2") is None


async def test_a_job_may_be_added_on_its_worker_at_once(store: Store) -> None:
    job = a_job(state=State.STARTING, attempt=1, worker_id="w1")
    assert await store.add(job) == job
    assert await store.find("job-1") == job


async def test_the_same_key_and_words_give_the_job_that_is_there(store: Store) -> None:
    """Workers W8, media G9."""
    await store.add(FULL)
    assert await store.add(replace(FULL, id="job-2")) == FULL
    assert await store.find("job-2") is None
    assert len(await store.log(0, 10)) == 1


async def test_the_same_key_with_other_words_is_a_conflict(store: Store) -> None:
    await store.add(FULL)
    with pytest.raises(Conflict, match=r"^idempotency key reused$") as caught:
        await store.add(replace(FULL, id="job-2", fingerprint="g"))
    assert caught.value.code == "key_reused"


async def test_a_key_belongs_to_its_kind(store: Store) -> None:
    await store.add(FULL)
    other = replace(FULL, id="job-2", kind="annotate", fingerprint="g")
    assert await store.add(other) == other


async def test_a_job_is_found_by_its_kind_and_key(store: Store) -> None:
    await store.add(FULL)
    key = str(FULL.idempotency_key)
    assert await store.find_by_key(FULL.kind, key) == FULL
    assert await store.find_by_key("annotate", key) is None
    assert await store.find_by_key(FULL.kind, "other") is None


async def test_jobs_without_a_key_are_never_the_same(store: Store) -> None:
    await store.add(a_job("job-1"))
    await store.add(a_job("job-2"))
    assert len((await store.list(Query())).jobs) == 2


async def test_of_many_asks_with_one_key_at_once_one_is_kept(store: Store) -> None:
    jobs = await asyncio.gather(*(store.add(replace(FULL, id=f"job-{number}")) for number in range(20)))
    assert len({job.id for job in jobs}) == 1
    assert len((await store.list(Query())).jobs) == 1


async def test_an_id_that_is_taken_is_a_conflict(store: Store) -> None:
    await store.add(a_job())
    with pytest.raises(Conflict) as caught:
        await store.add(a_job(priority=1))
    assert caught.value.code == "id_taken"
    assert await store.find("job-1") == a_job()


async def test_what_is_not_json_is_refused_and_fails_nobody_else(store: Store) -> None:
    good, bad, better = await asyncio.gather(
        store.add(a_job("job-1")),
        store.add(a_job("job-2", spec={"x": object()})),
        store.add(a_job("job-3")),
        return_exceptions=True,
    )
    assert (good, better) == (a_job("job-1"), a_job("job-3"))
    assert isinstance(bad, Invalid)
    assert await store.find("job-2") is None


async def test_a_job_runs_from_start_to_end(store: Store) -> None:
    await store.add(a_job())
    (starting,) = await store.move([to(State.STARTING, next_attempt=True, worker_id="w1", at=later(1))])
    assert starting is not None
    assert (starting.state, starting.attempt, starting.worker_id, starting.revision) == (State.STARTING, 1, "w1", 2)
    assert (starting.started_at, starting.updated_at) == (None, later(1))
    (running,) = await store.move([to(State.RUNNING, pid=7, seq=1, at=later(2), facts={"kill_tier": "subreaper"})])
    assert running is not None
    assert (running.pid, running.started_at, running.last_seq) == (7, later(2), 1)
    end = End(reason=EndReason.FAILED, exit_code=3, signal=9, core_dumped=True, fault=Fault(code="oops", message="It broke."))
    (ended,) = await store.move([to(State.ENDED, end=end, seq=2, at=later(3), result={"n": [1]})])
    assert ended is not None
    assert (ended.state, ended.end, ended.ended_at, ended.result) == (State.ENDED, end, later(3), {"n": [1]})
    assert (ended.facts, ended.revision) == ({"kill_tier": "subreaper"}, 4)
    assert await store.find("job-1") == ended


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(to(State.PAUSED, sources=frozenset({State.QUEUED})), id="another state"),
        pytest.param(told(attempt=2), id="a later attempt"),
        pytest.param(told(attempt=0), id="an older attempt"),
        pytest.param(told(seq=5), id="a repeated number"),
        pytest.param(told(seq=4), id="an older number"),
        pytest.param(told("job-2"), id="no such job"),
    ],
)
async def test_a_change_whose_guard_does_not_hold_changes_nothing(store: Store, change: Change) -> None:
    await begin(store)
    await store.move([told(seq=5)])
    before, log = await store.find("job-1"), await store.log(0, 100)
    assert await store.move([change]) == [None]
    assert (await store.find("job-1"), await store.log(0, 100)) == (before, log)


async def test_a_failed_guard_fails_no_other_change(store: Store) -> None:
    await begin(store)
    await store.add(a_job("job-2"))
    first, none, third = await store.move([told(pid=8), told("job-9"), to(State.PAUSED, "job-2", sources=frozenset({State.QUEUED}))])
    assert first is not None
    assert none is None
    assert third is not None
    assert (first.pid, third.state) == (8, State.PAUSED)


async def test_an_empty_move_changes_nothing(store: Store) -> None:
    assert list(await store.move([])) == []


async def test_changes_of_one_call_build_on_each_other(store: Store) -> None:
    """A report asks for several changes; the first that holds takes its number and the others fall away."""
    await begin(store)
    paused, dropped = await store.move([to(State.PAUSED, seq=3), told(seq=3, pid=9)])
    assert paused is not None
    assert dropped is None
    assert (paused.state, paused.revision) == (State.PAUSED, 4)
    assert await store.find("job-1") == paused


async def test_progress_and_facts_are_merged_by_key(store: Store) -> None:
    await begin(store)
    await store.move([told(progress={"black": 10, "shots": 20.5}, facts={"a": 1, "b": {"c": 2}})])
    (job,) = await store.move([told(progress={"black": 30}, facts={"b": 3})])
    assert job is not None
    assert (job.progress, job.facts) == ({"black": 30, "shots": 20.5}, {"a": 1, "b": 3})
    assert await store.find("job-1") == job


async def test_an_end_never_changes(store: Store) -> None:
    await begin(store)
    await store.move([to(State.ENDED)])
    ended = await store.find("job-1")
    assert await store.move([to(target) for target in State if target is not State.QUEUED] + [told()]) == [None] * 7
    assert await store.find("job-1") == ended


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(to(State.RUNNING, sources=LIVE), id="an illegal move"),
        pytest.param(to(State.ENDED, end=None), id="an end without a reason"),
        pytest.param(told(end=End(reason=EndReason.DONE)), id="a reason without an end"),
        pytest.param(to(State.PAUSED, requeue=True), id="a requeue that is held"),
    ],
)
async def test_a_change_that_no_job_could_make_is_a_fault_of_the_program(store: Store, change: Change) -> None:
    await begin(store)
    with pytest.raises(ValueError, match=r"^(no move|a job ends|a reason|a job is requeued)"):
        await store.move([change])


async def test_a_requeued_job_has_left_its_worker(store: Store) -> None:
    await begin(store)
    (queued,) = await store.move([to(State.QUEUED, requeue=True)])
    assert queued is not None
    assert (queued.worker_id, queued.pid, queued.started_at, queued.attempt) == (None, None, None, 1)
    assert await store.find("job-1") == queued


async def test_an_attempt_that_is_tried_again_is_told_and_the_job_waits_out_of_line(store: Store) -> None:
    """Workers section 7, retry: one change, so that no crash loses it or does it twice."""
    await begin(store)
    again = to(State.QUEUED, requeue=True, end=End(reason=EndReason.EXITED, exit_code=3), seq=4, at=later(5), not_before=later(9))
    (queued, twice) = await store.move([again, again])
    assert queued is not None
    assert twice is None
    assert (queued.state, queued.end, queued.not_before, queued.attempt) == (State.QUEUED, None, later(9), 1)
    first = {"attempt": 1, "worker_id": "w1", "end_reason": "exited", "exit_code": 3, "signal": None}
    assert queued.facts["attempts"] == [first | {"started_at": "2026-03-01T12:00:01.123456Z", "ended_at": "2026-03-01T12:00:05.123456Z"}]
    assert await store.find("job-1") == queued
    assert await store.place(a_worker(), "command", later(20)) is None
    (due,) = await store.move([told(due=True, note="due")])
    assert due is not None
    assert due.not_before is None
    second = await store.place(a_worker("w2"), "command", later(20))
    assert second is not None
    (ended,) = await store.move([to(State.ENDED, at=later(30))])
    assert ended is not None
    assert [(one["attempt"], one["worker_id"], one["exit_code"]) for one in ended.facts["attempts"]] == [(1, "w1", 3), (2, "w2", 0)]


async def test_a_job_that_was_asked_to_stop_never_goes_back_to_the_queue(store: Store) -> None:
    """Workers section 7: a retry is never after a stop."""
    await begin(store)
    await store.move([to(State.UNREACHABLE), told(stopped_by="me")])
    requeued, ended = await store.move([to(State.QUEUED, requeue=True), to(State.ENDED)])
    assert requeued is None
    assert ended is not None


async def test_what_ended_before_is_listed_from_the_oldest_end(store: Store) -> None:
    """Workers O8: retention reads what it deletes and nothing else."""
    for number, seconds in enumerate([30, 10, 20, 10, 40]):
        await begin(store, f"job-{number}")
        await store.move([to(State.ENDED, f"job-{number}", at=later(seconds))])
    await begin(store, "live")
    query, ids = Query(kind="command", ended_before=later(40), limit=2), []
    while True:
        page = await store.list(query)
        ids.append([job.id for job in page.jobs])
        if page.cursor is None:
            break
        query = replace(query, cursor=page.cursor)
    assert ids == [["job-1", "job-3"], ["job-2", "job-0"]]


async def test_the_next_attempt_counts_its_reports_from_one(store: Store) -> None:
    await begin(store)
    await store.move([told(seq=9), to(State.QUEUED, requeue=True)])
    again = await store.place(a_worker("w2"), "command", later(5))
    assert again is not None
    assert (again.attempt, again.worker_id, again.last_seq) == (2, "w2", 0)
    old, new = await store.move([told(attempt=1, seq=10), to(State.RUNNING, attempt=2, seq=1, at=later(6))])
    assert old is None
    assert new is not None
    assert new.started_at == later(6)


async def test_a_start_is_told_once_an_attempt(store: Store) -> None:
    await begin(store)
    await store.move([to(State.PAUSED, at=later(8))])
    (job,) = await store.move([to(State.RUNNING, at=later(9))])
    assert job is not None
    assert job.started_at == later(1)


async def test_every_change_is_in_the_log_as_it_was_after_it(store: Store) -> None:
    await begin(store)
    await store.move([told(note="progress", data={"black": 5}, at=later(7))])
    log = await store.log(0, 100)
    assert [(entry.note, entry.state, entry.attempt) for entry in log] == [
        ("state", State.QUEUED, 0),
        ("state", State.STARTING, 1),
        ("state", State.RUNNING, 1),
        ("progress", State.RUNNING, 1),
    ]
    assert (log[-1].job_id, log[-1].kind, log[-1].at, log[-1].data) == ("job-1", "command", later(7), {"black": 5})


async def test_the_log_is_read_on_from_any_number(store: Store) -> None:
    for number in range(5):
        await begin(store, f"job-{number}")
    log = list(await store.log(0, 100))
    numbers = [entry.number for entry in log]
    assert numbers == sorted(set(numbers))
    assert len(log) == 15
    assert list(await store.log(numbers[3], 4)) == log[4:8]
    assert list(await store.log(-1, 100)) == log[-1:]
    assert list(await store.log(numbers[-1], 100)) == []


async def test_the_log_of_one_job_is_its_own(store: Store) -> None:
    await begin(store, "job-1")
    await begin(store, "job-2")
    whole = list(await store.log(0, 100))
    mine = [entry for entry in whole if entry.job_id == "job-1"]
    assert list(await store.log(0, 100, "job-1")) == mine
    assert list(await store.log(mine[0].number, 1, "job-1")) == mine[1:2]
    assert list(await store.log(-1, 100, "job-1")) == mine[-1:]


async def test_an_empty_log_has_no_newest(store: Store) -> None:
    assert list(await store.log(-1, 1)) == []


async def test_an_ended_job_is_forgotten_with_its_log(store: Store) -> None:
    await store.add(FULL)
    await begin(store, "job-2")
    await store.move([to(State.ENDED)])
    newest = (await store.log(-1, 1))[0].number
    assert await store.forget("job-1")
    assert await store.find("job-1") is None
    assert list(await store.log(0, 100, "job-1")) == []
    assert not await store.forget("job-1")
    assert (await store.add(replace(FULL, id="job-3"))).id == "job-3"
    assert (await store.log(-1, 1))[0].number > newest


async def test_a_live_job_is_not_forgotten(store: Store) -> None:
    await begin(store)
    assert not await store.forget("job-1")
    assert await store.find("job-1") is not None


async def test_the_queue_goes_by_priority_then_age_then_id(store: Store) -> None:
    """Engine E3."""
    await store.add(a_job("old", created_at=later(0), priority=30))
    await store.add(a_job("b", created_at=later(5)))
    await store.add(a_job("a", created_at=later(5)))
    await store.add(a_job("young", created_at=later(9), priority=1))
    await store.add(a_job("held", created_at=later(0), priority=0, state=State.PAUSED))
    await store.add(a_job("film", created_at=later(0), kind="annotate", priority=0))
    placed = [await store.place(a_worker(), "command", later(10)) for _ in range(5)]
    assert [job and job.id for job in placed] == ["young", "a", "b", "old", None]
    first = placed[0]
    assert first is not None
    assert (first.state, first.attempt, first.worker_id, first.updated_at) == (State.STARTING, 1, "w1", later(10))
    assert await store.find("young") == first
    assert (await store.log(-1, 1))[0].state is State.STARTING


async def test_a_worker_is_given_what_it_can_do(store: Store) -> None:
    await store.add(a_job("other", pinned="w2", priority=0))
    await store.add(a_job("gpu", needs={"gpu": "1"}, priority=1))
    await store.add(a_job("both", needs={"gpu": "1", "arch": "arm"}, priority=2))
    await store.add(a_job("any", priority=9))
    await store.add(a_job("mine", pinned="w1", needs={"arch": "arm"}, priority=3))
    arm = a_worker(labels={"arch": "arm"})
    assert [job and job.id for job in [await store.place(arm, "command", START) for _ in range(3)]] == ["mine", "any", None]
    full = a_worker("w3", labels={"arch": "arm", "gpu": "1"})
    assert [job and job.id for job in [await store.place(full, "command", START) for _ in range(3)]] == ["gpu", "both", None]


async def test_a_draining_worker_is_given_nothing(store: Store) -> None:
    await store.add(a_job())
    assert await store.place(a_worker(state=WorkerState.DRAINING), "command", START) is None


async def test_workers_that_ask_at_once_are_given_different_jobs(store: Store) -> None:
    for number in range(10):
        await store.add(a_job(f"job-{number}"))
    placed = await asyncio.gather(*(store.place(a_worker(f"w{number}"), "command", START) for number in range(14)))
    ids = [job.id for job in placed if job is not None]
    assert sorted(ids) == [f"job-{number}" for number in range(10)]


async def _annotations(store: Store, **wishes: str) -> None:
    for age, (job_id, wish) in enumerate(wishes.items()):
        await store.add(a_job(job_id, kind="annotate", created_at=later(age), berth_wish=wish))


async def _berthed(store: Store, berths: Berths) -> tuple[str, int | None] | None:
    job = await store.place(a_worker(), "annotate", later(20), berths)
    return None if job is None else (job.id, job.berth)


BERTHS = {"": (1, 2), "1": (1,), "2": (2,), "apart": (3,)}


async def test_a_job_is_given_the_first_free_berth_of_its_wish(store: Store) -> None:
    """media J7: one job per core."""
    await _annotations(store, a="", b="", c="", d="apart", e="nowhere")
    assert [await _berthed(store, BERTHS) for _ in range(4)] == [("a", 1), ("b", 2), ("d", 3), None]
    await store.move([to(State.ENDED, "a")])
    assert await _berthed(store, BERTHS) == ("c", 1)
    ended = await store.find("a")
    assert ended is not None
    assert ended.berth == 1


async def test_a_job_that_waits_for_a_berth_holds_back_no_other(store: Store) -> None:
    """media J7: a job with `target` waits for that core."""
    await _annotations(store, a="2", b="2", c="2", d="")
    assert [await _berthed(store, BERTHS) for _ in range(3)] == [("a", 2), ("d", 1), None]
    await store.move([to(State.ENDED, "a")])
    assert await _berthed(store, BERTHS) == ("b", 2)


async def test_a_job_back_in_the_queue_has_given_its_berth_back(store: Store) -> None:
    await _annotations(store, a="", b="1")
    assert await _berthed(store, BERTHS) == ("a", 1)
    (back,) = await store.move([to(State.QUEUED, "a", sources=frozenset({State.STARTING}), requeue=True)])
    assert back is not None
    assert (back.berth, back.berth_wish) == (None, "")
    assert [await _berthed(store, BERTHS) for _ in range(2)] == [("a", 1), None]


async def test_berths_belong_to_their_kind(store: Store) -> None:
    await _annotations(store, a="1")
    await store.add(a_job("other"))
    other = await store.place(a_worker(), "command", later(20))
    assert other is not None
    assert other.berth is None
    assert await _berthed(store, BERTHS) == ("a", 1)


async def test_berths_asked_for_at_once_are_all_different(store: Store) -> None:
    """media J7: one job per core."""
    await _annotations(store, **dict.fromkeys("abcdef", ""))
    placed = await asyncio.gather(*(_berthed(store, {"": (1, 2, 3, 4)}) for _ in range(6)))
    assert sorted(berth for _, berth in filter(None, placed)) == [1, 2, 3, 4]


async def test_a_job_added_and_placed_at_once_is_placed_once(store: Store) -> None:
    added = (store.add(a_job(f"job-{number}")) for number in range(8))
    placed = (store.place(a_worker(f"w{number}"), "command", START) for number in range(8))
    await asyncio.gather(*(verb for pair in zip(added, placed, strict=True) for verb in pair))
    jobs = (await store.list(Query())).jobs
    assert all(job.attempt <= 1 for job in jobs)
    assert len({job.worker_id for job in jobs if job.worker_id}) == sum(job.state is State.STARTING for job in jobs)


async def test_a_listing_is_newest_first_and_paged(store: Store) -> None:
    for number in range(7):
        await store.add(a_job(f"job-{number}", created_at=later(number // 2)))
    whole = [job.id for job in (await store.list(Query(limit=None))).jobs]
    assert whole == ["job-6", "job-5", "job-4", "job-3", "job-2", "job-1", "job-0"]
    pages = []
    cursor = None
    while True:
        page = await store.list(Query(limit=3, cursor=cursor))
        pages.append([job.id for job in page.jobs])
        if page.cursor is None:
            break
        cursor = page.cursor
    assert pages == [whole[:3], whole[3:6], whole[6:]]


async def test_a_brief_listing_leaves_out_what_a_job_gathered(store: Store) -> None:
    """media B6: a list of every job reads no result."""
    await store.add(FULL)
    await begin(store, "job-2")
    await store.move([to(State.ENDED, "job-2", end=End(reason=EndReason.DONE), result={"a": 1}, progress={"A": 100.0}, facts={"b": 2})])
    whole, brief = await store.list(Query()), await store.list(Query(brief=True))
    assert whole.jobs != brief.jobs
    assert brief.jobs == tuple(replace(job, progress={}, result=None, facts={}) for job in whole.jobs)


async def test_a_listing_is_stable_while_jobs_arrive(store: Store) -> None:
    for number in range(4):
        await store.add(a_job(f"job-{number}", created_at=later(number)))
    first = await store.list(Query(limit=2))
    await store.add(a_job("new", created_at=later(9)))
    second = await store.list(Query(limit=2, cursor=first.cursor))
    assert [job.id for job in first.jobs + second.jobs] == ["job-3", "job-2", "job-1", "job-0"]
    assert second.cursor is None


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        pytest.param(Query(), {"a", "b", "c"}, id="all"),
        pytest.param(Query(kind="annotate"), {"b"}, id="kind"),
        pytest.param(Query(states=frozenset({State.RUNNING})), {"a"}, id="live state"),
        pytest.param(Query(states=LIVE), {"a", "b"}, id="live"),
        pytest.param(Query(states=frozenset({State.RUNNING, State.ENDED})), {"a", "c"}, id="mixed states"),
        pytest.param(Query(states=frozenset()), set(), id="no state"),
        pytest.param(Query(end_reason=EndReason.EXITED), {"c"}, id="end reason"),
        pytest.param(Query(end_reason=EndReason.DONE), set(), id="other end reason"),
        pytest.param(Query(worker_id="w1"), {"a", "c"}, id="worker"),
        pytest.param(Query(origin="gcp"), {"b"}, id="origin"),
        pytest.param(Query(since=later(1)), {"b", "c"}, id="since"),
        pytest.param(Query(until=later(2)), {"a", "b"}, id="until"),
        pytest.param(Query(label=("gpu", "1")), {"b"}, id="label"),
        pytest.param(Query(label=("arch", "x86")), {"b"}, id="second label"),
        pytest.param(Query(label=("gpu", "12")), set(), id="other value of a label"),
        pytest.param(Query(label=("pu", "1")), set(), id="part of a label"),
        pytest.param(Query(text="COUNT.sh"), {"c"}, id="text of the command"),
        pytest.param(Query(text="sh --Fast"), {"c"}, id="text across arguments"),
        pytest.param(Query(text='say "ä'), {"c"}, id="text with quotes"),
        pytest.param(Query(text="["), set(), id="a bracket that nobody wrote"),
        pytest.param(Query(text="B"), {"b"}, id="text of the id"),
        pytest.param(Query(text="%"), set(), id="no pattern"),
        pytest.param(Query(worker_id="w1", states=LIVE, since=START, until=later(2), kind="command"), {"a"}, id="together"),
    ],
)
async def test_a_listing_is_filtered(store: Store, query: Query, ids: set[str]) -> None:
    await begin(store, "a")
    needs = {"gpu": "1", "arch": "x86", 'x"pu': "1"}
    await store.add(a_job("b", kind="annotate", origin="gcp", created_at=later(1), needs=needs, spec={"input_uri": "count.sh"}))
    spec = {"argv": ["./Count.SH", "--fast", 'say "ä"'], "env": {"X": "gpu"}}
    await store.add(a_job("c", state=State.STARTING, attempt=1, worker_id="w1", created_at=later(2), spec=spec))
    await store.move([to(State.ENDED, "c")])
    assert {job.id for job in (await store.list(query)).jobs} == ids


@pytest.mark.parametrize("cursor", ["", "!!", "bm90IG91cnM", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk6eA", "ä"])
async def test_a_cursor_that_is_not_ours_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(Invalid) as caught:
        await store.list(Query(cursor=cursor))
    assert caught.value.field == "cursor"


async def test_a_worker_is_kept_as_it_last_announced_itself(store: Store) -> None:
    second, first = a_worker("w2", labels={"a": "b"}, facts={"tiers": ["cgroup"]}), a_worker("w1")
    await asyncio.gather(store.enroll(second), store.enroll(first))
    silence = Silence(boot_id="b", since=timedelta(hours=1, microseconds=1))
    lost = replace(first, state=WorkerState.LOST, seen_at=later(60) + timedelta(microseconds=1), draining=True, silence=silence)
    await store.enroll(lost)
    assert list(await store.workers()) == [lost, second]


async def test_a_verb_sees_what_was_answered_before_it(store: Store) -> None:
    for number in range(30):
        await begin(store, f"job-{number}")
        job = await store.find(f"job-{number}")
        assert job is not None
        assert job.state is State.RUNNING
