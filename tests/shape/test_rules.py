"""Every rule of the panels, and every row of the camera's checklist, is named by a test that can fail, or a bench that measures it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shape.source import functions, python_files

SPANS = {
    "workers": {"W": 13, "S": 10, "K": 13, "O": 10, "L": 9, "P": 10},
    "media": {"G": 10, "J": 7, "W": 4, "C": 2, "R": 2, "T": 2, "K": 6, "P": 10, "V": 8, "B": 9},
    "camera": {"W": 9, "L": 10, "R": 10, "S": 8},
}
"""Rules that are numbered from 1: workers.md sections 2 to 8 and 12, of L1 the embedded half; media.md sections 2 to 6 and 11.1; camera.md
sections 2, 7, 8 and 11."""

OTHERS = {"workers": ("N0", "N3", "Q1"), "media": ("U0", "U1", "U2", "U3", "A1", "A2", "A4", "A5", "S1", "S2", "S4"), "camera": ()}

LATER = {
    "workers N1": "schedules have an issue of their own; their routes answer 404",
    "workers N2": "fan-outs likewise",
    "media C3": "live inputs are stored and checked, and do not run yet",
    "media A3": "so do live episodes",
    "media B8": "and so does what they cost",
    "media S3": "no reader of a live input opens a network yet",
}
"""Rules that no test names, each with the reason."""

RULES = tuple(
    rule
    for panel, letters in SPANS.items()
    for rule in (
        *(f"{panel} {letter}{number}" for letter, most in letters.items() for number in range(1, most + 1)),
        *(f"{panel} {name}" for name in OTHERS[panel]),
    )
    if rule not in LATER
)

ROWS = tuple(range(1, 53))
"""Of the acceptance checklist, camera.md 13."""

NAMES = re.compile(r"\b(workers|media|camera) (?:panel )?((?:[A-Z][0-9]{1,2}(?: to |, (?:and )?| and )?)+)", re.IGNORECASE)
ROW = re.compile(r"\b(?:camera|Camera)\b[^:.]*?\brows? ((?:[0-9]{1,2}(?: to |, (?:and )?| and )?)+)")
SPAN = re.compile(r"([A-Z])([0-9]{1,2})(?: to [A-Z]([0-9]{1,2}))?")


@pytest.mark.parametrize("rule", RULES)
def test_a_test_or_a_bench_names_the_rule(rule: str) -> None:
    assert rule in _named()


@pytest.mark.parametrize("row", ROWS)
def test_a_test_or_a_bench_proves_the_row(row: int) -> None:
    assert row in _proved()


def test_what_comes_later_is_named_by_nobody_yet() -> None:
    assert not set(LATER) & _named()


@cache
def _named() -> frozenset[str]:
    return frozenset(rule for text in _claims() for rule in _rules(text))


@cache
def _proved() -> frozenset[int]:
    named = {int(number) for text in _claims() for row in ROW.findall(text) for number in _numbers(row)}
    return frozenset(named | {int(number) for name in _names() for number in re.findall(r"(?<=_)[0-9]+(?=_|$)", name)})


def _numbers(text: str) -> Iterator[str]:
    for first, last in re.findall(r"([0-9]+)(?: to ([0-9]+))?", text):
        yield from map(str, range(int(first), int(last or first) + 1))


def _names() -> Iterator[str]:
    """Yield the names of the tests of rows of the checklist."""
    for path in python_files("tests/conformance"):
        if path.name.startswith(("test_camera", "test_moves")):
            yield from (node.name for node in functions(path) if node.name.startswith(("test_row_", "test_rows_")))


def _claims() -> Iterator[str]:
    """Yield what tests say that they prove, and benches that they measure."""
    for path in python_files("tests"):
        if path.name.startswith("test_") and path != Path(__file__):
            yield from (_said(node) for node in functions(path) if node.name.startswith("test_"))
    for path in python_files("bench"):
        yield from (_said(node) for node in functions(path))


def _said(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return ast.get_docstring(node) or ""


def _rules(text: str) -> Iterator[str]:
    for claim in NAMES.finditer(text):
        for letter, first, last in SPAN.findall(claim[2]):
            yield from (f"{claim[1].lower()} {letter}{number}" for number in range(int(first), int(last or first) + 1))
