"""media V6: what is left to do when an operation is over, also when the server was down meanwhile."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from panels.system import System, running_system
from triptych.clock import SystemClock
from triptych.errors import Invalid
from triptych.kinds import AnnotateSpec, GoogleAsk
from triptych.media.content import FOLDER, keep
from triptych.messages import Ended
from triptych.model import End, EndReason, State, Submission
from triptych.panels.courier import Courier, output_path, write
from triptych.settings import Bucket, Inputs, Settings
from triptych.wiring import PANELS

RESULT = {"segment": {}, "shotAnnotations": []}


@dataclass(frozen=True, slots=True)
class House:
    """A system, and the courier that serves it."""

    system: System
    settings: Settings
    courier: Courier

    async def job(self, *, uri: str | None = None, content: str | None = None) -> str:
        """Submit an operation and return its job's name."""
        spec = AnnotateSpec(input_uri="a.mp4", features=("SHOT_CHANGE_DETECTION",), content=content, google=GoogleAsk(output_uri=uri))
        ask = Submission(kind="annotate", spec=msgspec.to_builtins(spec), origin="google_v1")
        return (await self.system.engine.submit(ask)).id

    async def end(self, name: str, reason: EndReason = EndReason.DONE) -> None:
        """Let a job end."""
        await self.system.job(name, State.RUNNING)
        await self.system.worker.report(name, Ended(end=End(reason=reason), result=RESULT if reason is EndReason.DONE else None))
        await self.system.job(name, State.ENDED)

    @property
    def results(self) -> Path:
        """The folder of the writable bucket."""
        return self.settings.inputs.buckets["results"].path


def _settings(folder: Path) -> Settings:
    for name in ("results", "clips"):
        (folder / name).mkdir()
    buckets = {"results": Bucket(path=folder / "results", writable=True), "clips": Bucket(path=folder / "clips")}
    return Settings(data_dir=folder, inputs=Inputs(buckets=buckets))


@pytest.fixture
def settings(tmp_path) -> Settings:
    return _settings(tmp_path)


@pytest.fixture
async def house(tmp_path, settings):
    async with running_system(tmp_path, PANELS) as system:
        yield House(system, settings, Courier(system.engine, settings, SystemClock()))


async def _until(holds) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0)


async def test_a_response_is_written_and_content_goes_as_soon_as_a_job_is_over(house) -> None:
    """media V6."""
    content = keep(house.settings.data_dir, b"film")
    path = house.results / "day" / "a.json"
    running = asyncio.create_task(house.courier.run())
    try:
        name = await house.job(uri="gs://results/day/a.json", content=content)
        await house.end(name)
        await _until(path.exists)
    finally:
        running.cancel()
    assert json.loads(path.read_text()) == {"annotationResults": [{"inputUri": "", "segment": {}, "shotAnnotations": []}]}
    assert list((house.settings.data_dir / FOLDER).iterdir()) == []


async def test_what_ended_while_nobody_looked_is_served_later_and_once(house) -> None:
    """media V6: the next round, or the next start, writes what was missed; what was read and deleted meanwhile stays away."""
    name = await house.job(uri="gs://results/a.json")
    await house.end(name)
    path = house.results / "a.json"
    await house.courier.run_once()
    path.unlink()
    await Courier(house.system.engine, house.settings, SystemClock()).run_once()
    assert not path.exists()


async def test_a_folder_that_cannot_be_written_is_tried_again(house) -> None:
    """media V6."""
    name = await house.job(uri="gs://results/day/a.json")
    (house.results / "day").write_text("a file in the way")
    await house.end(name)
    await house.courier.run_once()
    (house.results / "day").unlink()
    await house.courier.run_once()
    assert (house.results / "day" / "a.json").exists()


@pytest.mark.parametrize("reason", [EndReason.FAILED, EndReason.CANCELLED])
async def test_without_a_response_nothing_is_written(house, reason) -> None:
    """media V6."""
    await house.end(await house.job(uri="gs://results/a.json"), reason)
    await house.courier.run_once()
    assert list(house.results.iterdir()) == []


async def test_at_a_start_content_that_no_live_job_needs_is_cleared(house) -> None:
    """media V6: a server that died left it."""
    needed, orphan = keep(house.settings.data_dir, b"1"), keep(house.settings.data_dir, b"2")
    await house.job(content=needed)
    await house.courier.run_once()
    assert len(list((house.settings.data_dir / FOLDER).iterdir())) == 2
    await house.courier.clear()
    assert [path.name for path in (house.settings.data_dir / FOLDER).iterdir()] == [needed]
    assert orphan != needed


@pytest.mark.parametrize(
    "uri",
    [
        "gs://clips/a.json",
        "gs://unknown/a.json",
        "gs://results",
        "gs://results/",
        "gs://results//a.json",
        "gs://results/a/",
        "gs://results/*.json",
        "gs://results/../a.json",
        "gs://results/out/a.json",
        "gs://results/day",
        "file:///a.json",
        "/a.json",
    ],
)
def test_an_output_goes_into_the_folder_of_a_writable_bucket_and_nowhere_else(settings, uri) -> None:
    """media V6: otherwise 400."""
    results = settings.inputs.buckets["results"].path
    (results / "out").symlink_to("/tmp")
    (results / "day").mkdir()
    with pytest.raises(Invalid, match="outputUri must be gs://bucket/object"):
        output_path(uri, settings)
    assert output_path("gs://results/day/a.json", settings) == results / "day" / "a.json"


def test_a_file_is_replaced_in_one_step_and_no_draft_is_left(tmp_path) -> None:
    path = tmp_path / "new" / "a.json"
    write(path, b"1")
    write(path, b"2")
    assert (path.read_bytes(), list(path.parent.iterdir())) == (b"2", [path])
