"""Recordings over HTTP, their files laid where a job lays them; tests/conformance/test_media_alarms.py has a real job cut one."""

import json

import pytest

from episodes import RECORDING
from panels.test_alarms import told
from triptych.tokens import Role

FILM = bytes(number % 251 for number in range(5000))
READY = {"state": "ready", "bytes": len(FILM), "sha256": "ab" * 32}


@pytest.fixture
async def film(system, tmp_path):
    """The name of a job with a recording that is ready."""
    name = await told(system, ("recording", READY), end=True)
    folder = tmp_path / "media" / name
    folder.mkdir(parents=True)
    (folder / f"{RECORDING}.mp4").write_bytes(FILM)
    (folder / f"{RECORDING}.jpg").write_bytes(b"jpeg")
    return name


async def _message(system, method, path):
    reply = await system.door.ask(method, path)
    return reply.status, json.loads(reply.body)["error"]["message"]


async def test_a_recording_is_listed_told_and_played(system, film) -> None:
    """media R2."""
    (listed,) = json.loads((await system.door.ask("GET", "/api/ai/recordings")).body)
    assert (listed["_id"], listed["name"], listed["job"], listed["media"]) == (
        *(RECORDING, RECORDING, film),
        f"/api/ai/recordings/{RECORDING}/media",
    )
    assert json.loads((await system.door.ask("GET", f"/api/ai/recordings/{RECORDING}")).body) == listed
    assert json.loads((await system.door.ask("GET", "/api/ai/recordings?feature=SILENCE")).body) == []
    whole = await system.door.ask("GET", listed["media"])
    assert (whole.status, whole.headers["content-type"], whole.body) == (200, "video/mp4", FILM)
    part = await system.door.ask("GET", listed["media"], range="bytes=-100")
    assert (part.status, part.headers["content-range"], part.body) == (206, "bytes 4900-4999/5000", FILM[-100:])
    picture = await system.door.ask("GET", f"/api/ai/recordings/{RECORDING}/thumbnail")
    assert (picture.status, picture.headers["content-type"], picture.body) == (200, "image/jpeg", b"jpeg")
    saved = await system.door.ask("HEAD", f"{listed['media']}?download=1")
    assert saved.headers["content-disposition"] == f'attachment; filename="{film}-IN_BLACK-3.000000s.mp4"'


async def test_a_recording_is_deleted_with_its_files_and_the_job_stays(system, film, tmp_path) -> None:
    """media R2: DELETE."""
    reply = await system.door.ask("DELETE", f"/api/ai/recordings/{RECORDING}")
    assert (reply.status, json.loads(reply.body)) == (200, {})
    assert list((tmp_path / "media" / film).iterdir()) == []
    for method, path in (("GET", ""), ("GET", "/media"), ("GET", "/thumbnail"), ("DELETE", "")):
        assert await _message(system, method, f"/api/ai/recordings/{RECORDING}{path}") == (404, "recording not found")
    assert (await system.door.ask("GET", f"/api/ai/jobs/{film}")).status == 200


async def test_a_recording_in_the_making_has_no_film_and_cannot_be_deleted(system) -> None:
    await told(system, ("recording", {}))
    for part in ("media", "thumbnail"):
        assert await _message(system, "GET", f"/api/ai/recordings/{RECORDING}/{part}") == (404, "recording not found")
    assert await _message(system, "DELETE", f"/api/ai/recordings/{RECORDING}") == (409, "recording is being made")


async def test_a_link_in_the_folder_is_not_followed(system, film, tmp_path) -> None:
    """media R2: nothing outside the media folder is ever played."""
    path = tmp_path / "media" / film / f"{RECORDING}.mp4"
    path.unlink()
    path.symlink_to(tmp_path / "audit.jsonl")
    assert await _message(system, "GET", f"/api/ai/recordings/{RECORDING}/media") == (404, "recording not found")


@pytest.mark.parametrize("odd", ["x", "64b1f0a2c3d4e5f60123ffff", "..%2f..%2faudit.jsonl", "..", "%00", f"{RECORDING}.mp4"])
async def test_an_odd_or_unknown_id_is_not_found(system, film, odd) -> None:
    """media 2.5, G3."""
    for method, part in (("GET", ""), ("GET", "/media"), ("GET", "/thumbnail"), ("DELETE", "")):
        assert await _message(system, method, f"/api/ai/recordings/{odd}{part}") == (404, "recording not found")


async def test_who_may_delete(system, film) -> None:
    """media G10: delete of a recording is the operator's."""
    for role, status in ((Role.VIEWER, 403), (Role.OPERATOR, 200)):
        _, spelled = await system.door.app.service.tokens.create(name=role.name, role=role, by="test")
        headers = {"authorization": f"Bearer {spelled}"}
        assert (await system.door.ask("GET", f"/api/ai/recordings/{RECORDING}/media", **headers)).status == 200
        assert (await system.door.ask("DELETE", f"/api/ai/recordings/{RECORDING}", **headers)).status == status
