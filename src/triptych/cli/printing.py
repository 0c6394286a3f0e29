"""What the commands print: tables that fit a terminal and are plain elsewhere, JSON as the server sent it, and bytes as they came."""

import os
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDEST_ID = 36
UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)))


def show_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below their heads. On a terminal ids longer than a UUID take several lines and the last column is cut to fit.

    Elsewhere nothing is cut or coloured.
    """
    console = Console()
    if console.is_terminal:
        console.print(_table(heads, rows))
        return
    lines = (heads, *rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def show_json(body: bytes) -> None:
    """Print a JSON body as one line."""
    print(body.decode().strip())


def tell(sentence: str) -> None:
    """Say something about the command itself, on standard error, where it does not mix with what is printed."""
    sys.stderr.write(f"triptych: {printable(sentence)}\n")
    sys.stderr.flush()


def write(data: bytes, *, error: bool = False) -> None:
    """Pass bytes on as they are, at once."""
    stream = (sys.stderr if error else sys.stdout).buffer
    stream.write(data)
    stream.flush()


def give_up() -> None:
    """Let what is still buffered go nowhere, without a word: nobody reads standard output any more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def printable(text: str) -> str:
    r"""Return `text` with what would steer a terminal written out, such as `\x1b`."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)


def as_typed(words: Sequence[str]) -> str:
    """Return a command line as it would be typed in a shell."""
    return printable(shlex.join(words))


def age(moment: datetime, now: datetime) -> str:
    """Return how long ago `moment` was, in its largest unit: `5s`, `3m`, `4h`, `12d`."""
    past = max(now - moment, timedelta())
    return next((f"{past // unit}{name}" for name, unit in UNITS if past >= unit), f"{past // timedelta(seconds=1)}s")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False, expand=True)
    longest = max(map(len, (heads[0], *(row[0] for row in rows))))
    table.add_column(Text(heads[0]), overflow="fold", width=min(longest, WIDEST_ID))
    for head in heads[1:-1]:
        table.add_column(Text(head), no_wrap=True)
    table.add_column(Text(heads[-1]), no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
