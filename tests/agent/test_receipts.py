"""What the server has is thrown away, and nothing else."""

from pathlib import Path

import pytest

from triptych.agent.receipts import Receipts
from triptych.agent.spool import page_of
from triptych.messages import Ended, Paused, Report
from triptych.model import End, EndReason

DONE = Ended(end=End(reason=EndReason.EXITED))


def report(job_id: str, seq: int, body: Ended | Paused | None = None) -> Report:
    return Report(job_id=job_id, attempt=1, seq=seq, at_us=0, body=body or Paused())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    for number in (1, 2, 3):
        Path(page_of(str(folder), number)).touch()
    return folder


@pytest.fixture
def receipts(folder: Path) -> Receipts:
    """Job a on the first two pages, b on the second, c on the third and last."""
    receipts = Receipts()
    receipts.open(str(folder))
    receipts.note(str(folder), report("a", 1))
    receipts.turn(str(folder), 2)
    receipts.note(str(folder), report("a", 2, DONE))
    receipts.note(str(folder), report("b", 1))
    receipts.turn(str(folder), 3)
    receipts.note(str(folder), report("c", 1))
    return receipts


def left(folder: Path) -> list[int]:
    return sorted(int(page.name) for page in folder.iterdir())


def test_a_page_goes_when_all_that_is_on_it_is_taken(receipts: Receipts, folder: Path) -> None:
    """workers O5."""
    receipts.take([("a", 1, 1)])
    assert left(folder) == [2, 3]
    receipts.take([("a", 1, 2)])
    assert left(folder) == [2, 3]
    receipts.take([("b", 1, 1), ("nobody", 1, 9)])
    assert left(folder) == [3]


def test_the_page_that_is_written_on_stays(receipts: Receipts, folder: Path) -> None:
    receipts.take([("a", 1, 2), ("b", 1, 1), ("c", 1, 1)])
    assert left(folder) == [3]


def test_a_spool_goes_when_its_shim_is_gone_and_all_is_taken(receipts: Receipts, folder: Path) -> None:
    receipts.close(str(folder))
    receipts.take([("a", 1, 2), ("b", 1, 1)])
    assert left(folder) == [3]
    receipts.take([("c", 1, 1)])
    assert not folder.exists()


def test_an_end_is_on_its_way_until_it_is_taken(receipts: Receipts) -> None:
    """workers L3."""
    receipts.expect({("later", 1)})
    assert receipts.ends(("later", 1))
    assert receipts.ends(("a", 1))
    receipts.take([("a", 1, 1)])
    assert receipts.ends(("a", 1))
    receipts.take([("a", 1, 2)])
    assert not receipts.ends(("a", 1))
