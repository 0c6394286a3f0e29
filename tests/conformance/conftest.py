import os
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from conformance.up import DOCUMENTED_WORKER, UpServer
from triptych.cli.demo.server import Server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def up(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[UpServer]:
    """A running system with the worker of the documented calls."""
    data = tmp_path_factory.mktemp("up")
    server = Server(data, arguments=["--worker-id", DOCUMENTED_WORKER])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        async with server, httpx.AsyncClient(timeout=30) as client:
            client.base_url = server.url
            yield UpServer(client=client, data=data)
