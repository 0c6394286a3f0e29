"""What lies in this worker's spools that the server has not taken yet; a page nothing of which is missed is thrown away (workers O5)."""

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from triptych.agent.spool import page_of
from triptych.messages import Ended, Key, Report


@dataclass(eq=False, slots=True)
class _Page:
    number: int
    due: dict[Key, int] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Book:
    folder: str
    pages: list[_Page]
    closed: bool = False


class Receipts:
    """Follows which page of which spool holds an attempt's reports. A spool is named by its folder."""

    def __init__(self) -> None:
        self._books: dict[str, _Book] = {}
        self._of: dict[Key, _Book] = {}
        self._ends: set[Key] = set()

    def open(self, folder: str) -> None:
        """Follow a spool from its first page on."""
        self._books[folder] = _Book(folder, [_Page(1)])

    def turn(self, folder: str, number: int) -> None:
        """Note that what comes next lies on this page."""
        book = self._books[folder]
        if number > book.pages[-1].number:
            book.pages.append(_Page(number))
            self._clear(book)

    def note(self, folder: str, report: Report) -> None:
        """Note that a report lies on the spool's newest page."""
        key = report.job_id, report.attempt
        book = self._of[key] = self._books[folder]
        book.pages[-1].due[key] = report.seq
        if isinstance(report.body, Ended):
            self._ends.add(key)

    def expect(self, ends: Iterable[Key]) -> None:
        """Note that the spools hold the ends of these attempts, before they are read out."""
        self._ends.update(ends)

    def ends(self, key: Key) -> bool:
        """Say whether the end of an attempt is on its way to the server."""
        return key in self._ends

    def take(self, taken: Iterable[tuple[str, int, int]]) -> None:
        """Throw away the pages on which nothing is left that the server does not have."""
        for job_id, attempt, seq in taken:
            key = job_id, attempt
            book = self._of.get(key)
            if book is None:
                continue
            for page in book.pages:
                if page.due.get(key, seq + 1) <= seq:
                    del page.due[key]
            if not any(key in page.due for page in book.pages):
                del self._of[key]
                self._ends.discard(key)
            self._clear(book)

    def close(self, folder: str) -> None:
        """Note that nothing more will be written to a spool, since its shim is gone."""
        book = self._books.get(folder)
        if book is not None:
            book.closed = True
            self._clear(book)

    def _clear(self, book: _Book) -> None:
        if book.closed and not any(page.due for page in book.pages):
            self._books.pop(book.folder, None)
            shutil.rmtree(book.folder, ignore_errors=True)
            return
        for page in [page for page in book.pages[:-1] if not page.due]:
            book.pages.remove(page)
            with suppress(OSError):
                os.unlink(page_of(book.folder, page.number))
