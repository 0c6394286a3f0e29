import pytest

from stores.making import a_job, a_worker
from triptych.matching import takes
from triptych.model import WorkerState


@pytest.mark.parametrize(
    ("worker", "job", "fits"),
    [
        pytest.param({}, {}, True, id="nothing asked"),
        pytest.param({}, {"pinned": "w1"}, True, id="named"),
        pytest.param({}, {"pinned": "w2"}, False, id="another one named"),
        pytest.param({"labels": {"gpu": "1", "arch": "arm"}}, {"needs": {"gpu": "1"}}, True, id="label there"),
        pytest.param({"labels": {"gpu": "0"}}, {"needs": {"gpu": "1"}}, False, id="label of another value"),
        pytest.param({"labels": {"gpu": "1"}}, {"needs": {"gpu": "1", "arch": "arm"}}, False, id="a label missing"),
        pytest.param({"state": WorkerState.DRAINING}, {}, False, id="draining"),
        pytest.param({"state": WorkerState.LOST}, {"pinned": "w1"}, False, id="lost"),
    ],
)
def test_a_worker_takes_what_it_can_do(worker: dict[str, object], job: dict[str, object], *, fits: bool) -> None:
    assert takes(a_worker(**worker), a_job(**job)) is fits
