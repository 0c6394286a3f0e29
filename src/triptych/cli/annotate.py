"""Features measured on media files: by a server where there is one, else by a system of the command's own."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from triptych.cli import temporary
from triptych.cli.address import HERE, LOOPBACK, Server
from triptych.cli.batch import REFUSED, Batch, Order
from triptych.cli.client import NO_SERVER, Client, attempt
from triptych.cli.findings import View, facts, sections
from triptych.cli.gauges import Gauges
from triptych.cli.measures import WHOLE, Measure
from triptych.cli.printing import show_json, tell
from triptych.cli.records import FAILED
from triptych.cli.reports import report
from triptych.cli.run import TERMINATED, stop_on_sigterm
from triptych.errors import Invalid, Unavailable

FEATURES = "/api/ai/features"
ON_REQUEST = frozenset({"VIDEO_INDEX"})
"""Features that find nothing without options of their own."""


def annotate(
    *files: str,
    measure: Measure = WHOLE,
    most: Annotated[int, Parameter(validator=Number(gte=0))] = 20,
    local: bool = False,
    keep: Path | None = None,
    json: bool = False,
    to: Server = HERE,
) -> int:
    """Measure features on media files, all in one decode each, and show what is found.

    A server that runs does the work, and the files lie in its media roots. Where none answers on this machine, a temporary system does
    it, with the same code, and goes with all that it wrote. Files are measured side by side and reported in their order; one that fails
    stops no other. Ctrl-C cancels the jobs.

    The exit code is that of the first file that was not measured, else 0: 1 when its job failed, 2 when it was refused; 2 as well when
    what is asked is refused, 130 after Ctrl-C. Features that cannot be measured on a file, such as pictures of a sound, are told and change
    nothing.

    Args:
        files: media files, or URIs that the server may read.
        measure: what is measured and how.
        most: show at most so many findings of each feature.
        local: measure in a temporary system, also where a server runs.
        keep: as --local, and keep that system's data folder here, with the recordings of alarms.
        json: print each job as the server tells it, one a line, in place of the findings.
        to: the server to talk to.
    """
    if not files:
        raise Invalid("say which file: triptych annotate FILE...")
    asked = Annotation(files=files, measure=measure, most=most, json=json, local=local or keep is not None, keep=keep, to=to)
    try:
        return attempt(asked.run())
    except asyncio.CancelledError:
        return TERMINATED


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """A feature as a server tells it."""

    name: str
    available: bool
    needsModel: bool  # noqa: N815 - as documented
    resultKey: str  # noqa: N815 - as documented

    @property
    def usual(self) -> bool:
        """Whether it is measured where no feature is named."""
        return self.available and not self.needsModel and self.name not in ON_REQUEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One call of the command: what is asked of whom, and how it is shown."""

    files: Sequence[str]
    measure: Measure
    most: int
    json: bool
    local: bool
    keep: Path | None
    to: Server
    gauges: Gauges = field(default_factory=lambda: Gauges(Console(stderr=True)))

    async def run(self) -> int:
        """Measure all files and report them in their order; return the exit code."""
        stop_on_sigterm()
        self.measure.body(())
        if not self.local and await self._is_served():
            async with Client(self.to) as client:
                return await self._measure(client, [Order(file, _whole(file)) for file in self.files])
        return await self._measure_here()

    async def _is_served(self) -> bool:
        """Say whether the server answers. Raises `Unavailable` if it does not and is not this machine's."""
        async with Client(self.to) as client:
            try:
                await client.get(FEATURES)
            except Unavailable as fault:
                if fault.code != NO_SERVER or self.to.url().host not in LOOPBACK:
                    raise
                tell(f"no server answers at {self.to.server}: a temporary system measures")
                return False
        return True

    async def _measure_here(self) -> int:
        if self.measure.workflow and self.keep is None:
            raise Invalid("a workflow is kept by a server: --workflow needs one that runs, or --keep with the data folder of one")
        orders = _orders_here(self.files)
        if all(order.refused for order in orders):
            return REFUSED
        async with AsyncExitStack() as stack:
            with self.gauges.waiting("getting ready"):
                server = await stack.enter_async_context(temporary.system(_folders(orders), self.keep))
            client = await stack.enter_async_context(Client(server))
            code = await self._measure(client, orders)
        if self.keep is not None:
            tell(f"jobs and recordings are kept in {self.keep}; `triptych up --data {self.keep}` serves them")
        return code

    async def _measure(self, client: Client, orders: Sequence[Order]) -> int:
        known = client.decode(await client.get(FEATURES), tuple[Feature, ...])
        usual = [] if self.measure.workflow else [feature.name for feature in known if feature.usual]
        body = self.measure.body(self.measure.feature or usual)
        async with Batch(client, orders, self.gauges) as batch:
            await batch.submit(body)
            keys = {feature.name: feature.resultKey for feature in known}
            codes = [await self._report(batch, order, keys) for order in orders]
        return next(filter(None, codes), 0)

    async def _report(self, batch: Batch, order: Order, keys: Mapping[str, str]) -> int:
        found = await batch.ended(order)
        if found is None:
            return REFUSED
        body, view = found
        if self.json:
            show_json(body)
        elif view.response is not None:
            report(order.file, facts(view.response), sections(view, keys, self.most), apart=order is not batch.orders[0])
        sys.stdout.flush()
        if view.response is None:
            tell(f"{order.file}: {view.sentence}")
            return FAILED
        self._note(view)
        return 0

    def _note(self, view: View) -> None:
        """Say what becomes of recordings that a temporary system made."""
        if self.local and self.keep is None and (view.response or {}).get("recording"):
            tell("the recordings of alarms go with the temporary system; --keep DIR keeps them")


def is_uri(word: str) -> bool:
    """Say whether a word is a URI rather than the path of a file; what lies here is a file."""
    return _SCHEME.match(word) is not None and not Path(word).exists()


def _orders_here(files: Sequence[str]) -> list[Order]:
    """Return an order for each file, by its real path; what is no file is refused."""
    orders = [Order(file, file if is_uri(file) else str(Path(file).resolve())) for file in files]
    for order in orders:
        if not is_uri(order.file) and not Path(order.uri).is_file():
            order.refuse("there is no such file")
    return orders


def _folders(orders: Sequence[Order]) -> list[Path]:
    return list(dict.fromkeys(Path(order.uri).parent for order in orders if not order.refused and not is_uri(order.file)))


def _whole(file: str) -> str:
    return file if is_uri(file) else os.path.abspath(file)  # noqa: PTH100 - a path that the server may see differently is not resolved


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
