"""Which cameras can be defined."""

import pytest

from triptych.camera.control import CALM, NORMAL, Patience
from triptych.camera.definition import Definition, Times, read_definition
from triptych.errors import Invalid


def test_the_default_camera_is_the_scene_through_the_crop_head():
    definition = read_definition({})
    assert definition == Definition()
    assert (definition.source["kind"], definition.head["kind"], definition.arm["kind"]) == ("scene", "crop", "sim")
    assert not definition.simulated


def test_options_are_those_of_the_kind():
    definition = read_definition({"source": {"kind": "scene", "figures": 1}, "head": {"kind": "none", "hfov_deg": 90}})
    assert definition.source_options().figures == 1
    assert definition.looks()["hfov"] == 90


def test_a_sim_source_says_that_it_is_simulated():
    assert read_definition({"source": {"kind": "sim"}}).simulated


@pytest.mark.parametrize(
    "document",
    [
        {"source": {"kind": "tape"}},
        {"source": {}},
        {"head": {"kind": "stepper"}},
        {"arm": {"kind": "crane"}},
        {"source": {"kind": "scene", "figures": 9}},
        {"source": {"kind": "scene", "figure": 1}},
        {"lock_wait_s": 61},
        {"budget": 0},
        {"preset": "brisk"},
        {"patience": {"coast_s": -1}},
        {"patience": {"wait_s": 1}},
        {"colour": "red"},
        [],
        None,
    ],
)
def test_a_camera_that_cannot_be_is_refused(document):
    with pytest.raises(Invalid):
        read_definition(document)


def test_looks_tell_size_and_limits():
    assert Definition().looks() == {
        "size": (1280, 720),
        "fps": 30.0,
        "hfov": 60.0,
        "preset": None,
        "limits": {"pan": (-60.0, 60.0), "tilt": (-8.0, 8.0)},
    }


@pytest.mark.parametrize(("preset", "ai", "chosen"), [(None, None, CALM), (None, "official_ai", NORMAL), ("calm", "official_ai", CALM)])
def test_ai_chooses_the_preset_unless_the_camera_does(preset, ai, chosen):
    """camera 7.2."""
    camera = read_definition({"preset": preset})
    assert camera.chosen(ai) is chosen
    assert camera.looks()["preset"] == preset


def test_the_times_of_a_loss_are_settings_and_come_in_order():
    """camera L8: all settings."""
    assert Times().patience() == Patience()
    found = read_definition({"patience": {"coast_s": 2, "hold_s": 1, "search_s": 0}}).patience.patience()
    assert found.coast == found.hold == found.search
