"""What a store on a database must do besides (engine 2.2): keep, recover, and share with other servers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import make_url

from contracts.plans import plan, plan_of_listing
from stores.making import START, a_job, a_worker, later, to, told
from triptych.errors import Invalid, TriptychError, Unavailable
from triptych.model import LIVE, EndReason, Happening, Job, Query, State
from triptych.stores.databases import database
from triptych.stores.sql import SqlStore
from triptych.stores.statements import Statements


@pytest.fixture
async def sql(url: str) -> AsyncIterator[SqlStore]:
    async with SqlStore(url) as store:
        yield store


async def test_what_was_answered_is_there_after_a_restart(url: str) -> None:
    async with SqlStore(url) as store:
        job = await store.add(a_job(idempotency_key="k", needs={"gpu": "1"}))
        await store.move([told(progress={"x": 1.5}, facts={"f": [1]}, note="finding", data={"d": 1})])
        await store.enroll(a_worker())
        await store.put("cameras", "c", {"name": "ä"})
        log = list(await store.log(0, 10))
    async with SqlStore(url) as store:
        assert await store.find("job-1") == replace(job, progress={"x": 1.5}, facts={"f": [1]}, updated_at=later(1), revision=2)
        assert list(await store.log(0, 10)) == log
        assert list(await store.workers()) == [a_worker()]
        assert await store.get("cameras", "c") == {"name": "ä"}
        assert (await store.add(a_job("job-2", idempotency_key="k"))).id == "job-1"
        await store.move([told()])
        assert (await store.log(-1, 1))[0].number > log[-1].number


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(a_job("bad", priority=2**70), id="a number that is too big"),
        pytest.param(a_job("bad", origin="\ud800"), id="text that is no text"),
        pytest.param(a_job("bad", origin=object()), id="a thing that is no text"),
    ],
)
async def test_a_verb_that_the_database_cannot_do_fails_nobody_else(sql: SqlStore, job: Job) -> None:
    results = await asyncio.gather(*(sql.add(each) for each in (a_job("a"), job, a_job("b"))), return_exceptions=True)
    assert results[::2] == [a_job("a"), a_job("b")]
    assert isinstance(results[1], Exception)
    assert not isinstance(results[1], Unavailable)
    assert {found.id for found in (await sql.list(Query())).jobs} == {"a", "b"}


async def test_an_id_that_no_row_could_have_is_not_there(sql: SqlStore) -> None:
    await sql.add(a_job())
    assert await sql.find("\ud800") is None
    assert await sql.find("job-1\0") is None
    with pytest.raises(Invalid):
        await sql.list(Query(origin="\ud800"))


async def test_a_change_that_is_not_json_leaves_nothing_behind(sql: SqlStore) -> None:
    await sql.add(a_job())
    good, bad = await asyncio.gather(
        sql.move([told(pid=3)]), sql.move([to(State.STARTING), told(data={"x": object()})]), return_exceptions=True
    )
    assert isinstance(bad, Invalid)
    assert not isinstance(good, BaseException)
    assert await sql.find("job-1") == good[0]
    assert len(await sql.log(0, 10)) == 2


async def test_a_job_that_ends_and_is_forgotten_at_once_leaves_no_log(sql: SqlStore) -> None:
    await sql.add(a_job())
    _, gone = await asyncio.gather(sql.move([to(State.ENDED)]), sql.forget("job-1"))
    assert gone
    assert list(await sql.log(0, 10)) == []
    again, _ = await asyncio.gather(sql.add(a_job()), sql.add(a_job("job-2")))
    assert again == a_job()


async def test_many_at_once_are_all_answered(sql: SqlStore) -> None:
    """More than one transaction takes."""
    await asyncio.gather(*(sql.add(a_job(f"{number:04}", created_at=later(number))) for number in range(1200)))
    jobs = (await sql.list(Query(limit=None))).jobs
    assert [job.id for job in jobs] == [f"{number:04}" for number in reversed(range(1200))]
    assert [entry.number for entry in await sql.log(0, 2000)] == list(range(1, 1201))


async def test_a_closed_store_says_so(url: str) -> None:
    async with SqlStore(url) as store:
        last = asyncio.ensure_future(store.add(a_job()))
        await asyncio.sleep(0)
    assert await last == a_job()
    with pytest.raises(Unavailable) as caught:
        await store.add(a_job("job-2"))
    assert caught.value.code == "store_unavailable"
    with pytest.raises(Unavailable):
        await store.find("job-1")


async def test_a_caller_that_leaves_takes_nothing_back(sql: SqlStore) -> None:
    leaving = asyncio.ensure_future(sql.add(a_job()))
    await asyncio.sleep(0)
    leaving.cancel()
    await sql.add(a_job("job-2"))
    assert await sql.find("job-1") == a_job()


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(kind="command"),
        Query(states=LIVE),
        Query(states=frozenset({State.QUEUED, State.RUNNING})),
        Query(states=frozenset({State.ENDED})),
        Query(end_reason=EndReason.FAILED),
        Query(worker_id="w1"),
        Query(origin="gcp"),
        Query(since=START, until=later(9)),
        Query(label=("gpu", "1")),
        Query(text="x"),
        Query(kind="command", ended_before=later(9)),
        Query(kind="annotate", states=LIVE, worker_id="w1", since=START),
    ],
)
async def test_a_listing_is_read_from_an_index_in_its_order(sql: SqlStore, url: str, query: Query) -> None:
    """Engine E7: nothing is sorted and no table is read through, on the first page and on the next."""
    for number in range(3):
        await sql.add(a_job(f"job-{number}"))
    if query.ended_before is not None:
        await sql.move([to(State.ENDED, f"job-{number}") for number in range(3)])
        query = replace(query, limit=1)
    cursor = (await sql.list(Query(limit=1, ended_before=query.ended_before))).cursor
    for page in (query, replace(query, cursor=cursor)):
        assert "jobs_" in plan_of_listing(url, sql, page)


@pytest.mark.parametrize(
    "name",
    ["find", "hold", "hold_keyed", "head_free", "head_pinned", "held_berths", "log", "log_of", "newest", "newest_of", "document_keys"],
)
async def test_every_other_row_is_found_by_an_index(sql: SqlStore, url: str, name: str) -> None:
    statement = getattr(Statements(database(url).dialect), name)
    values = {"job_id": "a", "kind": "k", "key": "k", "pinned": "w", "wish": "", "needs": "", "after": 3, "limit": 5, "shelf": "s"}
    assert plan(url, statement, values)


async def test_a_store_of_a_later_release_is_refused(url: str) -> None:
    async with SqlStore(url):
        pass
    connection = database(url).migrator()
    connection.cursor().execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(TriptychError, match="later release") as caught:
        async with SqlStore(url):
            pass
    assert caught.value.code == "store_newer"


class TestSeveralServers:
    """Only PostgreSQL is shared."""

    @pytest.fixture
    async def servers(self, postgres) -> AsyncIterator[tuple[SqlStore, SqlStore]]:
        url = postgres()
        first, second = SqlStore(url), SqlStore(url)
        # Opened at once, so that both find an empty database.
        await asyncio.gather(first.__aenter__(), second.__aenter__())
        yield first, second
        await asyncio.gather(first.__aexit__(None, None, None), second.__aexit__(None, None, None))

    async def test_a_job_is_placed_once(self, servers: tuple[SqlStore, SqlStore]) -> None:
        """Engine E3."""
        for number in range(20):
            await servers[0].add(a_job(f"{number:02}", created_at=later(number)))
        left = {f"{number:02}" for number in range(20)}
        while left:
            placed = await asyncio.gather(*(server.place(a_worker(), "command", START) for server in servers * 2))
            ids = [job.id for job in placed if job is not None]
            assert len(set(ids)) == len(ids)
            assert left.issuperset(ids)
            left -= set(ids)
        assert all(job.attempt == 1 for job in (await servers[1].list(Query())).jobs)

    async def test_a_berth_is_given_once(self, servers: tuple[SqlStore, SqlStore]) -> None:
        """media J7: one job per core, whichever server placed it."""
        for number in range(30):
            await servers[0].add(a_job(f"{number:02}", kind="annotate", created_at=later(number)))
        for _ in range(20):
            placed = await asyncio.gather(*(server.place(a_worker(), "annotate", START, {"": (1,)}) for server in servers))
            (taken,) = [job for job in placed if job is not None]
            assert taken.berth == 1
            await servers[1].move([to(State.ENDED, taken.id)])

    async def test_of_many_asks_with_one_key_one_is_kept(self, servers: tuple[SqlStore, SqlStore]) -> None:
        asks = (
            server.add(a_job(f"{key}-{number}", idempotency_key=f"{(key * (1, -1)[number % 2]) % 7}", fingerprint="f"))
            for key in range(7)
            for number, server in enumerate(servers * 3)
        )
        jobs = await asyncio.gather(*asks)
        assert {(job.id, job.idempotency_key) for job in jobs} == {
            (job.id, job.idempotency_key) for job in (await servers[0].list(Query())).jobs
        }
        assert len({job.id for job in jobs}) == 7

    async def test_a_guard_holds_against_the_other_server(self, servers: tuple[SqlStore, SqlStore]) -> None:
        await servers[0].add(a_job())
        for number in range(1, 40):
            changes = [told(seq=number, pid=number)]
            answers = await asyncio.gather(*(server.move(changes) for server in servers))
            assert sum(job is not None for (job,) in answers) == 1

    async def test_changes_in_opposite_orders_do_not_block_each_other(self, servers: tuple[SqlStore, SqlStore]) -> None:
        ids = [f"{number:02}" for number in range(12)]
        for job_id in ids:
            await servers[0].add(a_job(job_id))
        await asyncio.gather(
            *(server.move([told(job_id) for job_id in order]) for server, order in zip(servers * 4, [ids, ids[::-1]] * 4, strict=True))
        )
        assert {job.revision for job in (await servers[0].list(Query())).jobs} == {9}

    async def test_a_reader_of_the_log_misses_no_number(self, servers: tuple[SqlStore, SqlStore]) -> None:
        """Numbers become visible in their order, though two servers give them."""
        writing = asyncio.gather(*(server.add(a_job(f"{part}-{number}")) for number in range(150) for part, server in enumerate(servers)))
        seen: list[Happening] = []
        while not writing.done() or await servers[0].log(seen[-1].number if seen else 0, 1):
            seen += await servers[0].log(seen[-1].number if seen else 0, 7)
        assert [entry.number for entry in seen] == list(range(1, 301))

    async def test_a_connection_that_was_lost_is_made_anew(self, postgres) -> None:
        url = postgres()
        async with SqlStore(url) as store:
            await store.add(a_job())
            await store.find("job-1")
            with psycopg.connect(url, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            assert (await store.move([told(pid=5)]))[0] is not None
            assert (await store.find("job-1")) is not None

    async def test_a_server_that_goes_away_is_unavailable_until_it_is_back(self, postgres) -> None:
        url = make_url(postgres())
        with psycopg.connect(url.set(database="postgres").render_as_string(hide_password=False), autocommit=True) as admin:
            async with SqlStore(url.render_as_string(hide_password=False)) as store:
                await store.add(a_job())
                admin.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false")
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [url.database])
                for verb in (store.add(a_job("job-2")), store.find("job-1"), store.list(Query())):
                    with pytest.raises(Unavailable) as caught:
                        await verb
                    assert caught.value.code == "store_unavailable"
                admin.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true")
                assert await store.add(a_job("job-3")) == a_job("job-3")
                assert {job.id for job in (await store.list(Query())).jobs} == {"job-1", "job-3"}
