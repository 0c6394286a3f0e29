from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from panels.door import Door, Open, opened
from panels.system import System, running_system
from triptych.panels.http import Panel
from triptych.settings import Settings
from triptych.wiring import PANELS


@pytest.fixture
async def open_door(tmp_path: Path) -> AsyncIterator[Open]:
    """Return a function that serves panels with settings of its own until the test is over."""
    async with AsyncExitStack() as stack:

        async def open_one(*panels: Panel, **settings: Any) -> Door:
            return await stack.enter_async_context(opened(panels, Settings(data_dir=tmp_path, port=0, **settings)))

        yield open_one


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    """A server with every panel, an engine, and a scripted worker."""
    async with running_system(tmp_path, PANELS) as system:
        yield system
