"""A whole system of a command's own."""

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
