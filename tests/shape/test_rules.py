"""Every rule of the workers panel is named by a test that can fail, or by the bench that measures it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shape.source import functions, python_files

RULES = (
    *(f"W{number}" for number in range(1, 14)),
    *(f"S{number}" for number in range(1, 11)),
    *(f"K{number}" for number in range(1, 14)),
    *(f"O{number}" for number in range(1, 11)),
    *(f"L{number}" for number in range(1, 10)),
    *("N0", "N3", "Q1"),
    *(f"P{number}" for number in range(1, 11)),
)
"""The rules of workers.md, sections 2 to 8 and 12; of L1 the embedded half: a worker listens on nothing."""

LATER = {
    "N1": "schedules have an issue of their own; their routes answer 404",
    "N2": "fan-outs likewise",
}
"""Rules that no test names, each with the reason."""

NAMES = re.compile(r"\bworkers (?:panel )?((?:[A-Z][0-9]{1,2}(?: to |, | and )?)+)", re.IGNORECASE)
SPAN = re.compile(r"([A-Z])([0-9]{1,2})(?: to [A-Z]([0-9]{1,2}))?")


@pytest.mark.parametrize("rule", RULES)
def test_a_test_or_a_bench_names_the_rule(rule: str) -> None:
    assert rule in _named()


def test_what_comes_later_is_named_by_nobody_yet() -> None:
    assert not set(LATER) & set(RULES)
    assert not set(LATER) & _named()


@cache
def _named() -> frozenset[str]:
    return frozenset(rule for text in _claims() for rule in _rules(text))


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
        for letter, first, last in SPAN.findall(claim[1]):
            yield from (f"{letter}{number}" for number in range(int(first), int(last or first) + 1))
