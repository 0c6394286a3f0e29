"""The register of models: what each entry must say."""

import re

import pytest

from triptych.media.features import FEATURES
from triptych.media.models import MODELS, SLOTS


@pytest.mark.parametrize("name", MODELS)
def test_a_model_says_what_it_is_and_who_may_use_it(name) -> None:
    """media K5: slot, name, version, sha256, licence, what it was measured on."""
    model = MODELS[name]
    assert set(model.slots) <= set(SLOTS)
    assert model.version
    assert model.licence in {"MIT", "Apache-2.0", "CC0-1.0"}
    assert re.search(r"tests/truth/test_\w+\.py", model.measured_on)
    for file in model.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.size_bytes > 0
        assert file.package or file.pieces


@pytest.mark.parametrize("name", MODELS)
def test_a_wheel_is_named_with_its_version(name) -> None:
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+", requirement) for requirement in MODELS[name].requirements)


def test_every_feature_with_a_model_names_a_slot() -> None:
    assert {entry.model for entry in FEATURES.values()} - {None} <= set(SLOTS)


def test_a_slot_with_a_model_says_which_files_its_engine_reads() -> None:
    filled = {slot for model in MODELS.values() for slot in model.slots}
    assert {slot for slot, entry in SLOTS.items() if entry.form} == filled
