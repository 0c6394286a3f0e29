"""What was found on a file, printed: a heading, the facts of the file, and each feature with its findings below it."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from triptych.cli.findings import Row, Section
from triptych.cli.printing import printable

INDENT = "  "


def report(file: str, facts: str, sections: Sequence[Section], *, apart: bool) -> None:
    """Print what was found on `file`, `apart` from what stands above it.

    On a terminal long findings go on below their beginning; elsewhere each is one plain line.
    """
    console = Console()
    show = _Terminal(console) if console.is_terminal else _Plain()
    if apart:
        show.line("", "")
    show.line(printable(file), "bold")
    show.line(f"{INDENT}{printable(facts)}", "dim")
    for section in sections:
        _show(show, section)


class _Plain:
    """One line each, without colour and however long."""

    def line(self, text: str, _style: str) -> None:
        print(text)

    def title(self, name: str, rest: str, _style: str) -> None:
        print(f"{INDENT}{name}  {rest}".rstrip())

    def rows(self, rows: Sequence[Row]) -> None:
        for row in rows:
            print(f"{2 * INDENT}{'  '.join(filter(None, (row.when, row.what)))}")


class _Terminal:
    """Lines that fit a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def line(self, text: str, style: str) -> None:
        self._console.print(Text(text, style=style))

    def title(self, name: str, rest: str, style: str) -> None:
        self._console.print(Text.assemble(INDENT, (name, "cyan"), "  ", (rest, style)))

    def rows(self, rows: Sequence[Row]) -> None:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for row in rows:
            table.add_row(Text(f"{2 * INDENT}{row.when}"), Text(row.what))
        self._console.print(table)


def _show(show: _Plain | _Terminal, section: Section) -> None:
    if section.failed is not None:
        show.title(section.name, f"not measured: {section.failed}", "yellow")
        return
    show.title(section.name, _counted(section.count), "" if section.count else "dim")
    if section.rows:
        show.rows(section.rows)
    if left := section.count - len(section.rows):
        show.line(f"{2 * INDENT}and {left} more: --most shows more of them, --json all", "dim")


def _counted(number: int) -> str:
    return {0: "nothing found", 1: "1 finding"}.get(number, f"{number} findings")
