"""Every store and bus that the contract tests run over, with real servers where they need one."""

from collections.abc import AsyncIterator

import pytest

from triptych.contracts import Catalog, Store
from triptych.stores.memory import MemoryStore


@pytest.fixture(params=["memory"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    async with MemoryStore() as store:
        yield store


@pytest.fixture
def catalog(store: MemoryStore) -> Catalog:
    return store
