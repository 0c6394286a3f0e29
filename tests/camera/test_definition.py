"""Which cameras can be defined."""

import pytest

from triptych.camera.definition import Definition, read_definition
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
