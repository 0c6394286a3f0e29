from pathlib import Path

import msgspec
import pytest

from media.test_cores import LIVE, a_core
from triptych.errors import Invalid
from triptych.media.cores import DirPoll
from triptych.panels.standing import order
from triptych.settings import Settings
from triptych.stores.memory import MemoryStore


def _workflow(**context):
    return {"index": 0, "_id": "64b1f0a2c3d4e5f601234567", "name": "evening", "videoContext": context}


SETTINGS = Settings(data_dir=Path("/nonexistent"))
POLL = a_core(2, DirPoll(directory="in", workflow="evening"))
STUDIO = a_core(3, msgspec.structs.replace(LIVE, workflow="evening"))


@pytest.fixture
def catalog() -> MemoryStore:
    return MemoryStore()


async def test_a_core_asks_for_its_workflow_on_a_file(catalog) -> None:
    """media 3.2: one job, origin `dir_poll`."""
    await catalog.put("workflows", "evening", _workflow(inBlackConfig={"delay": 2}, audioFormatConfig={}))
    ask = await order(catalog, SETTINGS, POLL, "in/a.mp4")
    assert (ask.kind, ask.origin, ask.priority) == ("annotate", "dir_poll", 20)
    assert (ask.spec["input_uri"], ask.spec["workflow"], tuple(ask.spec["features"])) == ("in/a.mp4", "evening", ("IN_BLACK",))
    assert ask.spec["config"] == {"inBlackConfig": {"delay": 2}}


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({}, "workflow 'evening' enables no feature"),
        ({"labelDetectionConfig": {"enabled": True}}, "feature LABEL_DETECTION needs model 'label', which is not installed on this server"),
        (None, "unknown workflow 'evening'"),
    ],
)
async def test_a_workflow_that_cannot_run_here_is_refused(catalog, context, message) -> None:
    """media K5."""
    if context is not None:
        await catalog.put("workflows", "evening", _workflow(**context))
    for core in (POLL, STUDIO):
        with pytest.raises(Invalid, match=f"^{message}$"):
            await order(catalog, SETTINGS, core, "in/a.mp4")
