"""What a core asks for by itself: its workflow, on a file in its directory (media 3.2)."""

import asyncio

from triptych.contracts import Catalog
from triptych.errors import Invalid
from triptych.media.cores import LIVE_ABSENT, Core, DirPoll, Live
from triptych.media.inputs import find_directory
from triptych.model import Submission
from triptych.panels.http import Service
from triptych.panels.submissions import understand
from triptych.panels.workflows import contexts
from triptych.settings import Settings

ORIGIN = "dir_poll"


async def order(catalog: Catalog, settings: Settings, core: Core, uri: str) -> Submission:
    """Return what a core asks for on one input. Raises `Invalid` when its workflow is unknown or cannot run here."""
    body = {"inputUri": uri, "workflow": core.workflow, "origin": ORIGIN}
    told = await contexts(catalog, body)
    return understand(body, settings.cores, told, models_dir=settings.model_folder).submission(None, None)


async def trouble(door: Service, core: Core) -> str | None:
    """Return why a core cannot do its work, or None (media K5)."""
    match core.settings:
        case Live():
            return LIVE_ABSENT
        case DirPoll(directory=directory, workflow=workflow) if workflow:
            try:
                await order(door.catalog, door.settings, core, directory)
                await asyncio.to_thread(find_directory, directory, [str(root) for root in door.settings.media_roots])
            except Invalid as fault:
                return fault.message
    return None
