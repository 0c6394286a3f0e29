"""What an earlier agent of this machine left: its living shims go on, and what the others wrote down is reported (workers K11, K12)."""

import asyncio
from collections.abc import Callable, Coroutine
from collections.abc import Set as AbstractSet

from triptych.agent.adopt import Found, Met, end_left, find
from triptych.agent.channel import Page
from triptych.agent.crew import Crew
from triptych.agent.held import Held
from triptych.agent.journal import Journal
from triptych.agent.outbox import Outbox
from triptych.agent.process import Heard, Process
from triptych.agent.spool import Position, replay
from triptych.messages import Key, Report


class Legacy:
    """Takes it over, once. `gone` are the attempts that were begun, and whose end nobody will ever tell."""

    def __init__(self, crew: Crew, journal: Journal, make_outbox: Callable[[], Outbox], heard: Heard) -> None:
        self.gone: AbstractSet[Key] = frozenset()
        self._crew = crew
        self._journal = journal
        self._make_outbox = make_outbox
        self._heard = heard
        self._outboxes: list[Outbox] = []
        self._processes: dict[str, Process] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def take_over(self, boot_id: str) -> list[Held]:
        """Return the attempts that still live. Nothing lives of any other when this returns; reading what was written down has begun.

        Of a spool of another boot nobody is signalled (workers L5).
        """
        found = await find(self._crew.spools, boot_id)
        alive = [self._carry_on(one, one.met) for one in found if one.met is not None]
        told = {key for one in found for key in one.told.ended}
        begun = {key for one in found for key in one.told.begun}
        foreign = {key for one in found if not one.of_this_boot for key in one.told.begun}
        self._forbid(self._journal.open_here(spooled=True) - begun)
        self.gone = (begun | self._journal.open_here(spooled=False)) - told - {held.key for held in alive}
        await end_left({job_id for job_id, _ in self.gone - foreign} - {held.job_id for held in alive}, self._crew.data_dir)
        for key in self.gone | told:
            self._journal.ended(key, None)
        self._journal.flush()
        for one in found:
            self._read(one, one.met)
        return alive

    async def close(self) -> None:
        """Report no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for outbox in self._outboxes:
            outbox.close()

    def _carry_on(self, found: Found, met: Met) -> Held:
        self._processes[found.folder] = process = self._crew.adopt(found.folder, met)
        return Held.of_shim(process, met.here)

    def _forbid(self, keys: AbstractSet[Key]) -> None:
        """Write down that these attempts never begin: their shim was to hear of them and did not."""
        for key in keys:
            self._journal.refused(key, "never begun")
            self._journal.ended(key, None)

    def _read(self, found: Found, met: Met | None) -> None:
        """Begin to report what a spool holds."""
        self._crew.receipts.open(found.folder)
        self._crew.receipts.expect(found.told.ended)
        if met is None:
            self._spawn(self._read_out(found.folder))
        else:
            self._spawn(self._catch_up(self._processes.pop(found.folder), met.until))

    async def _catch_up(self, process: Process, until: Position) -> None:
        """Report what a shim wrote down while nobody listened, and listen."""
        outbox = self._crew.outbox(process)
        for message in replay(process.spool, until):
            if isinstance(message, Report | Page):
                self._heard(process, message)
                await asyncio.sleep(0)
                await outbox.room()
        process.listen()

    async def _read_out(self, folder: str) -> None:
        """Report what a shim wrote down that is gone."""
        outbox, receipts = self._make_outbox(), self._crew.receipts
        self._outboxes.append(outbox)
        for message in replay(folder):
            if isinstance(message, Page):
                receipts.turn(folder, message.number)
            elif isinstance(message, Report):
                receipts.note(folder, message)
                outbox.put(message)
                await asyncio.sleep(0)
                await outbox.room()
        await outbox.empty()
        self._outboxes.remove(outbox)
        receipts.close(folder)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
