"""The cores of a server: kept in the catalog, edited by its operator, and told to the engine as berths."""

from collections.abc import Iterator

import msgspec

from triptych.contracts import Catalog, Clock
from triptych.engine import Engine
from triptych.errors import Conflict, NotFound
from triptych.ids import Ids, make_id
from triptych.media.cores import Core, FileOnce, Front, berths, from_document, to_document
from triptych.model import Job

SHELF = "cores"
KIND = "annotate"
TAKEN = "in_use"


class Cores:
    """Every core by its number. One that the configuration no longer counts stays in the catalog, out of sight."""

    def __init__(self, catalog: Catalog, engine: Engine, clock: Clock, count: int, ids: Ids = make_id) -> None:
        self._catalog = catalog
        self._engine = engine
        self._clock = clock
        self._count = count
        self._ids = ids
        self._known: dict[int, Core] = {}

    def __iter__(self) -> Iterator[Core]:
        return iter(self.all())

    def all(self) -> list[Core]:
        """Return the cores that the configuration counts, by number."""
        return [core for number, core in sorted(self._known.items()) if number <= self._count]

    async def load(self) -> None:
        """Read the cores, make those that are missing, and let the engine place jobs in them."""
        for document in await self._catalog.all(SHELF):
            core = from_document(document)
            self._known[core.number] = core
        for number in range(1, self._count + 1):
            if number not in self._known:
                await self._keep(self._new(number))
        await self._engine.berth(KIND, berths(self))

    def find(self, name: str) -> Core:
        """Return a core by its name. Raises `NotFound`."""
        found = next((core for core in self if core.name == name), None)
        if found is None:
            raise NotFound("core not found", code="core_not_found")
        return found

    def job(self, core: Core) -> Job | None:
        """Return the job that a core is at."""
        return self._engine.berthed(KIND).get(core.number)

    @property
    def closed(self) -> frozenset[int]:
        """The numbers of the cores that take no jobs from clients."""
        return frozenset(core.number for core in self if not isinstance(core.settings, FileOnce))

    def users_of(self, workflow: str) -> list[str]:
        """Return the names of the cores that run a workflow by themselves."""
        return [core.name for core in self if workflow and core.workflow == workflow]

    async def edit(self, edited: Core) -> Core:
        """Keep a core as it was edited, and return it; whoever calls lets nobody else edit meanwhile.

        Raises `Conflict` (code `in_use`: its name or index; `core_busy`: a job there forbids another type); nothing has changed then.
        """
        core = self._known[edited.number]
        edited = msgspec.structs.replace(edited, version=core.version + 1)
        self._check_free(edited)
        try:
            if edited.front.type != core.front.type:
                await self._vacate(core)
            await self._keep(edited)
        finally:
            await self._engine.berth(KIND, berths(self))
        return edited

    def _check_free(self, edited: Core) -> None:
        others = [core for core in self._known.values() if core.number != edited.number]
        if any(core.name == edited.name for core in others):
            raise Conflict(f"core name '{edited.name}' is in use", code=TAKEN, field="name")
        if any(core.front.index == edited.front.index for core in others):
            raise Conflict(f"index {edited.front.index} is in use", code=TAKEN, field="index")

    async def _vacate(self, core: Core) -> None:
        """Let nothing more be placed in a core. Raises `Conflict` while a job is there."""
        await self._engine.berth(KIND, berths(other for other in self if other.number != core.number))
        job = self.job(core)
        if job is not None:
            raise Conflict(f"core '{core.name}' is running job {job.id}", code="core_busy", field="type")

    async def _keep(self, core: Core) -> None:
        await self._catalog.put(SHELF, str(core.number), to_document(core))
        self._known[core.number] = core

    def _new(self, number: int) -> Core:
        """Return a core as the configuration makes it, called so that no other one is."""
        names = {core.name for core in self._known.values()}
        indexes = {core.front.index for core in self._known.values()}
        name, index = f"core-{number}", number
        while name in names:
            name += "-new"
        while index in indexes:
            index += 1

        front = Front(index=index, name=name, slug=name, type="file_once")
        return Core(id=self._ids("hex24", self._clock.now()), number=number, front=front)
