"""Every store that the contract tests run over, with a real server where it needs one."""

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from contracts.postgres import find_postgres, running
from triptych.stores.memory import MemoryStore
from triptych.stores.sql import SqlStore

STORES = ("memory", "sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Make a fresh database at each call and return its URL."""
    binaries = find_postgres()
    if binaries is None:
        pytest.skip("PostgreSQL: no server found")
    numbers = count(1)
    with running(binaries) as folder, psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as admin:

        def fresh() -> str:
            name = f"t{next(numbers)}"
            admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            return f"postgresql://postgres@/{name}?host={folder}"

        yield fresh


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Return what gives the URL of another empty database at each call."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres")
    numbers = count()
    return lambda: f"sqlite:///{tmp_path}/{next(numbers)}.db"


@pytest.fixture
def url(urls: Callable[[], str]) -> str:
    """Return the URL of a database that is empty."""
    return urls()


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MemoryStore | SqlStore]:
    """Return an open store that is empty, and closed after the test."""
    match request.param:
        case "memory":
            store: MemoryStore | SqlStore = MemoryStore()
        case "sqlite":
            store = SqlStore(f"sqlite:///{tmp_path}/triptych.db")
        case _:
            store = SqlStore(request.getfixturevalue("postgres")())
    async with store:
        yield store


@pytest.fixture
def catalog(store: MemoryStore | SqlStore) -> MemoryStore | SqlStore:
    return store
