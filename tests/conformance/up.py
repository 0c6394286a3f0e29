"""`triptych up` as a process, and a client of it."""

from dataclasses import dataclass
from pathlib import Path

import httpx

DOCUMENTED_WORKER = "d5feef60-3029-11e9-b210-d663bd873d93"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpServer:
    """A running system."""

    client: httpx.AsyncClient
    data: Path
