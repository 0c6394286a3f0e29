"""Files as jobs of one server."""

import io
from fractions import Fraction

import pytest
import pytest_asyncio
from rich.console import Console

from triptych.cli import address
from triptych.cli.batch import Batch, Order
from triptych.cli.client import Client
from triptych.cli.demo.server import Server
from triptych.cli.gauges import Gauges
from triptych.errors import TriptychError
from triptych.media.sample import Stretch, write_sample
from triptych.model import EndReason

SILENCE = {"features": ["SILENCE"]}
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    write_sample(folder / "a.mp4", (Stretch(Fraction(0), Fraction(1), 1, "stereo"),))
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory, media):
    """A client of a running system."""
    data = tmp_path_factory.mktemp("batch")
    async with Server(data / "data", arguments=("--media-root", str(media))) as server, Client(address.Server(server=server.url)) as client:
        yield client


@pytest.fixture
def gauges():
    return Gauges(Console(file=io.StringIO()))


async def test_a_job_is_told_once_it_has_ended(client, media, gauges):
    order = Order("a.mp4", str(media / "a.mp4"))
    async with Batch(client, [order], gauges) as batch:
        await batch.submit(SILENCE)
        assert order.waits
        body, view = await batch.ended(order)
    assert (view.status, view.parts[0].feature, order.waits) == ("done", "SILENCE", False)
    assert view.name.encode() in body


async def test_what_has_not_ended_is_cancelled_at_the_end(client, media, gauges, capsys):
    orders = [Order("a.mp4", str(media / "a.mp4")) for _ in range(12)]
    async with Batch(client, orders, gauges) as batch:
        await batch.submit(SILENCE | {"videoContext": {"priority": 139}})
    assert capsys.readouterr().err == "triptych: cancelling what has not ended\n"
    jobs = [await client.job(order.job) for order in orders]
    assert all(job.ended for job in jobs)
    assert jobs[-1].end_reason is EndReason.CANCELLED


async def test_a_refused_file_is_told_and_stops_no_other(client, media, gauges, capsys):
    (media / "empty.mp4").touch()
    orders = [Order(name, str(media / name)) for name in ("no.mp4", "empty.mp4", "a.mp4")]
    async with Batch(client, orders, gauges) as batch:
        await batch.submit(SILENCE)
        assert [await batch.ended(order) is None for order in orders] == [True, True, False]
    assert capsys.readouterr().err == "triptych: no.mp4: input not found\ntriptych: empty.mp4: input is empty\n"


async def test_what_is_wrong_with_all_of_it_is_raised_and_leaves_no_job(client, media, gauges):
    orders = [Order("a.mp4", str(media / "a.mp4"))]
    with pytest.raises(TriptychError, match="unknown feature 'X'"):
        async with Batch(client, orders, gauges) as batch:
            await batch.submit({"features": ["X"]})
    assert orders[0].job == ""


async def test_what_was_ignored_is_told_once(client, media, gauges, capsys):
    orders = [Order("a.mp4", str(media / "a.mp4")) for _ in range(2)]
    async with Batch(client, orders, gauges) as batch:
        await batch.submit(SILENCE | {"zoom": 1})
        for order in orders:
            await batch.ended(order)
    assert capsys.readouterr().err == "triptych: zoom is not known and was ignored\n"


async def test_a_job_that_is_deleted_meanwhile_is_told(client, media, gauges, capsys):
    order = Order("a.mp4", str(media / "a.mp4"))
    async with Batch(client, [order], gauges) as batch:
        await batch.submit(SILENCE)
        await client.delete(f"/api/ai/jobs/{order.job}")
        assert await batch.ended(order) is None
    assert capsys.readouterr().err == "triptych: a.mp4: its job was deleted\n"
