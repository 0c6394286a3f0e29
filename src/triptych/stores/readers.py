"""Reading what was committed, in a few threads with a connection each, so that nobody waits for the writer."""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from triptych.errors import Invalid
from triptych.stores.databases import Connection, Database, Fate, unavailable
from triptych.stores.statements import Statement

THREADS = 4


class Readers:
    """Runs statements that only read; each sees every commit that was answered before it was asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: deque[Connection] = deque()
        self._is_open = True
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store-reader")

    async def rows(self, statement: Statement, **values: object) -> Sequence[Any]:
        """Return the rows of a statement. Raises `Unavailable`, or `Invalid` when a value is not one that a row could hold."""
        if not self._is_open:
            raise unavailable()
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, statement, statement.bind(**values))

    async def close(self) -> None:
        """End the threads and their connections."""
        self._is_open = False
        await asyncio.to_thread(self._threads.shutdown)
        self._close_idle()

    def _read(self, statement: Statement, values: tuple[object, ...]) -> Sequence[Any]:
        """Read with a connection that is idle; one that has gone bad meanwhile is replaced once."""
        is_stale = bool(self._idle)
        try:
            return self._read_once(statement, values)
        except Exception as fault:
            fate = self._database.fate(fault)
            if fate is Fate.UNFIT:
                raise Invalid("a value is not one that is stored") from fault
            if fate is not Fate.UNAVAILABLE:
                raise
            if not is_stale:
                raise unavailable(fault) from fault
        self._close_idle()
        return self._read(statement, values)

    def _read_once(self, statement: Statement, values: tuple[object, ...]) -> Sequence[Any]:
        connection = self._connection()
        try:
            cursor = connection.cursor()
            cursor.execute(statement.text, values)
            rows = cursor.fetchall()
        except BaseException:
            with suppress(Exception):
                connection.close()
            raise
        self._idle.append(connection)
        return rows

    def _connection(self) -> Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._database.reader()

    def _close_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()
