"""What can be set, called or measured is documented."""

import re
from pathlib import Path
from tomllib import loads

import msgspec
import pytest

from triptych.camera.arms import ARMS
from triptych.camera.heads import HEADS
from triptych.cli import app
from triptych.media.features import FEATURES
from triptych.panels.health import Figures
from triptych.settings import Settings
from triptych.wiring import PANELS

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


@pytest.mark.parametrize("route", [route for panel in PANELS for route in panel.routes], ids=lambda route: f"{route.method} {route.path}")
def test_a_route_is_documented(route):
    listed, absent = _page("reference/http.md").split("## Not available yet")
    if route.summary == "Not available yet.":
        assert f"`{route.path}`" in listed + absent
    else:
        assert f"| {route.method} | `{route.path}` |" in listed


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_is_documented(name):
    assert re.search(rf"\b{name}\b", _page("reference/features.md"))


def test_a_metric_is_documented():
    figures = Figures(census={}, workers=(), traffic={})
    names = {family.name + ("_total" if family.type == "counter" else "") for family in figures.collect()}
    assert {name for name in names if f"| `{name}` |" not in _page("reference/metrics.md")} == set()


@pytest.mark.parametrize("part", [*HEADS.items(), *ARMS.items()], ids=lambda part: part[0])
def test_an_option_of_a_head_or_an_arm_is_documented(part):
    page = _page("reference/camera/heads.md")
    told = {name for line in page.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert part[0] in page
    assert {field.name for field in msgspec.structs.fields(part[1].options)} <= told
