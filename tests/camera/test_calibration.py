"""camera 4, row 35: what was learnt is kept over restarts, for the head it was learnt with."""

import pytest

from triptych.camera.calibration import Calibration, Shelf
from triptych.camera.definition import Definition

FIGURES = Calibration(at="2026-03-01T12:00:00Z", lag_s=0.071, factor=(1.01, -0.99), speed_deg_s=118.0, play_deg=0.3, residual_deg=0.05)


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "calibrations")


def test_it_is_kept_over_a_restart(shelf, tmp_path):
    assert shelf.find("default", Definition()) is None
    shelf.keep("default", Definition(), FIGURES)
    assert Shelf(tmp_path / "calibrations").find("default", Definition()) == FIGURES
    assert FIGURES.lag.total_seconds() == 0.071


def test_it_counts_for_its_own_camera_source_and_head_only(shelf):
    shelf.keep("default", Definition(), FIGURES)
    assert shelf.find("other", Definition()) is None
    assert shelf.find("default", Definition(head={"kind": "crop", "lag_s": 0.13})) is None
    assert shelf.find("default", Definition(source={"kind": "sim"})) is None
    assert shelf.find("default", Definition(name="Renamed", preset="calm")) == FIGURES


def test_a_file_that_cannot_be_read_is_no_calibration(shelf, tmp_path):
    shelf.keep("a/../b", Definition(), FIGURES)
    (file,) = (tmp_path / "calibrations").iterdir()
    file.write_text("{")
    assert shelf.find("a/../b", Definition()) is None


def test_no_address_or_password_is_kept(shelf, tmp_path):
    """camera S6."""
    shelf.keep("door", Definition(source={"kind": "url", "url": "rtsp://user:secret@camera.lan/"}), FIGURES)
    (file,) = (tmp_path / "calibrations").iterdir()
    assert "secret" not in file.read_text()
