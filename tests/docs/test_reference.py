"""What can be set, called or measured is documented."""

import re
from pathlib import Path
from tomllib import loads

import msgspec
import pytest

from triptych.cli import app
from triptych.settings import Settings

ROOT = Path(__file__).parents[2]


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


@pytest.mark.parametrize("name", [field.name for field in msgspec.structs.fields(Settings)])
def test_a_setting_is_documented(name):
    assert f"| `{name}` |" in _page("reference/settings.md")


def test_every_dependency_has_its_reason():
    project = loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(ask for extra in project["optional-dependencies"].values() for ask in extra)]
    names = {re.split(r"[\[<>=,]", ask)[0] for ask in asked} - {"triptych"}
    assert {name for name in names if f"| {name} |" not in _page("design/dependencies.md")} == set()


def test_a_word_has_one_meaning():
    nouns = re.findall(r"^\| ([a-z ]+) \|", _page("glossary.md"), re.MULTILINE)
    assert nouns == sorted(set(nouns), key=lambda noun: (noun != "noun", noun))


@pytest.mark.parametrize("name", [name for name in app if not name.startswith("-")])
def test_a_command_is_documented(name):
    assert f"| `triptych {name}` |" in _page("reference/cli.md")


@pytest.mark.parametrize("flag", ["--once", "--input", "--data", "--json"])
def test_a_flag_of_the_demo_is_documented(flag):
    assert f"| `{flag}" in _page("reference/cli.md")
