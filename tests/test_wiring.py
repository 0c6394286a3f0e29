"""The parts, wired as `triptych up` wires them."""

import json

import httpx
import pytest

from triptych import folder, wiring
from triptych.errors import Conflict
from triptych.panels.server import bind
from triptych.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data", port=0, worker_id="w")


async def test_the_whole_system_comes_up_takes_a_job_and_goes_down_stopping_it(settings):
    with folder.own(settings.data_dir):
        with bind(settings) as listener:
            async with wiring.running(settings, listener) as system, httpx.AsyncClient(base_url=system.url) as client:
                assert (await client.get("/readyz")).status_code == 200
                started = await client.post("/start", json={"worker_id": "w", "command": "sleep", "path": "60"})
                job_id = started.json()["job_id"]
        with bind(settings) as listener:
            async with wiring.running(settings, listener) as system, httpx.AsyncClient(base_url=system.url) as client:
                record = (await client.get(f"/api/v1/jobs/{job_id}")).json()
    assert (record["state"], record["end_reason"], record["stopped_by"]) == ("ended", "stopped", "shutdown")


async def test_a_data_folder_in_use_is_refused_before_anything_runs(settings):
    with folder.own(settings.data_dir), pytest.raises(Conflict, match="in use by another server"):
        await wiring.up(settings)


def test_the_document_names_every_route_of_every_panel():
    described = json.loads(wiring.document())
    for panel in wiring.PANELS:
        for route in panel.routes:
            assert route.method.lower() in described["paths"][route.path.replace(":path}", "}")]
