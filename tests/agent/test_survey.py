"""Workers K8, section 8: what a worker finds out about its machine, and says of it."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from triptych.agent import survey
from triptych.agent.survey import describe, equip, probe
from triptych.agent.tiers import TIERS
from triptych.errors import Invalid
from triptych.model import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(worker_id="w", data_dir=str(tmp_path))


async def test_every_tier_is_there_or_has_a_reason(place: Place) -> None:
    found = await equip(place)
    assert {*found.kill_tiers, *found.missing_tiers} == set(TIERS)
    assert found.kill_tiers[-1] == "subreaper"
    assert all(found.missing_tiers.values())
    assert ("pidns" in found.kill_tiers) is (probe("pidns") is None)


async def test_only_allowed_tiers_are_looked_for_and_in_that_order(place: Place) -> None:
    found = await equip(place, ("subreaper",))
    assert (found.kill_tiers, dict(found.missing_tiers)) == (("subreaper",), {})


@pytest.mark.parametrize("allowed", [("container",), ()])
async def test_a_tier_that_does_not_exist_is_refused(place: Place, allowed: tuple[str, ...]) -> None:
    with pytest.raises(Invalid, match="kill_tiers"):
        await equip(place, allowed)


def test_a_worker_says_which_tiers_and_limits_it_has() -> None:
    bare = Place(worker_id="w", data_dir="/x", missing_tiers={"cgroup": "no"}, max_limits={"cpu": 2})
    facts = describe(bare)
    assert (facts["kill_tiers"], facts["missing_tiers"]) == (["subreaper"], {"cgroup": "no"})
    assert (facts["limits"]["memory_bytes"], facts["limits"]["cpu"], facts["limits"]["open_files"]) == ("watchdog", "none", "rlimit")
    assert facts["commands"] is None
    assert describe(replace(bare, commands={"b": "/b", "a": "/a"}))["commands"] == ["a", "b"]
    assert (facts["default_limits"], facts["max_limits"]) == ({"open_files": 4096, "output_max_bytes": 64 * 1024 * 1024}, {"cpu": 2})
    full = Place(worker_id="w", data_dir="/x", kill_tiers=("cgroup",), controllers=("memory", "cpu"))
    assert describe(full)["limits"]["memory_bytes"] == describe(full)["limits"]["cpu"] == "cgroup"
    assert describe(full)["limits"]["processes"] == "watchdog"


def test_a_probe_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging:
        @staticmethod
        def probe() -> None:
            signal.pause()

    monkeypatch.setattr(survey, "TIERS", {"hanging": Hanging})
    monkeypatch.setattr(survey, "_PROBE_S", 1)
    assert probe("hanging") == "no answer within 1 s"


async def test_a_survey_that_cannot_be_made_leaves_the_tier_that_needs_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/no/such")
    found = await equip(place)
    assert (found.kill_tiers, found.missing_tiers["pidns"]) == (("subreaper",), "the probe gave no answer")
    assert os.getpid() > 1
