"""A whole system of a command's own."""

import hashlib
import json

import httpx
import pytest

from cli.deserted import is_deserted
from triptych.cli.temporary import system
from triptych.errors import Unavailable


async def test_nothing_is_left_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with system([tmp_path], None) as server, httpx.AsyncClient(base_url=server.server) as client:
        assert (await client.get("/readyz")).status_code == 200
        assert len(list(tmp_path.iterdir())) == 1
    assert is_deserted(tmp_path)
    assert list(tmp_path.iterdir()) == []


async def test_its_data_folder_is_kept_where_that_is_asked_and_is_one_systems_at_a_time(tmp_path):
    async with system([tmp_path], tmp_path / "kept"):
        with pytest.raises(Unavailable, match="did not start"):
            await system([tmp_path], tmp_path / "kept").__aenter__()
    assert (tmp_path / "kept" / "triptych.db").exists()


async def test_its_models_are_those_of_the_usual_model_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_DATA", str(tmp_path / "usual"))
    folder = tmp_path / "usual" / "models"
    folder.mkdir(parents=True)
    (folder / "label.bin").write_bytes(b"a model")
    manifest = {"slot": "label", "name": "ours", "version": "1", "licence": "MIT", "measured_on": "nothing", "file": "label.bin"}
    (folder / "label.json").write_text(json.dumps(manifest | {"sha256": hashlib.sha256(b"a model").hexdigest()}))
    async with system([tmp_path], tmp_path / "data") as server, httpx.AsyncClient(base_url=server.server) as client:
        told = (await client.get("/api/ai/features")).json()
    assert [one["model"]["name"] for one in told if one["name"] == "LABEL_DETECTION"] == ["ours"]
