"""Settings have the defaults that the docs name."""

from pathlib import Path

from triptych.settings import Settings, default_data_dir


def test_the_data_folder_is_the_platforms_unless_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("TRIPTYCH_DATA", str(tmp_path))
    assert default_data_dir() == tmp_path
    monkeypatch.delenv("TRIPTYCH_DATA")
    assert default_data_dir().name == "triptych"


def test_the_default_address_is_on_loopback_and_the_store_in_the_data_folder():
    """engine 4."""
    settings = Settings(data_dir=Path("/data"))
    assert (settings.host, settings.port) == ("127.0.0.1", 8700)
    assert settings.store_url == "sqlite:////data/triptych.db"
