"""What stands on a caption service's screen, since when and until when: shared by both caption standards."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction


class Line:
    """One row of text: a character for each column that was written, shown from `since` seconds on, until `until`."""

    def __init__(self) -> None:
        self._cells: dict[int, str] = {}
        self.since: Fraction | None = None
        self.until: Fraction | None = None
        self.changed: Fraction | None = None

    @property
    def text(self) -> str:
        """The row from its first to its last character."""
        first, last = min(self._cells, default=0), max(self._cells, default=-1)
        return "".join(self._cells.get(column, " ") for column in range(first, last + 1)).strip()

    def put(self, column: int, letter: str) -> None:
        """Write one character."""
        self._cells[column] = letter

    def cut(self, column: int) -> None:
        """Erase from `column` on."""
        self._cells = {place: letter for place, letter in self._cells.items() if place < column}

    def erase(self, column: int) -> None:
        """Erase one character."""
        self._cells.pop(column, None)


class Page:
    """Rows of text, by number from the top, that appear and go together; `at` is the time of what happens, in seconds."""

    def __init__(self, gone: deque[Line]) -> None:
        self._lines: dict[int, Line] = {}
        self._gone = gone
        self.visible = False

    @property
    def lines(self) -> list[Line]:
        """The rows that hold text, from the top."""
        return [self._lines[row] for row in sorted(self._lines) if self._lines[row].text]

    def show(self, at: Fraction) -> None:
        """Make everything visible."""
        self.visible = True
        for line in self._lines.values():
            line.since = line.changed = at if line.since is None else line.since

    def hide(self, at: Fraction) -> None:
        """Take everything from sight and keep it, as what would be new if it were shown again."""
        for row, line in self._lines.items():
            self._close(line, at)
            self._lines[row] = _copy(line)
        self.visible = False

    def clear(self, at: Fraction) -> None:
        """Erase everything."""
        for line in self._lines.values():
            self._close(line, at)
        self._lines = {}

    def put(self, row: int, column: int, letter: str, at: Fraction) -> None:
        """Write one character."""
        line = self._lines.setdefault(row, Line())
        line.put(column, letter)
        if self.visible:
            line.since = at if line.since is None else line.since
            line.changed = at

    def erase(self, row: int, column: int) -> None:
        """Erase one character."""
        if row in self._lines:
            self._lines[row].erase(column)

    def cut(self, row: int, column: int) -> None:
        """Erase a row from `column` on."""
        if row in self._lines:
            self._lines[row].cut(column)

    def roll(self, top: int, bottom: int, at: Fraction) -> None:
        """Move the rows from `top` to `bottom` up by one: the uppermost goes, and so does all that lies outside."""
        kept = {}
        for row, line in self._lines.items():
            if top < row <= bottom:
                kept[row - 1] = line
            else:
                self._close(line, at)
        self._lines = kept

    def move(self, down: int) -> None:
        """Move all rows `down`."""
        self._lines = {row + down: line for row, line in self._lines.items()}

    def _close(self, line: Line, at: Fraction) -> None:
        if line.since is not None and line.text:
            line.until = at
            self._gone.append(line)


def _copy(line: Line) -> Line:
    copy = Line()
    copy._cells = dict(line._cells)  # noqa: SLF001 - one class
    return copy


MOST_REMEMBERED = 256
"""Lines that went from sight: more than anyone can read in the seconds that are asked about."""


class Screen:
    """All pages of one service, and the lines that went from sight but are still remembered."""

    def __init__(self) -> None:
        self.gone: deque[Line] = deque(maxlen=MOST_REMEMBERED)
        self.pages: list[Page] = []

    def add(self) -> Page:
        """Return a new page."""
        self.pages.append(Page(self.gone))
        return self.pages[-1]

    def display(self) -> list[str]:
        """Return the rows that stand on the screen now, from the top."""
        return [line.text for line in self._standing()]

    def shown(self, since: Fraction) -> list[str]:
        """Return every row that stood on the screen at some time after `since`, in the order in which they appeared."""
        lines = [line for line in (*self.gone, *self._standing()) if line.until is None or line.until > since]
        return [line.text for line in sorted(lines, key=lambda line: line.since or 0)]

    def changed(self) -> Fraction | None:
        """Return when the newest text that is remembered appeared."""
        return max((line.changed for line in (*self.gone, *self._standing()) if line.changed is not None), default=None)

    def last_shown(self, at: Fraction) -> Fraction | None:
        """Return `at` while there is text on the screen, else when the last of it went; None before there was any."""
        if self.display():
            return at
        return self.gone[-1].until if self.gone else None

    def _standing(self) -> Iterator[Line]:
        return (line for page in self.pages if page.visible for line in page.lines)
