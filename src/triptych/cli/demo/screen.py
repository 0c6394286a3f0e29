"""How the demo looks: calm rows of 80 columns on a terminal, the same rows as plain lines without one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.live import Live
from rich.rule import Rule
from rich.text import Text

WIDTH = 80
CALL_WIDTH = 46
REFRESH_HZ = 12


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing that was found beside what is known to be true."""

    name: str
    found: str
    truth: str
    right: bool


class Stage:
    """A place on the screen whose content changes; without a terminal every new plain line is printed once."""

    def __init__(self, console: Console, live: Live | None) -> None:
        self._console = console
        self._live = live
        self._last = ""

    def show(self, picture: RenderableType, plain: str) -> None:
        """Replace the content by `picture`, or print `plain` where nothing can be replaced."""
        if self._live is not None:
            self._live.update(picture)
        elif plain and plain != self._last:
            self._last = plain
            self._console.print(plain, soft_wrap=True, markup=False, highlight=False)


class Screen:
    """Prints what the demo does, in order."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def head(self, name: str, what: str) -> None:
        """Begin a part."""
        self.console.print()
        if self.console.is_terminal:
            title = Text.assemble((name, "bold"), f"  {what}")
            self.console.print(Rule(title, align="left", style="dim"), width=self._width)
        else:
            self.line(f"{name}: {what}")

    def call(self, request: str, status: int, answer: str) -> None:
        """Show one HTTP call and what it answered."""
        self._print(Text.assemble("  ", (request.ljust(CALL_WIDTH), "cyan"), (str(status), "dim"), "  ", answer))

    def line(self, text: str, style: str = "") -> None:
        """Show one line."""
        self._print(Text(text, style=style))

    def compare(self, rows: Sequence[Compared]) -> None:
        """Show what was found beside the truth; a name that repeats is written once."""
        width, found = (max((len(text) for text in texts), default=0) for texts in ([r.name for r in rows], [r.found for r in rows]))
        self._print(Text(f"    {'':{width}}  {'found':{found}}  truth", "dim"))
        last = ""
        for row in rows:
            name, last = "" if row.name == last else row.name, row.name
            self._print(Text.assemble("  ", _mark(right=row.right), f" {name:{width}}  {row.found:{found}}  ", (row.truth, "dim")))

    def verdict(self, text: str, *, right: bool) -> None:
        """Close a part with what it came to."""
        self._print(Text.assemble("  ", _mark(right=right), " ", (text, "bold")))

    @contextmanager
    def stage(self) -> Iterator[Stage]:
        """Open a place whose content changes; its last content stays."""
        if not self.console.is_terminal:
            yield Stage(self.console, None)
            return
        with Live(console=self.console, refresh_per_second=REFRESH_HZ) as live:
            yield Stage(self.console, live)

    @property
    def _width(self) -> int:
        return min(WIDTH, self.console.width)

    def _print(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)


def _mark(*, right: bool) -> Text:
    return Text("✓", "bold green") if right else Text("✗", "bold red")
