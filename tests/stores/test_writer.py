"""Group commit, on a real SQLite file."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stores.making import a_job
from triptych.errors import Conflict, Unavailable
from triptych.stores import verbs
from triptych.stores.databases import database
from triptych.stores.statements import Statements
from triptych.stores.transaction import Transaction
from triptych.stores.upgrade import bring_up
from triptych.stores.writer import Writer


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    file = database(f"sqlite:///{tmp_path}/triptych.db")
    bring_up(file)
    writer = Writer(file, Statements(file.dialect))
    yield writer
    await writer.close()


class Gate:
    """A verb that holds the writer until it is let go."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, rows: Transaction) -> Transaction:
        self.reached.set()
        self.open.wait()
        return rows


async def held(writer: Writer) -> tuple[Gate, asyncio.Future[Transaction]]:
    gate = Gate()
    first = asyncio.ensure_future(writer.do(gate))
    await asyncio.to_thread(gate.reached.wait)
    return gate, first


async def test_what_arrives_during_a_transaction_is_the_next_one(writer: Writer) -> None:
    gate, first = await held(writer)
    others = [asyncio.ensure_future(writer.do(lambda rows: rows)) for _ in range(20)]
    await asyncio.sleep(0)
    gate.open.set()
    transactions = await asyncio.gather(first, *others)
    assert len({id(rows) for rows in transactions[1:]}) == 1
    assert transactions[0] is not transactions[1]


async def test_the_answers_of_one_commit_come_in_one_wake_up(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    woken: list[object] = []
    wake = loop.call_soon_threadsafe
    monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *call: (woken.append(call), wake(*call))[1])
    gate, first = await held(writer)
    others = [asyncio.ensure_future(writer.do(lambda _: 1)) for _ in range(50)]
    await asyncio.sleep(0)
    woken.clear()
    gate.open.set()
    await asyncio.gather(first, *others)
    assert len(woken) == 2


async def test_a_refusal_within_a_transaction_is_its_callers_alone(writer: Writer) -> None:
    def refuse(rows: Transaction) -> None:
        raise Conflict("no")

    gate, first = await held(writer)
    asks = [writer.do(lambda rows: verbs.add(rows, a_job())), writer.do(refuse), writer.do(lambda rows: rows.job("job-1"))]
    answers = asyncio.gather(*asks, return_exceptions=True)
    await asyncio.sleep(0)
    gate.open.set()
    await first
    added, refused, found = await answers
    assert isinstance(refused, Conflict)
    assert added == found == a_job()


async def test_a_fault_of_the_program_undoes_its_own_verb_alone(writer: Writer) -> None:
    def stumble(rows: Transaction) -> None:
        verbs.add(rows, a_job("half"))
        raise ZeroDivisionError

    gate, first = await held(writer)
    asks = [writer.do(lambda rows: verbs.add(rows, a_job("a"))), writer.do(stumble), writer.do(lambda rows: verbs.add(rows, a_job("b")))]
    answers = asyncio.gather(*asks, return_exceptions=True)
    await asyncio.sleep(0)
    gate.open.set()
    await first
    assert [type(answer).__name__ for answer in await answers] == ["Job", "ZeroDivisionError", "Job"]
    assert await writer.do(lambda rows: [rows.job(job_id) and job_id for job_id in ("a", "half", "b")]) == ["a", None, "b"]


async def test_closing_commits_what_was_asked_before(tmp_path: Path, writer: Writer) -> None:
    gate, first = await held(writer)
    last = asyncio.ensure_future(writer.do(lambda rows: verbs.add(rows, a_job())))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(writer.close())
    await asyncio.sleep(0)
    gate.open.set()
    await asyncio.gather(first, closing)
    assert await last == a_job()
    with pytest.raises(Unavailable):
        await writer.do(lambda rows: None)
