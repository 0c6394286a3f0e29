"""Every feature that runs has a page that tells all of its options, shows what goes in and comes out, and names what measured it."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from triptych.media.features import FEATURES

ROOT = Path(__file__).parents[2]
OTHERS = {"CAPTION_LANGUAGE", "CONFORMANCE"}
"""Their pages have a form of their own."""
NAMES = sorted(name for name, entry in FEATURES.items() if entry.run is not None and name not in OTHERS)


def _page(name: str) -> str:
    return (ROOT / "docs/reference/features" / f"{name.lower().replace('_', '-')}.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_tells_every_option(name) -> None:
    rows = [line.split("|")[1] for line in _page(name).splitlines() if line.startswith("| `")]
    told = {key for row in rows for key in re.findall(r"`([\w.]+)`", row)}
    assert {field.name for field in msgspec.structs.fields(FEATURES[name].options)} <= told
    if FEATURES[name].alarmable:
        own = {field.name for field in msgspec.structs.fields(FEATURES[name].options().alarmSettings)} - {
            "enabled",
            "sensitivity",
            "secsInAlarmDuration",
            "maskAllowableLangauges",
        }
        assert own <= {key.rpartition(".")[2] for key in told}


@pytest.mark.parametrize("name", NAMES)
def test_a_page_shows_a_config_and_an_item(name) -> None:
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", _page(name), re.DOTALL)]
    configs = [one["videoContext"][FEATURES[name].config_key] for one in shown if "features" in one]
    for config in configs:
        msgspec.convert(config, FEATURES[name].options)
    assert configs
    assert any("features" not in one for one in shown)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_what_measured_it_and_the_limits(name) -> None:
    page = _page(name)
    tests = re.findall(r"tests/[\w/]+\.py", page)
    assert tests
    assert all((ROOT / test).is_file() for test in tests)
    assert re.search("limit", page, re.IGNORECASE)
    assert "not available yet" not in page.lower()


@pytest.mark.parametrize("name", sorted(name for name, entry in FEATURES.items() if entry.run is not None))
def test_the_list_of_features_leads_to_every_page(name) -> None:
    assert f"[{name}](features/{name.lower().replace('_', '-')}.md)" in (ROOT / "docs/reference/features.md").read_text()
    assert _page(name)
