"""A real agent on a real bus, and what a server would say to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.site import Site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Site(tmp_path) as running:
        yield running
