"""One worker for each kill tier of this machine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.site import Site
from agent.tiers.grounds import ALL, worker


@pytest.fixture(params=ALL)
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    async with worker(request.param, tmp_path) as running:
        yield running
