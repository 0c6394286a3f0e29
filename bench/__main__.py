"""`python -m bench [NAME ...]`: every bench, or those named; each figure beside its target and what the bare machine does."""

import os
import sys
from importlib import import_module
from math import isnan

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.figure import Figure

# As in every process of a media job; numpy reads it when it is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

BENCHES = (
    "idle",
    "starts",
    "queries",
    "stops",
    "output",
    "apart",
    "adopted",
    "peers",
    "store",
    "media",
    "shots",
    "mediajobs",
    "medialong",
    "camera",
    "watching",
    "recording",
    "live",
)


def main() -> None:
    """Run the benches and print a row for each figure. A missed target is told, not failed: a busy machine misses some."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    names = sys.argv[1:] or BENCHES
    load, _, _ = os.getloadavg()
    console.print(f"{os.cpu_count()} cores, load {load:.1f} before the first bench\n", style="dim")
    found: list[Figure] = []
    for name in names:
        with console.status(f"bench {name}"):
            figures: list[Figure] = import_module(f"bench.{name}").figures()
        console.print(_table(name, figures))
        found += figures
    missed = [figure.name for figure in found if not figure.met]
    console.print(f"missed: {', '.join(missed)}" if missed else "every target is met", style="bold")


def _table(name: str, figures: list[Figure]) -> Table:
    table = Table(title=name, title_justify="left", title_style="bold", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("figure", "value", "target", "", "beside"):
        table.add_column(heading, justify="right" if heading in {"value", "target"} else "left")
    for figure in figures:
        table.add_row(figure.name, _value(figure), str(figure.target or ""), _mark(figure), escape(_beside(figure)))
    return table


def _value(figure: Figure) -> str:
    return "-" if isnan(figure.value) else f"{figure.value:.4g} {figure.unit}"


def _mark(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return "[green]met[/]" if figure.met else "[red]missed[/]"


def _beside(figure: Figure) -> str:
    baseline = figure.baseline
    if baseline is None:
        return figure.note
    ratio = f", ratio {figure.value / baseline.value:.2g}" if baseline.value else ""
    return f"{baseline.what}: {baseline.value:.4g}{ratio}" + (f"; {figure.note}" if figure.note else "")


if __name__ == "__main__":
    main()
