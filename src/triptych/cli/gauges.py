"""How far media jobs are: on a terminal a bar for each feature of each file, elsewhere nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from triptych.cli.findings import Part, View
from triptych.cli.printing import printable

BAR_WIDTH = 30
NAME_WIDTH = 30
FULL = 100
REFRESH_HZ = 8
SPARE_LINES = 2
"""Lines of the terminal that stay free below the bars."""


class Gauges:
    """Bars at the bottom of a terminal, between `shown` and its end, when they vanish."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    @property
    def seen(self) -> bool:
        """Whether anybody watches."""
        return self._console.is_terminal

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep room for the bars, where somebody watches."""
        if not self.seen:
            yield
            return
        with Live(console=self._console, refresh_per_second=REFRESH_HZ, transient=True) as self._live:
            yield

    @contextmanager
    def waiting(self, words: str) -> Iterator[None]:
        """Show that something is waited for, where somebody watches."""
        if not self.seen:
            yield
            return
        with self._console.status(Text(words)):
            yield

    def show(self, jobs: Sequence[tuple[str, View]], more: int) -> None:
        """Show how far each job is that runs, by the name of its file, as far as there is room, and how many others there are."""
        if self._live is not None:
            self._live.update(_picture(jobs, more, self._console.height - SPARE_LINES), refresh=True)


def _picture(jobs: Sequence[tuple[str, View]], more: int, room: int) -> RenderableType:
    lines: list[RenderableType] = []
    height = 0
    for file, view in jobs:
        needs = len(view.parts) + 1
        if view.status == "running" and (not height or height + needs <= room):
            height += needs
            lines += [Text(printable(file), style="bold", overflow="ellipsis", no_wrap=True), _bars(view.parts)]
        else:
            more += 1
    if more:
        lines.append(Text(f"{more} more {'file' if more == 1 else 'files'}" if lines else "waiting for a core", style="dim"))
    return Group(*lines)


def _bars(parts: Sequence[Part]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=NAME_WIDTH, no_wrap=True)
    for part in parts:
        table.add_row(Text(f"  {part.feature}"), *_bar(part))
    return table


def _bar(part: Part) -> tuple[RenderableType, ...]:
    if part.error is not None:
        return (Text("cannot be measured", style="yellow"),)
    return ProgressBar(total=FULL, completed=part.progressPercent, width=BAR_WIDTH), Text(f"{part.progressPercent:3.0f} %")
