"""media V6: what is left to do when an operation is over, also when the server was down meanwhile."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
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
    """A system that a courier may serve."""

    system: System
    settings: Settings

    def courier(self, clock=None) -> Courier:
        return Courier(self.system.engine, self.settings, clock or SystemClock())

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

    async def marked(self, name: str) -> None:
        """Wait until a job says that its response was written."""
        async with asyncio.timeout(10):
            async for happening in self.system.engine.watch(after=0, job_id=name):
                if happening.note == "marked":
                    return

    @property
    def results(self) -> Path:
        """The folder of the writable bucket."""
        return self.settings.inputs.buckets["results"].path


@dataclass(slots=True)
class FreeingClock(SystemClock):
    """A clock in whose pauses somebody deletes a file."""

    file: Path
    pauses: int = 0

    async def sleep(self, pause: timedelta) -> None:
        self.pauses += 1
        self.file.unlink()


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
        yield House(system, settings)


async def _until(holds) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0)


async def test_a_response_is_written_and_content_goes_as_soon_as_a_job_is_over(house) -> None:
    """media V6."""
    path = house.results / "day" / "a.json"
    async with house.courier() as courier:
        content = keep(house.settings.data_dir, b"film")
        name = await house.job(uri="gs://results/day/a.json", content=content)
        courier.expect(await house.system.engine.find(name))
        await house.end(name)
        await house.marked(name)
    assert json.loads(path.read_text()) == {"annotationResults": [{"inputUri": "", "segment": {}, "shotAnnotations": []}]}
    assert list((house.settings.data_dir / FOLDER).iterdir()) == []


async def test_a_start_takes_up_what_an_earlier_run_left_and_does_nothing_twice(house) -> None:
    """media V6: one job ended while nobody looked, one is live."""
    over, live = await house.job(uri="gs://results/over.json"), await house.job(uri="gs://results/live.json")
    await house.end(over)
    async with house.courier():
        await house.marked(over)
        await house.end(live)
        await house.marked(live)
    assert sorted(path.name for path in house.results.iterdir()) == ["live.json", "over.json"]
    for path in house.results.iterdir():
        path.unlink()
    async with house.courier() as courier:
        assert not courier._background._tasks
    assert list(house.results.iterdir()) == []


async def test_a_folder_that_cannot_be_written_is_tried_again(house) -> None:
    """media V6: here at the second try, since the way is freed in the pause after the first."""
    blocked = house.results / "day"
    blocked.write_text("a file in the way")
    clock = FreeingClock(blocked)
    name = await house.job(uri="gs://results/day/a.json")
    await house.end(name)
    async with house.courier(clock):
        await house.marked(name)
    assert (clock.pauses, (blocked / "a.json").exists()) == (1, True)


@pytest.mark.parametrize("reason", [EndReason.FAILED, EndReason.CANCELLED])
async def test_without_a_response_nothing_is_written(house, reason) -> None:
    """media V6."""
    async with house.courier() as courier:
        name = await house.job(uri="gs://results/a.json")
        courier.expect(await house.system.engine.find(name))
        await house.end(name, reason)
        await _until(lambda: not courier._background._tasks)
    assert list(house.results.iterdir()) == []


async def test_at_a_start_content_that_no_live_job_needs_is_cleared(house) -> None:
    """media V6: a server that died left it."""
    needed, over, orphan = (keep(house.settings.data_dir, text) for text in (b"1", b"2", b"3"))
    await house.end(await house.job(content=over))
    await house.job(content=needed)
    async with house.courier():
        assert [path.name for path in (house.settings.data_dir / FOLDER).iterdir()] == [needed]
    assert orphan not in {needed, over}


async def test_content_of_a_job_that_is_deleted_meanwhile_goes_too(house) -> None:
    """media V6."""
    async with house.courier() as courier:
        content = keep(house.settings.data_dir, b"film")
        name = await house.job(content=content)
        job = await house.system.engine.find(name)
        await house.end(name)
        await house.system.engine.forget(name)
        courier.expect(job)
        await _until(lambda: not courier._background._tasks)
    assert list((house.settings.data_dir / FOLDER).iterdir()) == []


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
        "gs://results/" + "\u00e9" * 128,
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
