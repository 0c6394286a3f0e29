"""Laws that hold for every sequence of verbs, on every store (engine 2.1, E1, E4)."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from stores.making import a_job, a_worker, later, to, told
from triptych.contracts import Store
from triptych.errors import TriptychError
from triptych.model import HELD_BY_WORKER, LIVE, MOVES, Change, End, EndReason, Job, Query, State, sources
from triptych.stores.memory import MemoryStore
from triptych.stores.sql import SqlStore

IDS = ("a", "b", "c")
PATIENT = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Verb:
    """One call of a store: what it is called, and with what."""

    name: str
    arguments: tuple[object, ...]

    async def on(self, store: Store) -> object:
        """Call it and return what came of it, an error as its code."""
        try:
            return await getattr(store, self.name)(*self.arguments)
        except TriptychError as fault:
            return type(fault), fault.code


def changes() -> SearchStrategy[Change]:
    return st.sampled_from([None, *(state for state in State if sources(state))]).flatmap(_changes_to)


def _changes_to(target: State | None) -> SearchStrategy[Change]:
    legal = LIVE if target is None else sources(target)
    return st.builds(
        Change,
        job_id=st.sampled_from(IDS),
        at=st.integers(0, 9).map(later),
        sources=st.one_of(st.just(legal), st.frozensets(st.sampled_from(sorted(legal)))),
        target=st.just(target),
        attempt=st.sampled_from([None, None, 0, 1, 2]),
        seq=st.one_of(st.none(), st.integers(1, 5)),
        next_attempt=st.just(target is State.STARTING),
        requeue=st.booleans() if target is State.QUEUED else st.just(False),
        worker_id=st.sampled_from([None, "w1", "w2"]),
        pid=st.sampled_from([None, 7, 8]),
        stopped_by=st.sampled_from([None, "me"]),
        end=st.builds(End, reason=st.sampled_from(EndReason), exit_code=st.sampled_from([None, 0, 1]))
        if target is State.ENDED
        else st.none(),
        progress=st.sampled_from([None, {"x": 1}, {"x": 2.5, "y": 100}]),
        result=st.sampled_from([None, {"r": [1]}]),
        facts=st.sampled_from([None, {"f": 1}, {"g": {"h": None}}]),
        note=st.sampled_from(["state", "finding"]),
        data=st.sampled_from([None, {"d": "ä"}]),
    )


def jobs() -> SearchStrategy[Job]:
    return st.builds(
        a_job,
        st.sampled_from(IDS),
        created_at=st.integers(0, 3).map(later),
        kind=st.sampled_from(["command", "annotate"]),
        idempotency_key=st.sampled_from([None, None, "k"]),
        fingerprint=st.sampled_from(["f", "g"]),
        needs=st.sampled_from([{}, {"gpu": "1"}]),
        pinned=st.sampled_from([None, "w1"]),
        priority=st.sampled_from([10, 20]),
        berth_wish=st.sampled_from(["", "2", "apart"]),
    )


def verbs() -> SearchStrategy[Verb]:
    workers = st.builds(a_worker, st.sampled_from(["w1", "w2"]), labels=st.sampled_from([{}, {"gpu": "1", "arch": "arm"}]))
    berths = st.sampled_from([None, {"": (1, 2), "2": (2,)}, {"": (2,), "2": (2,), "apart": (3,)}])
    return st.one_of(
        st.builds(Verb, st.just("add"), st.tuples(jobs())),
        st.builds(Verb, st.just("move"), st.tuples(st.lists(changes(), max_size=4))),
        st.builds(Verb, st.just("move"), st.tuples(st.lists(changes(), max_size=4))),
        st.builds(Verb, st.just("place"), st.tuples(workers, st.sampled_from(["command", "annotate"]), st.just(later(20)), berths)),
        st.builds(Verb, st.just("forget"), st.tuples(st.sampled_from(IDS))),
    )


def rounds() -> SearchStrategy[list[list[Verb]]]:
    """Some rounds of verbs that are called at once."""
    return st.lists(st.lists(verbs(), min_size=1, max_size=8), min_size=1, max_size=6)


async def whole(store: Store) -> tuple[object, ...]:
    return (await store.list(Query(limit=None))), list(await store.log(0, 10_000))


def run(examples: Callable[[], object]) -> None:
    """Run one example in a loop of its own."""
    with asyncio.Runner() as runner:
        runner.run(examples())


@PATIENT
@given(data=st.data())
def test_every_store_does_the_same(urls: Callable[[], str], data: DataObject) -> None:
    """What memory answers, both databases answer, whatever was called at once and whenever they were opened anew."""

    async def example() -> None:
        url = urls()
        memory = MemoryStore()
        for calls in data.draw(rounds()):
            async with SqlStore(url) as sql:
                answers = [await asyncio.gather(*(call.on(store) for call in calls)) for store in (memory, sql)]
                assert [_listed(answer) for answer in answers[1]] == [_listed(answer) for answer in answers[0]]
                assert _renumbered(await whole(sql)) == _renumbered(await whole(memory))

    run(example)


@PATIENT
@given(data=st.data())
def test_no_sequence_of_verbs_breaks_the_table_of_moves(data: DataObject) -> None:
    async def example() -> None:
        store = MemoryStore()
        seen: dict[str, Job] = {}
        for call in [call for calls in data.draw(rounds()) for call in calls]:
            number = await _newest(store)
            await call.on(store)
            for entry in await store.log(number, 100):
                before = seen.get(entry.job_id)
                after = await store.find(entry.job_id)
                assert before is None or entry.state is before.state or entry.state in MOVES[before.state]
                assert before is None or before.state is not State.ENDED
                if after is not None:
                    seen[entry.job_id] = replace(after, state=entry.state)
            if call.name == "forget":
                seen = {job_id: job for job_id, job in seen.items() if await store.find(job_id)}
            await _assert_kept(store, seen)

    run(example)


async def _assert_kept(store: Store, seen: dict[str, Job]) -> None:
    for job_id, job in seen.items():
        assert await store.find(job_id) == job


@PATIENT
@given(order=st.permutations(range(1, 7)), repeats=st.lists(st.integers(1, 6), max_size=6), data=st.data())
def test_repeats_and_what_comes_too_late_are_dropped(order: list[int], repeats: list[int], data: DataObject) -> None:
    """Reports are numbered per attempt: after any delivery the job is as if only the rising ones had ever come (engine E4)."""

    async def example() -> None:
        store, wanted = MemoryStore(), MemoryStore()
        for each in (store, wanted):
            await each.add(a_job(state=State.RUNNING, attempt=2, worker_id="w1"))
        newest = 0
        for number in order + repeats:
            report = told(seq=number, attempt=2, progress={f"part {number}": number}, pid=number)
            older = replace(report, attempt=1, seq=number + 100)
            answers = await store.move([report, report, older])
            assert [answer is not None for answer in answers] == [number > newest, False, False]
            if number > newest:
                newest = number
                await wanted.move([report])
        assert await whole(store) == await whole(wanted)

    run(example)


@PATIENT
@given(parts=st.integers(0, 12), stop_at=st.integers(0, 14), together=st.booleans())
def test_a_concurrent_cancel_is_never_lost(urls: Callable[[], str], parts: int, stop_at: int, together: bool) -> None:  # noqa: FBT001 - drawn
    """A stop between any two reports of a worker stays: nothing but the end comes after it, and the end says who asked."""

    async def example() -> None:
        async with SqlStore(urls()) as store:
            await store.add(a_job(state=State.STARTING, attempt=1, worker_id="w1"))
            calls = [[change] for change in _life(parts)]
            calls.insert(
                min(stop_at, len(calls)), [to(State.STOPPING, attempt=1, stopped_by="me", sources=HELD_BY_WORKER & sources(State.STOPPING))]
            )
            answers = await _all(store, calls, together=together)
            stopped = next(job for call, (job,) in zip(calls, answers, strict=True) if call[0].target is State.STOPPING)
            states = [entry.state for entry in await store.log(0, 100)]
            final = await store.find("job-1")
            assert final is not None
            assert final.state is State.ENDED
            if stopped is not None:
                assert final.stopped_by == "me"
                assert set(states[states.index(State.STOPPING) :]) == {State.STOPPING, State.ENDED}

    run(example)


def _life(parts: int) -> Sequence[Change]:
    reports = [to(State.RUNNING, pid=7), *(told(progress={"x": part}, note="progress") for part in range(parts)), to(State.ENDED)]
    return [replace(report, seq=number, attempt=1) for number, report in enumerate(reports, 1)]


async def _all(store: Store, calls: Sequence[Sequence[Change]], *, together: bool) -> Sequence[Sequence[Job | None]]:
    if together:
        return await asyncio.gather(*(store.move(call) for call in calls))
    return [await store.move(call) for call in calls]


async def _newest(store: Store) -> int:
    newest = await store.log(-1, 1)
    return newest[0].number if newest else 0


def _listed(answer: object) -> object:
    return list(answer) if isinstance(answer, list | tuple) else answer


def _renumbered(state: tuple[object, ...]) -> tuple[object, ...]:
    """Leave out the numbers of the log, which may have gaps, but not their order."""
    page, log = state
    numbers = [entry.number for entry in log]
    assert numbers == sorted(set(numbers))
    return page, [replace(entry, number=0) for entry in log]
