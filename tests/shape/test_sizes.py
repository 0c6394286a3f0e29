"""The sizes of the house: short functions, short files, narrow contracts, few comments."""

import ast
import io
import re
import tokenize

from shape.source import SRC, functions, length, parsed, python_files, shown

LONGEST_FUNCTION = 60
LONGEST_FILE = 400
MOST_METHODS = 10
MOST_COMMENTS = 0.05

LONG_FILES: dict[str, str] = {}
"""Files over 400 lines, each with the reason why it is better whole."""


def test_no_function_is_longer_than_60_lines() -> None:
    long = [
        f"{shown(path)}:{node.lineno} {node.name} has {length(node)} lines"
        for path in python_files("src", "bench", "tests")
        for node in functions(path)
        if length(node) > LONGEST_FUNCTION
    ]
    assert not long


def test_a_file_over_400_lines_says_why() -> None:
    long = {shown(path) for path in python_files("src", "bench") if len(path.read_text().splitlines()) > LONGEST_FILE}
    assert long == set(LONG_FILES)


def test_the_median_function_is_at_most_8_lines() -> None:
    lengths = sorted(length(node) for path in python_files("src") for node in functions(path))
    assert lengths[len(lengths) // 2] <= 8


def test_a_contract_has_at_most_10_methods() -> None:
    wide = {name: count for name, count in _contracts().items() if count > MOST_METHODS}
    assert not wide


def test_comments_are_at_most_one_line_in_twenty() -> None:
    lines = comments = 0
    for path in python_files("src"):
        text = path.read_text()
        lines += len(text.splitlines())
        comments += len(_comment_lines(text))
    assert comments <= MOST_COMMENTS * lines


def test_no_comment_is_a_banner_or_code() -> None:
    bad = [
        f"{shown(path)}: {comment}"
        for path in python_files("src", "bench", "tests")
        for comment in _comment_lines(path.read_text())
        if re.search(r"[-=#*~]{4,}", comment) or re.match(r"#\s*(def|class|import|from|if|for|return)\s.*[:)]$", comment)
    ]
    assert not bad


def test_every_module_says_in_its_first_line_what_it_is_for() -> None:
    bare = [shown(path) for path in python_files("src", "bench") if not ast.get_docstring(parsed(path))]
    assert not bare


def _contracts() -> dict[str, int]:
    protocols = [
        node
        for node in parsed(SRC / "contracts.py").body
        if isinstance(node, ast.ClassDef) and any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
    ]
    return {
        node.name: sum(isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_context(item.name) for item in node.body)
        for node in protocols
    }


def _is_context(name: str) -> bool:
    return name in {"__aenter__", "__aexit__"}


def _comment_lines(text: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT and "noqa" not in token.string]
